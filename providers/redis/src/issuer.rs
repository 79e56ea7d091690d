//! The issuer.

use crate::identity::{Names, hash};
use crate::login::{Login, OurOwn};
use crate::options::RedisOptions;
use crate::server::Server;
use async_trait::async_trait;
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, Fields, Find, FingerprintKey,
    Issuer, IssuerCapabilities, Liveness, Refusal, Result, SecretValue, Style, Tag,
};
use keywheel_database::Passwords;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Passwords of one ACL user, two at once. Each is of the fields `user` and `password`.
pub struct RedisIssuer {
    server: Server,
    names: Names,
    own: OurOwn,
    passwords: Passwords,
}

impl RedisIssuer {
    /// An issuer by these options; relative paths count from `base`. Nothing is called yet.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work.
    pub fn new(options: RedisOptions, base: &Path, key: Arc<FingerprintKey>) -> Result<Self> {
        Ok(Self {
            names: Names::new(&options.user, key),
            passwords: options.passwords()?,
            server: Server::new(options, base)?,
            own: OurOwn::default(),
        })
    }

    fn user(&self) -> &str {
        self.server.user()
    }

    /// As a consumer logs in; who publishes the password alone logs in as our user.
    fn login<'a>(&'a self, fields: &'a Fields) -> Result<Login<'a>> {
        let user = match fields.field("user") {
            None => Some(self.user()),
            Some(user) => user.expose_secret_str(),
        };
        let user = user.ok_or_else(|| Error::invalid("the field `user` is not text"))?;
        let password = fields.field("password");
        let password =
            password.ok_or_else(|| Error::invalid("the credential has no field `password`"))?;
        Ok(Login { user, password })
    }

    /// The password, where it is one of our user's.
    fn password<'a>(&'a self, fields: &'a Fields) -> Result<&'a SecretValue> {
        let login = self.login(fields)?;
        match login.user == self.user() {
            true => Ok(login.password),
            false => Err(Error::invalid(format!(
                "the credential is of another user than `{}`",
                self.user()
            ))),
        }
    }

    async fn add(&self, credential: &Credential) -> Result<()> {
        let hash = hash(self.password(&credential.fields)?);
        self.server.admin().await?.add(&hash).await
    }

    /// Whoever has no such password has it no more; that is saved all the same, for somebody may have left it unsaved.
    async fn remove(&self, id: &CredentialId) -> Result<()> {
        let mut admin = self.server.admin().await?;
        let account = admin.account().await?.unwrap_or_default();
        match self.names.find(&account.hashes, id) {
            Some(hash) => admin.remove(hash).await,
            None => admin.keeps().await.map(drop),
        }
    }
}

#[async_trait]
impl Issuer for RedisIssuer {
    fn capabilities(&self) -> IssuerCapabilities {
        IssuerCapabilities {
            style: Style::Overlap,
            chosen_by: ChosenBy::Keywheel,
            find: Find::ByValue,
            lists_after: Duration::ZERO,
            idempotent_mint: false,
            identifies: true,
            tests: true,
            reversible: true,
            revokes: true,
            activates: false,
            reports_last_use: false,
            // Those of one password cannot be told from those of the other.
            sessions: false,
            reuse: true,
            expires: false,
            host_bound: false,
            entropy_bits: Some(self.passwords.entropy_bits()),
        }
    }

    async fn identify(&self, fields: &Fields) -> Result<Option<CredentialId>> {
        let hash = hash(self.password(fields)?);
        let account = self.server.admin().await?.existing().await?;
        let known = account.hashes.contains(&hash);
        Ok(known.then(|| self.names.id(&hash)))
    }

    /// Also looks whether the server would take it: a person is told before anything changes.
    async fn propose(&self, _current: Option<&CredentialId>) -> Result<Credential> {
        let mut admin = self.server.admin().await?;
        admin.existing().await?.ensure_usable(self.user())?;
        admin.ensure_alone().await?;
        let password = self.passwords.draw()?;
        let id = self.names.id(&hash(&password));
        let user = SecretValue::from(self.user().to_owned());
        let fields = [("user".to_owned(), user), ("password".to_owned(), password)];
        Ok(Credential {
            id,
            fields: fields.into_iter().collect(),
        })
    }

    async fn check_format(&self, candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
        self.password(candidate)?;
        self.passwords.check(candidate, previous)
    }

    async fn apply(&self, _tag: &Tag, candidate: &Credential) -> Result<()> {
        self.add(candidate).await
    }

    async fn test(&self, credential: &Credential) -> Result<Liveness> {
        let login = self.login(&credential.fields)?;
        self.server.test(&login, &self.own).await
    }

    /// A password is there or not; whether the user is off is not told here, for that ends no password.
    async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
        let account = self.server.admin().await?.account().await?;
        let hashes = account.unwrap_or_default().hashes;
        Ok(match self.names.find(&hashes, id) {
            Some(_) => CredentialState::Active,
            None => CredentialState::Absent,
        })
    }

    async fn disable(&self, id: &CredentialId) -> Result<()> {
        self.remove(id).await
    }

    async fn enable(&self, credential: &Credential) -> Result<()> {
        self.add(credential).await
    }

    async fn revoke(&self, id: &CredentialId) -> Result<()> {
        self.remove(id).await
    }

    async fn refused_uses(&self, _id: &CredentialId, since_ms: i64) -> Result<Vec<Refusal>> {
        self.server.refused_uses(since_ms, &self.own).await
    }
}
