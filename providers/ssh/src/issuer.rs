//! The issuer.

use crate::account::Account;
use crate::key;
use crate::lines;
use crate::login::{Answer, Server};
use crate::options::SshKeyOptions;
use async_trait::async_trait;
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, Fields, Find, Issuer,
    IssuerCapabilities, Liveness, Result, SecretValue, Style, Tag,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// SSH keys of one account. Each is of the fields `private_key` and `public_key`.
pub struct SshKeyIssuer {
    account: Account,
    server: Server,
    line_options: Option<String>,
}

impl SshKeyIssuer {
    /// An issuer by these options; relative paths count from `base`. Nothing is read or called yet.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work.
    pub fn new(options: SshKeyOptions, base: &Path) -> Result<Self> {
        options.check()?;
        Ok(Self {
            account: Account::new(base.join(&options.authorized_keys)),
            server: Server::new(&options)?,
            line_options: options.line_options,
        })
    }

    /// The server refuses a key that the file honours: then the file is not what counts there.
    async fn refused(&self, id: &CredentialId) -> Result<Liveness> {
        match self.account.state(id.as_str()).await? {
            CredentialState::Active => Err(Error::invalid(format!(
                "{} refuses a key that stands in `{}`: is the account locked, is that the file it reads \
                 (`sshd -T`: authorizedkeysfile), are its owner and mode to the server's liking (StrictModes), do the \
                 options of the line let keywheel in from here?",
                self.server.shown(),
                self.account.shown()
            ))),
            _ => Ok(Liveness::Dead),
        }
    }
}

#[async_trait]
impl Issuer for SshKeyIssuer {
    fn capabilities(&self) -> IssuerCapabilities {
        IssuerCapabilities {
            style: Style::Overlap,
            chosen_by: ChosenBy::Keywheel,
            find: Find::ByTag,
            lists_after: Duration::ZERO,
            idempotent_mint: false,
            identifies: true,
            tests: true,
            reversible: true,
            revokes: true,
            activates: false,
            reports_last_use: false,
            sessions: false,
            reuse: true,
            expires: false,
            host_bound: true,
            // What it takes to find the private key of an Ed25519 pair (RFC 8032, section 8.5).
            entropy_bits: Some(128),
        }
    }

    async fn identify(&self, fields: &Fields) -> Result<Option<CredentialId>> {
        let id = key::id(&key::read(fields)?);
        let state = self.account.state(id.as_str()).await?;
        Ok((state != CredentialState::Absent).then_some(id))
    }

    /// Also looks whether the file could be changed: a person is told before anything changes.
    async fn propose(&self, _current: Option<&CredentialId>) -> Result<Credential> {
        self.account.ensure_writable().await?;
        let pair = keywheel_ssh_keys::ed25519()?;
        let fields = [
            ("private_key".to_owned(), pair.private),
            ("public_key".to_owned(), SecretValue::from(pair.public)),
        ];
        let fields = fields.into_iter().collect();
        let id = key::id(&key::read(&fields)?);
        Ok(Credential { id, fields })
    }

    async fn check_format(&self, candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
        let private = |fields: &Fields| fields.field("private_key").map(SecretValue::duplicate);
        let same = previous.and_then(private).zip(private(candidate));
        if same.is_some_and(|(previous, candidate)| previous.matches(&candidate)) {
            return Err(Error::invalid("the key is the one in use"));
        }
        key::read(candidate).map(drop)
    }

    async fn apply(&self, tag: &Tag, candidate: &Credential) -> Result<()> {
        let key = key::read(&candidate.fields)?;
        let public = key.public_key().to_openssh();
        let public = public.map_err(|_| Error::invalid("the public key cannot be written"))?;
        let bare: Vec<&str> = public.split(' ').take(2).collect();
        let line = lines::line(self.line_options.as_deref(), &bare.join(" "), tag.as_str());
        let name = candidate.id.as_str().to_owned();
        let add = move |text: &[u8]| {
            let known = lines::listed(text)
                .iter()
                .any(|one| one.fingerprint == name);
            Ok(match known {
                true => lines::enabled(text, &name),
                false => lines::with(text, &line),
            })
        };
        self.account.change(add).await
    }

    async fn test(&self, credential: &Credential) -> Result<Liveness> {
        // What is no key is nothing that a server could be asked about.
        let Ok(key) = key::read(&credential.fields) else {
            return Ok(Liveness::Unknown);
        };
        match self.server.tried(&Arc::new(key)).await? {
            Answer::Accepted => Ok(Liveness::Alive),
            Answer::Refused => self.refused(&credential.id).await,
            Answer::Silence => Ok(Liveness::Unknown),
        }
    }

    async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
        self.account.state(id.as_str()).await
    }

    async fn find(&self, tag: &Tag) -> Result<Vec<CredentialId>> {
        let listed = self.account.listed().await?;
        let ours = listed.into_iter().filter(|one| one.comment == tag.as_str());
        Ok(ours.map(|one| CredentialId::new(one.fingerprint)).collect())
    }

    async fn disable(&self, id: &CredentialId) -> Result<()> {
        let name = id.as_str().to_owned();
        let change = move |text: &[u8]| Ok(lines::disabled(text, &name));
        self.account.change(change).await
    }

    /// Where somebody has taken the line away meanwhile, its options went with it: it is not made up.
    async fn enable(&self, credential: &Credential) -> Result<()> {
        let name = credential.id.as_str().to_owned();
        let shown = self.account.shown();
        let change = move |text: &[u8]| {
            let known = lines::listed(text)
                .iter()
                .any(|one| one.fingerprint == name);
            match known {
                true => Ok(lines::enabled(text, &name)),
                false => Err(Error::not_found(format!(
                    "`{shown}` has no line of the key {name} any more: somebody has taken it away; put it back"
                ))),
            }
        };
        self.account.change(change).await
    }

    async fn revoke(&self, id: &CredentialId) -> Result<()> {
        let name = id.as_str().to_owned();
        let change = move |text: &[u8]| Ok(lines::without(text, &name));
        self.account.change(change).await
    }
}
