//! The issuer.

use crate::identity::{Names, fits};
use crate::login::Login;
use crate::options::MysqlOptions;
use crate::server::{Dialect, Server};
use crate::{native, oracle};
use async_trait::async_trait;
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, Fields, Find, FingerprintKey,
    Issuer, IssuerCapabilities, Liveness, Result, SecretValue, Style, Tag,
};
use keywheel_database::Passwords;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Passwords of one account, two at once. Each is of the fields `user` and `password`.
pub struct MysqlIssuer {
    server: Server,
    names: Names,
    passwords: Passwords,
}

impl MysqlIssuer {
    /// An issuer by these options; relative paths count from `base`. Nothing is called yet.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work.
    pub fn new(options: MysqlOptions, base: &Path, key: Arc<FingerprintKey>) -> Result<Self> {
        let passwords = options.passwords()?;
        let user = options.user.clone();
        let user = user.ok_or_else(|| Error::invalid("two passwords at once are of one `user`"))?;
        let server = Server::new(options, user, base)?;
        Ok(Self {
            names: Names::new(server.account_name(), key),
            server,
            passwords,
        })
    }

    /// As a consumer logs in; who publishes the password alone logs in as our user.
    fn login<'a>(&'a self, fields: &'a Fields) -> Result<Login<'a>> {
        let user = match fields.field("user") {
            None => Some(self.server.user()),
            Some(user) => user.expose_secret_str(),
        };
        let user = user.ok_or_else(|| Error::invalid("the field `user` is not text"))?;
        let password = fields.field("password");
        let password =
            password.ok_or_else(|| Error::invalid("the credential has no field `password`"))?;
        Ok(Login { user, password })
    }

    /// The password, where it is one of our account's.
    fn password<'a>(&'a self, fields: &'a Fields) -> Result<&'a SecretValue> {
        let login = self.login(fields)?;
        match login.user == self.server.user() {
            true => Ok(login.password),
            false => Err(Error::invalid(format!(
                "the credential is of another user than `{}`",
                self.server.user()
            ))),
        }
    }

    async fn add(&self, credential: &Credential) -> Result<()> {
        let password = self.password(&credential.fields)?;
        let method = self.names.method(&credential.id, password)?;
        self.server.admin().await?.add(method).await
    }

    /// Whoever has no such password has it no more.
    async fn take_away(&self, id: &CredentialId) -> Result<()> {
        let mut admin = self.server.admin().await?;
        let Some(account) = admin.account().await? else {
            return Ok(());
        };
        let named = |method: &&crate::account::Method| self.names.id(method).as_ref() == Some(id);
        match account.methods.iter().find(named) {
            Some(old) => admin.take_away(&account, old).await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Issuer for MysqlIssuer {
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
        let password = self.password(fields)?;
        let account = self.server.admin().await?.existing().await?;
        let known = account.methods.iter().find(|method| fits(method, password));
        Ok(known.and_then(|method| self.names.id(method)))
    }

    /// Also looks whether the server would take it: a person is told before anything changes.
    async fn propose(&self, _current: Option<&CredentialId>) -> Result<Credential> {
        let mut admin = self.server.admin().await?;
        let account = admin.existing().await?;
        account.ensure_usable(self.names.account())?;
        admin.ensure_takes_hashes().await?;
        admin.ensure_may_close().await?;
        let plugin = match (admin.dialect, account.methods.first()) {
            (Dialect::MySql, Some(method)) if oracle::is_known(&method.plugin) => &method.plugin,
            (Dialect::MySql, Some(method)) => return Err(not_made(&method.plugin)),
            _ => native::PLUGIN,
        };
        let password = self.passwords.draw()?;
        let id = self.names.new_id(plugin, &password)?;
        let user = SecretValue::from(self.server.user().to_owned());
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
        self.server.test(&self.login(&credential.fields)?).await
    }

    /// A password is there or not; whether the account is locked is not told here, for that ends no password.
    async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
        let account = self.server.admin().await?.account().await?;
        let methods = account.map(|account| account.methods).unwrap_or_default();
        let named = |method: &crate::account::Method| self.names.id(method).as_ref() == Some(id);
        Ok(match methods.iter().any(named) {
            true => CredentialState::Active,
            false => CredentialState::Absent,
        })
    }

    async fn disable(&self, id: &CredentialId) -> Result<()> {
        self.take_away(id).await
    }

    async fn enable(&self, credential: &Credential) -> Result<()> {
        self.add(credential).await
    }

    async fn revoke(&self, id: &CredentialId) -> Result<()> {
        self.take_away(id).await
    }
}

fn not_made(plugin: &str) -> Error {
    Error::invalid(format!(
        "the account logs in by `{plugin}`, whose hashes are not made here: give it a password by \
         `caching_sha2_password`"
    ))
}
