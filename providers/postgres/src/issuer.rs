//! The issuer.

use crate::change::{self, Change, Standing};
use crate::grants;
use crate::identity::{Identity, Value};
use crate::login::{Login, log_in};
use crate::options::PostgresOptions;
use crate::quote;
use crate::server::Server;
use crate::usage;
use crate::verifier::{salt, verifier};
use async_trait::async_trait;
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, CredentialState, Error, ErrorKind, Fields, Find, Issuer,
    IssuerCapabilities, Liveness, Result, SecretValue, Session, Style, Tag,
};
use keywheel_database::Passwords;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Gives roles of one PostgreSQL server new passwords.
pub struct PostgresIssuer {
    options: PostgresOptions,
    server: Arc<Server>,
    passwords: Passwords,
}

impl PostgresIssuer {
    /// An issuer by these options; nothing is called yet. Relative paths count from `base`.
    ///
    /// # Errors
    /// `Invalid`: the options cannot work together.
    pub fn new(options: PostgresOptions, base: &Path) -> Result<Self> {
        options.check()?;
        Ok(Self {
            server: Server::shared(&options, base)?,
            passwords: options.passwords()?,
            options,
        })
    }

    fn alternates(&self) -> bool {
        self.options.style() == Style::Alternating
    }

    /// A credential of one of our roles: nothing else is ever changed, whatever somebody wrote into a journal or a store.
    fn ours(&self, id: &CredentialId) -> Result<Identity> {
        let identity = Identity::parse(id)?;
        match self.options.rotated().contains(&identity.principal) {
            true => Ok(identity),
            false => Err(Error::invalid(format!(
                "`{}` is none of the roles of this issuer",
                identity.principal
            ))),
        }
    }

    /// The role whose turn it is.
    fn next_role(&self, current: Option<&Identity>) -> Result<String> {
        let [a, b] = self.options.roles.as_slice() else {
            return Ok(self.options.rotated().swap_remove(0));
        };
        Ok(match current {
            Some(current) if current.principal == *a => b.clone(),
            _ => a.clone(),
        })
    }

    /// The role that takes over is idle, is not past its end, and may do what the current one may. Where nothing is
    /// published, one that lets somebody in is in use by whom nobody knows.
    async fn fits(&self, current: Option<&Identity>, next: &str, role: &Standing) -> Result<()> {
        if role.has_expired {
            return Err(Error::invalid(format!(
                "`{next}` is past its VALID UNTIL, so that no password lets it in"
            )));
        }
        // One of a value that was ended would be taken for one of the new.
        let sessions = usage::sessions_of_role(&self.server, next).await?;
        if let Some(first) = sessions.first() {
            return Err(Error::unavailable(format!(
                "`{next}` should be idle, and {} sessions use it, the first from {}: nothing was changed",
                sessions.len(),
                first.from
            )));
        }
        match current {
            Some(current) => grants::compare(&self.server, &current.principal, next).await,
            None if role.can_login => Err(Error::invalid(format!(
                "`{next}` lets somebody in, and nothing is published: publish its value first, or take its login away \
                 (`ALTER ROLE … NOLOGIN`)"
            ))),
            None => Ok(()),
        }
    }

    async fn alter(&self, identity: &Identity, doing: &str, how: &str) -> Result<()> {
        let decide = |role: &Standing| {
            Ok(role.mark.numbers.is_live(identity.value).then(|| Change {
                alter: Some(how.to_owned()),
                mark: role.mark.clone(),
            }))
        };
        change::change(&self.server, &identity.principal, doing, decide).await
    }

    /// What a login that was refused before its password says: only the role itself tells whether it was meant.
    async fn refused(&self, user: &str) -> Result<Liveness> {
        match change::look(&self.server, user).await {
            Ok(role) if role.can_login => Ok(Liveness::Unknown),
            Ok(_) => Ok(Liveness::Dead),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Liveness::Dead),
            Err(error) if error.kind == ErrorKind::Unavailable => Ok(Liveness::Unknown),
            Err(error) => Err(error),
        }
    }

    /// A server that lets anybody in cannot say of any password that it is right.
    async fn refuses_wrong(&self, user: &str) -> Result<()> {
        let wrong = self.passwords.draw()?;
        match log_in(&self.server, user, &wrong).await? {
            Login::Accepted => Err(Error::invalid(format!(
                "the server lets `{user}` in with any password: a line of pg_hba.conf says `trust`, or another method that \
                 asks for none; make it `scram-sha-256`"
            ))),
            Login::WrongPassword | Login::NotAllowed => Ok(()),
            Login::Unknown(why) => Err(Error::unavailable(format!(
                "whether a wrong password is refused cannot be told: {why}"
            ))),
        }
    }

    fn only_alternating(&self, what: &str) -> Result<()> {
        match self.alternates() {
            true => Ok(()),
            false => Err(Error::invalid(format!(
                "one role in place has no {what}: its old password is gone when the new one is set"
            ))),
        }
    }
}

#[async_trait]
impl Issuer for PostgresIssuer {
    fn capabilities(&self) -> IssuerCapabilities {
        let alternates = self.alternates();
        IssuerCapabilities {
            style: self.options.style(),
            chosen_by: ChosenBy::Keywheel,
            find: Find::ByTag,
            lists_after: Duration::ZERO,
            idempotent_mint: false,
            identifies: true,
            tests: true,
            reversible: alternates,
            revokes: alternates,
            activates: false,
            reports_last_use: false,
            sessions: alternates,
            reuse: true,
            expires: false,
            host_bound: false,
            entropy_bits: Some(self.passwords.entropy_bits()),
        }
    }

    /// The value that stands, where the fields log in.
    async fn identify(&self, fields: &Fields) -> Result<Option<CredentialId>> {
        let (user, _) = user_and_password(fields)?;
        if !self.options.rotated().contains(&user) {
            return Ok(None);
        }
        let role = change::look(&self.server, &user).await?;
        let identity = Identity {
            principal: user,
            value: role.mark.numbers.value,
        };
        let credential = Credential {
            id: identity.id(),
            fields: fields.duplicate(),
        };
        match self.test(&credential).await? {
            Liveness::Alive if role.mark.numbers.ended => Err(revived(&identity.principal)),
            Liveness::Alive => Ok(Some(credential.id)),
            Liveness::Dead => Ok(None),
            Liveness::Unknown => Err(Error::unavailable(
                "the server cannot tell now whose password that is",
            )),
        }
    }

    async fn propose(&self, current: Option<&CredentialId>) -> Result<Credential> {
        let current = current.map(|id| self.ours(id)).transpose()?;
        let next = self.next_role(current.as_ref())?;
        let role = change::look(&self.server, &next).await?;
        if self.alternates() {
            self.fits(current.as_ref(), &next, &role).await?;
        }
        let value = Value {
            serial: role.mark.numbers.next(),
            salt: Some(salt()?),
        };
        let mut fields = Fields::new();
        fields.insert("user", SecretValue::from(next.clone()));
        fields.insert("password", self.passwords.draw()?);
        Ok(Credential {
            id: Identity {
                principal: next,
                value,
            }
            .id(),
            fields,
        })
    }

    async fn check_format(&self, candidate: &Fields, previous: Option<&Fields>) -> Result<()> {
        let (user, _) = user_and_password(candidate)?;
        if !self.options.rotated().contains(&user) {
            return Err(Error::invalid("`user` is none of the roles of this issuer"));
        }
        self.passwords.check(candidate, previous)
    }

    async fn apply(&self, tag: &Tag, candidate: &Credential) -> Result<()> {
        let identity = self.ours(&candidate.id)?;
        let (user, password) = user_and_password(&candidate.fields)?;
        if user != identity.principal {
            return Err(Error::invalid(
                "`user` is not the role that the credential is of",
            ));
        }
        if tag.as_str().contains(char::is_whitespace) {
            return Err(Error::invalid("a tag has no space"));
        }
        let salt = match identity.value.salt {
            Some(salt) => salt,
            None => salt()?,
        };
        let verifier = verifier(password, &salt)?;
        let decide = |role: &Standing| {
            Ok(Some(Change {
                alter: Some(format!("LOGIN PASSWORD {}", quote::text(&verifier))),
                mark: role.mark.set(identity.value, tag)?,
            }))
        };
        change::change(&self.server, &identity.principal, "set a password", decide).await
    }

    async fn test(&self, credential: &Credential) -> Result<Liveness> {
        let (user, password) = user_and_password(&credential.fields)?;
        match log_in(&self.server, &user, password).await? {
            Login::Accepted => {
                self.refuses_wrong(&user).await?;
                Ok(Liveness::Alive)
            }
            Login::WrongPassword => Ok(Liveness::Dead),
            Login::NotAllowed => self.refused(&user).await,
            Login::Unknown(_) => Ok(Liveness::Unknown),
        }
    }

    async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
        let identity = self.ours(id)?;
        match change::look(&self.server, &identity.principal).await {
            Ok(role) if !role.mark.numbers.is_live(identity.value) => Ok(CredentialState::Absent),
            Ok(role) if role.can_login => Ok(CredentialState::Active),
            Ok(_) => Ok(CredentialState::Disabled),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(CredentialState::Absent),
            Err(error) => Err(error),
        }
    }

    async fn find(&self, tag: &Tag) -> Result<Vec<CredentialId>> {
        let mut found = Vec::new();
        for role in self.options.rotated() {
            let mark = change::look(&self.server, &role).await?.mark;
            if mark.tag == tag.as_str() && !mark.numbers.ended {
                let (principal, value) = (role, mark.numbers.value);
                found.push(Identity { principal, value }.id());
            }
        }
        Ok(found)
    }

    async fn disable(&self, id: &CredentialId) -> Result<()> {
        self.only_alternating("disable")?;
        self.alter(&self.ours(id)?, "take the login away", "NOLOGIN")
            .await
    }

    async fn enable(&self, credential: &Credential) -> Result<()> {
        self.only_alternating("enable")?;
        let identity = self.ours(&credential.id)?;
        let decide = |role: &Standing| match role.mark.numbers.is_live(identity.value) {
            true => Ok(Some(Change {
                alter: Some("LOGIN".to_owned()),
                mark: role.mark.clone(),
            })),
            false => Err(Error::invalid(format!(
                "the value of `{}` was ended for good or replaced",
                identity.principal
            ))),
        };
        change::change(
            &self.server,
            &identity.principal,
            "give the login back",
            decide,
        )
        .await
    }

    /// The role stays, without login and password.
    async fn revoke(&self, id: &CredentialId) -> Result<()> {
        self.only_alternating("revoke")?;
        let identity = self.ours(id)?;
        let decide = |role: &Standing| {
            let ended = role.mark.end(identity.value);
            let was_set = role.mark.numbers.is_live(identity.value);
            Ok(ended.map(|mark| Change {
                alter: was_set.then(|| "NOLOGIN PASSWORD NULL".to_owned()),
                mark,
            }))
        };
        let doing = "take the password away";
        match change::change(&self.server, &identity.principal, doing, decide).await {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    async fn sessions(&self, id: &CredentialId) -> Result<Vec<Session>> {
        self.only_alternating("sessions of its own")?;
        usage::sessions(&self.server, &self.ours(id)?).await
    }

    async fn end_sessions(&self, id: &CredentialId) -> Result<u64> {
        self.only_alternating("sessions of its own")?;
        usage::end(&self.server, &self.ours(id)?).await
    }
}

/// Somebody gave it a password by hand: ending the value that its comment names would do nothing.
fn revived(role: &str) -> Error {
    Error::invalid(format!(
        "`{role}` was ended and lets somebody in again: take the line out of its comment that begins with `keywheel:`, then \
         what it has now counts as its value from before keywheel"
    ))
}

fn user_and_password(fields: &Fields) -> Result<(String, &SecretValue)> {
    let user = fields
        .field("user")
        .and_then(SecretValue::expose_secret_str);
    match (user, fields.field("password")) {
        (Some(user), Some(password)) => Ok((user.to_owned(), password)),
        _ => Err(Error::invalid(
            "the credential has no `user` and `password`: publish both, each in a field of its own",
        )),
    }
}
