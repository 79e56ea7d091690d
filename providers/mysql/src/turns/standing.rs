//! An account in turn as it is now, and changing it: what was read is compared in the statement that changes it.

use super::mark::Mark;
use crate::account::{Account, Method};
use crate::mariadb;
use crate::native;
use crate::server::{Admin, Dialect, Server};
use keywheel_contract::{Error, Result};

/// An account and its mark.
pub(crate) struct Standing {
    pub(crate) account: Account,
    pub(crate) mark: Mark,
}

impl Standing {
    /// Its methods without the mark, and without what lets nobody in.
    pub(crate) fn ways(&self) -> impl Iterator<Item = &Method> {
        ways(&self.account)
    }

    /// Whether somebody gets in.
    pub(crate) fn lets_in(&self) -> bool {
        !self.account.locked && self.ways().next().is_some()
    }
}

fn ways(account: &Account) -> impl Iterator<Item = &Method> {
    let is_way = |method: &&Method| **method != Method::nobody() && Mark::read(method).is_none();
    account.methods.iter().filter(is_way)
}

/// A new value replaces all that an account has, and its end takes all away: what is not a password of ours to replace is
/// a person's to take away.
///
/// # Errors
/// `Invalid`: it has other ways in, too.
pub(crate) fn ensure_passwords_alone(account: &Account, name: &str) -> Result<()> {
    match ways(account).find(|way| way.plugin != native::PLUGIN) {
        None => Ok(()),
        Some(way) => Err(Error::invalid(format!(
            "account {name} also logs in by `{}`: two users in turn have passwords of `mysql_native_password` alone; \
             nothing was changed",
            way.plugin
        ))),
    }
}

impl Admin<'_> {
    /// The account of this server, looked at without changing it.
    ///
    /// # Errors
    /// `NotFound`: there is none. `Invalid`: it has several marks, or the server is not MariaDB.
    pub(crate) async fn standing(&mut self) -> Result<Standing> {
        if self.dialect == Dialect::MySql {
            return Err(Error::invalid(format!(
                "{} is not MariaDB, and two users in turn take that: give one `user` two passwords",
                self.server.address
            )));
        }
        let account = self.existing().await?;
        let mark = Mark::of(&account, &self.server.account_name())?;
        Ok(Standing { account, mark })
    }

    /// Does this to the account, if it is still as it was seen.
    ///
    /// # Errors
    /// `Conflict`: it is not. `UnknownOutcome`: it may have been done.
    pub(crate) async fn do_if(&mut self, seen: &Account, body: String) -> Result<()> {
        let parts = self.server.parts();
        let statement = mariadb::if_as_seen(parts, &seen.seen, &[body]);
        self.change(vec![statement]).await
    }
}

/// Does what `decide` makes of the account as it is, or nothing.
///
/// # Errors
/// Those of `decide`, and of the server. `Conflict`: somebody changed it in between. `UnknownOutcome`: it may have been
/// done.
pub(crate) async fn change(
    server: &Server,
    decide: impl FnOnce(&Standing) -> Result<Option<String>>,
) -> Result<()> {
    let mut admin = server.admin().await?;
    let standing = admin.standing().await?;
    match decide(&standing)? {
        Some(body) => admin.do_if(&standing.account, body).await,
        None => Ok(()),
    }
}
