//! Using a password as a consumer would: on a connection of its own.

use crate::account::{Account, is_locked, takes_any};
use crate::identity::fits;
use crate::link::Trouble;
use crate::server::{Server, text};
use keywheel_contract::{Error, Liveness, Result, SecretValue};

/// What a consumer logs in with.
pub(crate) struct Login<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a SecretValue,
}

/// What the server said to a password.
enum Said {
    /// Welcome, as this account.
    Welcome(String),
    /// Wrong, or locked: it takes a look to tell.
    No,
    /// The password is right and has run out.
    Expired,
    Nothing,
}

impl Server {
    /// Accepted as our account, and a wrong one beside it refused.
    ///
    /// # Errors
    /// `Invalid`: a person has to mend the account, for any or no password works, or another account comes first.
    pub(crate) async fn test(&self, login: &Login<'_>) -> Result<Liveness> {
        match self.try_out(login.user, login.password).await {
            Said::Nothing => Ok(Liveness::Unknown),
            Said::No => self.refused(login).await,
            Said::Expired => Err(Error::invalid(format!(
                "the password of {} has run out, so that it only changes itself: `ALTER USER … PASSWORD EXPIRE NEVER`",
                self.account_name()
            ))),
            Said::Welcome(who) if login.user == self.user() && who != self.account_name() => {
                Err(Error::invalid(format!(
                    "who logs in as `{}` from here becomes {who} instead of {}: a more specific account comes first",
                    login.user,
                    self.account_name()
                )))
            }
            Said::Welcome(_) => self.against_a_wrong_one(login).await,
        }
    }

    async fn against_a_wrong_one(&self, login: &Login<'_>) -> Result<Liveness> {
        match self.try_out(login.user, &altered(login.password)).await {
            Said::No => Ok(Liveness::Alive),
            Said::Nothing => Ok(Liveness::Unknown),
            Said::Welcome(_) | Said::Expired => Err(takes_any(&self.account_name())),
        }
    }

    /// The server does not say why it lets nobody in; only a password that is not there is dead.
    async fn refused(&self, login: &Login<'_>) -> Result<Liveness> {
        let account = match login.user == self.user() {
            true => self.admin().await?.account().await?,
            false => None,
        };
        let has = |account: &Account| account.methods.iter().any(|one| fits(one, login.password));
        let name = self.account_name();
        match account.filter(has) {
            None => Ok(Liveness::Dead),
            // Two users in turn end by it; the one password of an account that has two does not.
            Some(account) if account.locked && self.options.alternates() => Ok(Liveness::Dead),
            Some(account) if account.locked => Err(is_locked(&name)),
            Some(_) => Err(Error::invalid(format!(
                "account {name} has this password, and yet it is refused: does its host part cover this machine, or \
                 does another account come first?"
            ))),
        }
    }

    async fn try_out(&self, user: &str, password: &SecretValue) -> Said {
        let mut link = match self.address.connect(user, password).await {
            Ok(link) => link,
            // Wrong (1045), no such user from there (1130, 1698), locked (MariaDB 4151, MySQL 3118).
            Err(Trouble::Refused(1045 | 1130 | 1698 | 4151 | 3118)) => return Said::No,
            Err(Trouble::Refused(1820 | 1862)) => return Said::Expired,
            Err(_) => return Said::Nothing,
        };
        let asked = link
            .rows("SELECT CURRENT_USER() AS Account".to_owned())
            .await;
        // So that nobody takes it for a consumer's.
        link.close().await;
        match asked.map(|rows| rows.first().map(|row| text(row, "Account"))) {
            Ok(Some(Ok(Some(account)))) => Said::Welcome(account),
            Err(Trouble::Refused(1820 | 1862)) => Said::Expired,
            _ => Said::Nothing,
        }
    }
}

/// Another password of the same kind.
fn altered(password: &SecretValue) -> SecretValue {
    let mut bytes = password.expose_secret().to_vec();
    bytes.extend_from_slice(b"-wrong");
    SecretValue::new(bytes)
}
