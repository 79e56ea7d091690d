//! Adding a password and taking one away.
//!
//! Neither server says which password a connection was opened with. Those that are there when a password is taken away
//! may all have been opened with it; those that come later were not.

use crate::account::{Account, Method};
use crate::link::Effect;
use crate::server::{Admin, Dialect, text};
use crate::{mariadb, oracle};
use keywheel_contract::{Error, Result};

impl Admin<'_> {
    /// Lets the account in with this password too. Adding what is there changes nothing.
    ///
    /// # Errors
    /// `Invalid`: it is locked, takes any password, or has no room.
    pub(crate) async fn add(&mut self, new: Method) -> Result<()> {
        let account = self.existing().await?;
        account.ensure_usable(&self.server.account_name())?;
        if account.has(&new) {
            return Ok(());
        }
        let statements = match self.dialect {
            Dialect::MariaDb => {
                let methods = mariadb::with(&account, new);
                vec![self.altered(&account, &methods, false)?]
            }
            Dialect::MySql => oracle::add(self.server.parts(), &account, &new)?,
        };
        self.change(statements).await
    }

    /// Refuses this one from now on, and closes the connections of its user, if asked.
    pub(crate) async fn take_away(&mut self, account: &Account, old: &Method) -> Result<()> {
        let closes = self.server.options.end_sessions;
        match self.dialect {
            Dialect::MariaDb => {
                let methods = mariadb::without(account, old);
                let statement = self.altered(account, &methods, closes)?;
                self.change(vec![statement]).await
            }
            Dialect::MySql => {
                let statements = oracle::take_away(self.server.parts(), account, old);
                self.change(statements).await?;
                match closes {
                    true => self.close().await,
                    false => Ok(()),
                }
            }
        }
    }

    fn altered(&self, account: &Account, methods: &[Method], closes: bool) -> Result<String> {
        mariadb::statement(self.server.parts(), &account.seen, methods, closes)
    }

    async fn change(&mut self, statements: Vec<String>) -> Result<()> {
        for statement in statements {
            let done = self.link.run(statement).await;
            done.map_err(|trouble| {
                trouble.error(&self.server.address, "the change", Effect::Changes)
            })?;
        }
        Ok(())
    }

    /// One by one: MySQL has no statement for all of an account.
    async fn close(&mut self) -> Result<()> {
        let question = oracle::connections(self.server.user());
        for row in self.read("its connections", question).await? {
            let id = text(&row, "Id")?.unwrap_or_default();
            let known = id.parse::<u64>();
            let id = known
                .map_err(|_| Error::unavailable("the server tells no number of a connection"))?;
            // Whoever is gone already needs no closing (1094).
            match self.link.run(format!("KILL CONNECTION {id}")).await {
                Ok(()) | Err(crate::link::Trouble::Refused(1094)) => {}
                Err(trouble) => {
                    let what = "closing a connection";
                    return Err(trouble.error(&self.server.address, what, Effect::Changes));
                }
            }
        }
        Ok(())
    }
}
