//! The issuer: what each verb is at Graph and Entra.

use super::graph::{Graph, Known};
use super::options::AppSecretOptions;
use super::trial::{Door, Said, dead_or_new};
use super::{KEY_ID, SECRET};
use async_trait::async_trait;
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, ErrorKind, Fields, Find, Issuer,
    IssuerCapabilities, Liveness, Result, SecretValue, Style, Tag,
};
use keywheel_http_client::Young;
use std::path::Path;
use std::time::Duration;

/// A change of the directory may not be known everywhere for minutes. Microsoft names no figure.
const SETTLES: Duration = Duration::from_secs(300);
/// Of 40 characters the first six say little: `[\w~.-]{3}\dQ~[\w~.-]{34}`.
const ENTROPY_BITS: u32 = 186;

/// The secrets of one application. A credential is named by its key id.
pub struct AppSecretIssuer {
    graph: Graph,
    door: Door,
    settles: Duration,
    young: Young,
}

impl AppSecretIssuer {
    /// An issuer as configured; relative paths count from `base`. Nothing is called yet, and no credential is read.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work together, or `ca_file` cannot be used.
    pub fn new(options: &AppSecretOptions, base: &Path) -> Result<Self> {
        options.check()?;
        Ok(Self {
            door: Door::new(options, base)?,
            graph: Graph::new(options.clone(), base)?,
            settles: SETTLES,
            young: Young::new(SETTLES),
        })
    }

    /// The same for a directory that knows a change after this long.
    #[must_use]
    pub fn settling_in(self, settles: Duration) -> Self {
        Self {
            settles,
            young: Young::new(settles),
            ..self
        }
    }

    /// Of a value that Entra does not take.
    async fn refused(&self, id: &CredentialId) -> Result<Liveness> {
        let listed = self.graph.secrets().await?;
        let shown = listed.secrets.iter().any(|known| known.id == id.as_str());
        Ok(match !shown && self.young.is(id.as_str()) {
            true => Liveness::Unknown,
            false => dead_or_new(id.as_str(), &listed, self.settles),
        })
    }

    fn nobody(&self) -> Error {
        let options = &self.graph.options;
        Error::invalid(format!(
            "there is no application {} in tenant {}, or it has no service principal there",
            options.application, options.tenant
        ))
    }
}

#[async_trait]
impl Issuer for AppSecretIssuer {
    fn capabilities(&self) -> IssuerCapabilities {
        IssuerCapabilities {
            style: Style::Overlap,
            chosen_by: ChosenBy::Issuer,
            find: Find::ByTag,
            lists_after: self.settles,
            idempotent_mint: false,
            identifies: true,
            tests: true,
            reversible: false,
            revokes: true,
            activates: false,
            reports_last_use: false,
            sessions: false,
            reuse: false,
            expires: true,
            host_bound: false,
            entropy_bits: Some(ENTROPY_BITS),
        }
    }

    /// By its id where that is published, and else by the only secret that begins so, if the value works.
    async fn identify(&self, fields: &Fields) -> Result<Option<CredentialId>> {
        let text = |name: &str| fields.field(name).and_then(SecretValue::expose_secret_str);
        let listed = self.graph.secrets().await?;
        let mut fitting = listed.secrets.iter().filter(|known| match text(KEY_ID) {
            Some(id) => known.id == id,
            None => begins(known, text(SECRET)),
        });
        let (Some(found), None) = (fitting.next(), fitting.next()) else {
            return Ok(None);
        };
        let found = Credential {
            id: CredentialId::new(&found.id),
            fields: fields.duplicate(),
        };
        if text(KEY_ID).is_some() {
            return Ok(Some(found.id));
        }
        match self.door.login(&found).await? {
            Said::Accepted => Ok(Some(found.id)),
            Said::Wrong | Said::Expired => Ok(None),
            Said::Nobody => Err(self.nobody()),
            Said::Unclear => Err(Error::unavailable(
                "logging in with the secret: no clear answer, so that nothing says which one it is",
            )),
        }
    }

    async fn check_format(&self, candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
        let secret = candidate.field(SECRET);
        let text = secret.and_then(SecretValue::expose_secret_str);
        if !text.is_some_and(is_secret) {
            return Err(Error::invalid(format!(
                "`{SECRET}` is not that of an application"
            )));
        }
        let same = |previous: &Fields| match (secret, previous.field(SECRET)) {
            (Some(new), Some(old)) => new.matches(old),
            _ => false,
        };
        match previous.is_some_and(same) {
            true => Err(Error::invalid("the secret is the previous one")),
            false => Ok(()),
        }
    }

    async fn mint(&self, tag: &Tag) -> Result<Credential> {
        let made = self.graph.add(tag).await;
        let made = made.map_err(|error| match error.kind {
            ErrorKind::NotFound => Error::invalid(error.message),
            _ => error,
        })?;
        self.young.made(made.id.as_str());
        Ok(made)
    }

    async fn test(&self, credential: &Credential) -> Result<Liveness> {
        match self.door.login(credential).await? {
            Said::Nobody => Err(self.nobody()),
            Said::Wrong => self.refused(&credential.id).await,
            Said::Accepted => Ok(Liveness::Alive),
            Said::Expired => Ok(Liveness::Dead),
            Said::Unclear => Ok(Liveness::Unknown),
        }
    }

    async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
        let listed = self.graph.secrets().await?;
        let mut secrets = listed.secrets.iter();
        let Some(known) = secrets.find(|known| known.id == id.as_str()) else {
            return match self.young.is(id.as_str()) {
                true => Err(Error::unavailable(
                    "a secret that was made in the last minutes may not be listed yet",
                )),
                false => Ok(CredentialState::Absent),
            };
        };
        Ok(match known.until {
            Some(until) if until < listed.now => CredentialState::Disabled,
            _ => CredentialState::Active,
        })
    }

    /// Entra makes none without an end.
    async fn expires_at(&self, id: &CredentialId) -> Result<Option<i64>> {
        let listed = self.graph.secrets().await?;
        let mut secrets = listed.secrets.iter();
        let known = secrets.find(|known| known.id == id.as_str());
        let until = known.and_then(|known| known.until);
        let until = until.ok_or_else(|| {
            Error::unavailable(format!("secret {id} is not listed, or without its end"))
        })?;
        Ok(Some(until.unix_timestamp() * 1_000))
    }

    async fn find(&self, tag: &Tag) -> Result<Vec<CredentialId>> {
        let listed = self.graph.secrets().await?;
        let ours = listed.secrets.into_iter();
        let ours = ours.filter(|known| known.name == tag.as_str());
        Ok(ours.map(|known| CredentialId::new(known.id)).collect())
    }

    /// Graph refuses to take away what is not there, in words that it uses for other things too.
    async fn revoke(&self, id: &CredentialId) -> Result<()> {
        let young = self.young.is(id.as_str());
        if young {
            // Not being there would be taken for having ended: it has to be seen first.
            self.state(id).await?;
            self.young.seen(id.as_str());
        }
        match self.graph.remove(id).await {
            Err(error) if matches!(error.kind, ErrorKind::Invalid | ErrorKind::NotFound) => {
                if young {
                    // It was shown just now, and is perhaps not known everywhere.
                    self.young.made(id.as_str());
                }
                match self.state(id).await? {
                    CredentialState::Absent => {}
                    _ => return Err(error),
                }
            }
            done => done?,
        }
        self.young.ended(id.as_str());
        Ok(())
    }
}

fn begins(known: &Known, secret: Option<&str>) -> bool {
    !known.hint.is_empty() && secret.is_some_and(|secret| secret.starts_with(&known.hint))
}

/// 16 to 64 characters: <https://learn.microsoft.com/graph/api/resources/passwordcredential>.
fn is_secret(text: &str) -> bool {
    (16..=64).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic())
}
