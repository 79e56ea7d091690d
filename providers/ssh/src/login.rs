//! Logins to the server, as a consumer makes them.

use crate::options::SshKeyOptions;
use keywheel_contract::{Error, Result, SecretValue};
use russh::client::{self, AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::{
    Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, decode_secret_key,
};
use russh::{Disconnect, MethodKind, Preferred, Signer};
use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long a name's resolution, the connection and the exchange of keys may take together.
const CONNECTING: Duration = Duration::from_secs(10);
/// How long a login may take.
const LOGIN: Duration = Duration::from_secs(10);

/// What came of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The key was accepted.
    Accepted,
    /// The server refused it and would take another one.
    Refused,
    /// The server was not reached, or did not answer.
    Silence,
}

/// The server, and who is logged in there.
pub(crate) struct Server {
    host: String,
    port: u16,
    user: String,
    host_keys: Arc<Vec<PublicKey>>,
}

impl Server {
    pub(crate) fn new(options: &SshKeyOptions) -> Result<Self> {
        let place = options.place()?;
        Ok(Self {
            host: place.host,
            port: place.port,
            user: options.user.clone(),
            host_keys: Arc::new(options.pinned()?),
        })
    }

    /// For people.
    pub(crate) fn shown(&self) -> String {
        format!("{}@{}:{}", self.user, self.host, self.port)
    }

    /// Logs in with this key, over a connection at which a key that nobody knows was refused first.
    ///
    /// # Errors
    /// `Unavailable`: somebody else answers there. `Invalid`: the server lets anybody in, or takes no keys.
    pub(crate) async fn tried(&self, key: &Arc<PrivateKey>) -> Result<Answer> {
        let Some(mut session) = self.connected().await? else {
            return Ok(Answer::Silence);
        };
        let stranger = Arc::new(stranger()?);
        let answer = match self.answered(self.log_in(&mut session, &stranger)).await? {
            Answer::Accepted => Err(Error::invalid(format!(
                "{} lets anybody in: it took a key that was drawn a moment ago",
                self.shown()
            ))),
            Answer::Silence => Ok(Answer::Silence),
            Answer::Refused if key.algorithm().is_rsa() => {
                self.answered(self.ask(&mut session, key)).await
            }
            Answer::Refused => self.answered(self.log_in(&mut session, key)).await,
        };
        // Said for politeness: whatever became of it, the connection ends here.
        drop(session.disconnect(Disconnect::ByApplication, "", "").await);
        answer
    }

    /// A connection to the server that we know; `None` where nobody answers.
    async fn connected(&self) -> Result<Option<Handle<Known>>> {
        let known = Known(Arc::clone(&self.host_keys));
        let kinds: Vec<Algorithm> = self.host_keys.iter().map(PublicKey::algorithm).collect();
        let config = client::Config {
            preferred: Preferred {
                key: Cow::Owned(kinds),
                ..Preferred::DEFAULT
            },
            ..client::Config::default()
        };
        let address = (self.host.as_str(), self.port);
        let connecting = client::connect(Arc::new(config), address, known);
        match timeout(CONNECTING, connecting).await {
            Ok(Ok(session)) => Ok(Some(session)),
            Ok(Err(russh::Error::UnknownKey | russh::Error::NoCommonAlgo { .. })) => {
                Err(Error::unavailable(format!(
                    "{}:{} shows none of the `host_keys`: is it another server? nothing was sent to it",
                    self.host, self.port
                )))
            }
            Ok(Err(_)) | Err(_) => Ok(None),
        }
    }

    async fn log_in(
        &self,
        session: &mut Handle<Known>,
        key: &Arc<PrivateKey>,
    ) -> Option<AuthResult> {
        let key = PrivateKeyWithHashAlg::new(Arc::clone(key), None);
        let login = session.authenticate_publickey(&self.user, key);
        login.await.ok()
    }

    /// Asks whether the server would take a signature of this key, without making one (RFC 4252, section 7): signing
    /// with RSA takes a library whose timing tells of the key.
    async fn ask(&self, session: &mut Handle<Known>, key: &Arc<PrivateKey>) -> Option<AuthResult> {
        let public = key.public_key().clone();
        let hash = Some(HashAlg::Sha512);
        let mut nobody = NoSigner;
        let asked = session.authenticate_publickey_with(&self.user, public, hash, &mut nobody);
        match asked.await {
            Ok(refused) => Some(refused),
            Err(Asked::ToSign) => Some(AuthResult::Success),
            Err(Asked::Lost) => None,
        }
    }

    async fn answered(&self, login: impl Future<Output = Option<AuthResult>>) -> Result<Answer> {
        match timeout(LOGIN, login).await {
            Ok(Some(AuthResult::Success)) => Ok(Answer::Accepted),
            // The key is right, and more is asked for beside it.
            Ok(Some(AuthResult::Failure {
                partial_success: true,
                ..
            })) => Ok(Answer::Accepted),
            Ok(Some(AuthResult::Failure {
                remaining_methods, ..
            })) => self.refused(&remaining_methods),
            Ok(None) | Err(_) => Ok(Answer::Silence),
        }
    }

    /// A server that refused a key names what it would take; who hung up names nothing.
    fn refused(&self, remaining: &[MethodKind]) -> Result<Answer> {
        match remaining {
            [] => Ok(Answer::Silence),
            methods if methods.contains(&MethodKind::PublicKey) => Ok(Answer::Refused),
            _ => Err(Error::invalid(format!(
                "{} takes no keys: turn `PubkeyAuthentication` on",
                self.shown()
            ))),
        }
    }
}

/// A key that nobody can know.
fn stranger() -> Result<PrivateKey> {
    let drawn: SecretValue = keywheel_ssh_keys::ed25519()?.private;
    decode_secret_key(drawn.expose_secret_str().unwrap_or_default(), None)
        .map_err(|_| Error::unavailable("no key can be drawn to try the server with"))
}

/// Talks to nobody but the server whose key is known.
struct Known(Arc<Vec<PublicKey>>);

impl client::Handler for Known {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKey,
    ) -> std::result::Result<bool, russh::Error> {
        Ok(self
            .0
            .iter()
            .any(|known| known.key_data() == shown.key_data()))
    }
}

/// Signs nothing; to be asked is the answer.
struct NoSigner;

enum Asked {
    ToSign,
    Lost,
}

impl From<russh::SendError> for Asked {
    fn from(_: russh::SendError) -> Self {
        Self::Lost
    }
}

impl Signer for NoSigner {
    type Error = Asked;

    async fn auth_sign(
        &mut self,
        _key: &AgentIdentity,
        _hash: Option<HashAlg>,
        _to_sign: Vec<u8>,
    ) -> std::result::Result<Vec<u8>, Asked> {
        Err(Asked::ToSign)
    }
}
