//! The issuer.

use super::standing::{Standing, change, ensure_passwords_alone};
use super::{Identity, SALT_LENGTH, Value, sessions};
use crate::account::Method;
use crate::identity::fits;
use crate::login::Login;
use crate::options::MysqlOptions;
use crate::server::{Admin, Server};
use crate::{mariadb, native};
use async_trait::async_trait;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, ErrorKind, Fields, Find, Issuer,
    IssuerCapabilities, Liveness, Result, SecretValue, Session, Style, Tag,
};
use keywheel_database::Passwords;
use std::path::Path;
use std::time::Duration;

/// Passwords of two accounts that take turns. Each credential is of the fields `user` and `password`.
pub struct AlternatingIssuer {
    /// The same server, for each of the accounts.
    accounts: [Server; 2],
    passwords: Passwords,
}

impl AlternatingIssuer {
    /// An issuer by these options; relative paths count from `base`. Nothing is called yet.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work.
    pub fn new(options: &MysqlOptions, base: &Path) -> Result<Self> {
        options.check()?;
        let [a, b] = options.users.as_slice() else {
            return Err(Error::invalid("`users` names the two that take turns"));
        };
        let account = |user: &String| Server::new(options.clone(), user.clone(), base);
        Ok(Self {
            accounts: [account(a)?, account(b)?],
            passwords: options.passwords()?,
        })
    }

    /// The account of that user, where it is one of ours.
    fn of_user(&self, user: &str) -> Option<&Server> {
        self.accounts.iter().find(|one| one.user() == user)
    }

    /// A credential of one of our accounts: nothing else is ever changed, whatever somebody wrote into a journal or a
    /// store.
    fn ours(&self, id: &CredentialId) -> Result<(&Server, Value)> {
        let identity = Identity::parse(id)?;
        let account = self
            .accounts
            .iter()
            .find(|one| one.account_name() == identity.principal);
        let account = account.ok_or_else(|| {
            let name = &identity.principal;
            Error::invalid(format!("`{name}` is none of the accounts of this issuer"))
        })?;
        Ok((account, identity.value))
    }

    /// The account that takes over is idle, and may do what the current one may. One that lets somebody in by what is not
    /// of keywheel is in use by whom nobody knows; where nothing is published, by whatever it lets somebody in.
    async fn fits(&self, admin: &mut Admin<'_>, current: Option<&Server>) -> Result<Standing> {
        let next = admin.server.account_name();
        let standing = admin.standing().await?;
        ensure_passwords_alone(&standing.account, &next)?;
        // One of a value that was ended would be taken for one of the new.
        let open = admin.sessions().await?;
        if let Some(first) = open.first() {
            return Err(Error::unavailable(format!(
                "account {next} should be idle, and {} sessions use it, the first from {}: nothing was changed",
                open.len(),
                first.from
            )));
        }
        match current {
            Some(_) if standing.lets_in() && standing.mark.numbers.is_live(Value::default()) => {
                return Err(is_in_use(admin.server));
            }
            Some(current) => admin.ensure_misses_nothing(current.user()).await?,
            None if standing.lets_in() => {
                return Err(Error::invalid(format!(
                    "account {next} lets somebody in, and nothing is published: publish its value first, or lock it \
                     (`ALTER USER … ACCOUNT LOCK`)"
                )));
            }
            None => {}
        }
        Ok(standing)
    }
}

#[async_trait]
impl Issuer for AlternatingIssuer {
    fn capabilities(&self) -> IssuerCapabilities {
        IssuerCapabilities {
            style: Style::Alternating,
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
            sessions: true,
            reuse: true,
            expires: false,
            host_bound: false,
            entropy_bits: Some(self.passwords.entropy_bits()),
        }
    }

    /// The value that stands, where the account has this password.
    async fn identify(&self, fields: &Fields) -> Result<Option<CredentialId>> {
        let login = login(fields)?;
        let Some(account) = self.of_user(login.user) else {
            return Ok(None);
        };
        let standing = account.admin().await?.standing().await?;
        let numbers = standing.mark.numbers;
        match standing.ways().any(|way| fits(way, login.password)) {
            false => Ok(None),
            true if numbers.ended => Err(revived(&account.account_name())),
            true => Ok(Some(id(account, numbers.value))),
        }
    }

    /// Also looks whether the server would take it: a person is told before anything changes.
    async fn propose(&self, current: Option<&CredentialId>) -> Result<Credential> {
        let current = current.map(|id| self.ours(id)).transpose()?;
        let current = current.map(|(account, _)| account);
        let [a, b] = &self.accounts;
        let next = match current {
            Some(current) if current.user() == a.user() => b,
            _ => a,
        };
        let mut admin = next.admin().await?;
        let standing = self.fits(&mut admin, current).await?;
        admin.ensure_takes_hashes().await?;
        admin.ensure_may_close().await?;
        let value = Value {
            serial: standing.mark.numbers.next(),
            salt: Some(salt()?),
        };
        let user = SecretValue::from(next.user().to_owned());
        let password = self.passwords.draw()?;
        let fields = [("user".to_owned(), user), ("password".to_owned(), password)];
        Ok(Credential {
            id: id(next, value),
            fields: fields.into_iter().collect(),
        })
    }

    async fn check_format(&self, candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
        if self.of_user(login(candidate)?.user).is_none() {
            return Err(Error::invalid("`user` is none of the users of this issuer"));
        }
        self.passwords.check(candidate, previous)
    }

    async fn apply(&self, tag: &Tag, candidate: &Credential) -> Result<()> {
        let (account, value) = self.ours(&candidate.id)?;
        let login = login(&candidate.fields)?;
        if login.user != account.user() {
            return Err(Error::invalid(
                "`user` is not the one that the credential is of",
            ));
        }
        let password = Method::native(&native::hash(login.password));
        let decide = |now: &Standing| {
            let methods = [password, now.mark.set(value, tag)?.write()?];
            let is_done = now.account.methods == methods && !now.account.locked;
            let set = mariadb::altered(account.parts(), &methods)?;
            Ok((!is_done).then(|| format!("{set} ACCOUNT UNLOCK")))
        };
        change(account, decide).await
    }

    async fn test(&self, credential: &Credential) -> Result<Liveness> {
        let login = login(&credential.fields)?;
        let account = self.of_user(login.user).unwrap_or(&self.accounts[0]);
        account.test(&login).await
    }

    async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
        let (account, value) = self.ours(id)?;
        match account.admin().await?.standing().await {
            Ok(now) if !now.mark.numbers.is_live(value) => Ok(CredentialState::Absent),
            Ok(now) if now.account.locked => Ok(CredentialState::Disabled),
            Ok(_) => Ok(CredentialState::Active),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(CredentialState::Absent),
            Err(error) => Err(error),
        }
    }

    async fn find(&self, tag: &Tag) -> Result<Vec<CredentialId>> {
        let mut found = Vec::new();
        for account in &self.accounts {
            let mark = account.admin().await?.standing().await?.mark;
            if mark.is_of(tag) && !mark.numbers.ended {
                found.push(id(account, mark.numbers.value));
            }
        }
        Ok(found)
    }

    async fn disable(&self, id: &CredentialId) -> Result<()> {
        let (account, value) = self.ours(id)?;
        let decide = |now: &Standing| {
            let is_on = now.mark.numbers.is_live(value) && !now.account.locked;
            Ok(is_on.then(|| locked(account, "LOCK")))
        };
        gone_is_ended(change(account, decide).await)
    }

    async fn enable(&self, credential: &Credential) -> Result<()> {
        let (account, value) = self.ours(&credential.id)?;
        let decide = |now: &Standing| match now.mark.numbers.is_live(value) {
            true => Ok(now.account.locked.then(|| locked(account, "UNLOCK"))),
            false => Err(Error::invalid(format!(
                "the value of account {} was ended for good or replaced",
                account.account_name()
            ))),
        };
        change(account, decide).await
    }

    /// The account stays, locked and without a password.
    async fn revoke(&self, id: &CredentialId) -> Result<()> {
        let (account, value) = self.ours(id)?;
        let decide = |now: &Standing| {
            let Some(mark) = now.mark.end(value) else {
                return Ok(None);
            };
            if now.mark.numbers.is_live(value) {
                let ended = mariadb::altered(account.parts(), &[mark.write()?])?;
                return Ok(Some(format!("{ended} ACCOUNT LOCK")));
            }
            // It was never set: only its number is used up.
            let methods: Vec<Method> = now.ways().cloned().chain([mark.write()?]).collect();
            mariadb::altered(account.parts(), &methods).map(Some)
        };
        gone_is_ended(change(account, decide).await)
    }

    async fn sessions(&self, id: &CredentialId) -> Result<Vec<Session>> {
        let (account, value) = self.ours(id)?;
        sessions::of_value(account, value).await
    }

    async fn end_sessions(&self, id: &CredentialId) -> Result<u64> {
        let (account, value) = self.ours(id)?;
        sessions::end(account, value).await
    }
}

fn id(account: &Server, value: Value) -> CredentialId {
    let principal = account.account_name();
    Identity { principal, value }.id()
}

/// # Errors
/// `Unavailable`: there is no randomness.
fn salt() -> Result<[u8; SALT_LENGTH]> {
    let mut salt = [0; SALT_LENGTH];
    let filled = SystemRandom::new().fill(&mut salt);
    filled.map_err(|_| Error::unavailable("the operating system gives no usable randomness"))?;
    Ok(salt)
}

fn locked(account: &Server, how: &str) -> String {
    let (user, host) = account.parts();
    format!(
        "ALTER USER {} ACCOUNT {how}",
        crate::quote::account(user, host)
    )
}

/// Its password is not of keywheel, and perhaps somebody's who is not logged in at the moment.
fn is_in_use(account: &Server) -> Error {
    Error::invalid(format!(
        "account {} should be idle, and lets somebody in by a password that keywheel did not give it: find out who uses \
         it, then lock it first (`{}`); nothing was changed",
        account.account_name(),
        locked(account, "LOCK")
    ))
}

/// An account that is gone lets nobody in.
fn gone_is_ended(done: Result<()>) -> Result<()> {
    match done {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Somebody gave it a password by hand and left the mark: ending the value that it names would do nothing.
fn revived(name: &str) -> Error {
    Error::invalid(format!(
        "account {name} was ended and has a password again beside the mark of its end: give it one by hand (`ALTER USER … \
         IDENTIFIED BY …`), which then counts as its value from before keywheel"
    ))
}

fn login(fields: &Fields) -> Result<Login<'_>> {
    let user = fields
        .field("user")
        .and_then(SecretValue::expose_secret_str);
    match (user, fields.field("password")) {
        (Some(user), Some(password)) => Ok(Login { user, password }),
        _ => Err(Error::invalid(
            "the credential has no `user` and `password`: publish both, each in a field of its own",
        )),
    }
}
