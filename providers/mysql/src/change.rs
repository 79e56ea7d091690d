//! Adding a password and taking one away.
//!
//! Neither server says which password a connection was opened with. Those that are there when a password is taken away
//! may all have been opened with it; those that come later were not.

use crate::account::{Account, Method};
use crate::link::{Effect, Trouble};
use crate::server::{Admin, Dialect, text};
use crate::{mariadb, oracle};
use keywheel_contract::Result;

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
    ///
    /// # Errors
    /// `Denied`: they may not be closed, and nothing was changed.
    pub(crate) async fn take_away(&mut self, account: &Account, old: &Method) -> Result<()> {
        self.ensure_may_close().await?;
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
        let mut body = vec![mariadb::altered(self.server.parts(), methods)?];
        if closes {
            body.push(mariadb::closing(self.server.user()));
        }
        Ok(mariadb::if_as_seen(
            self.server.parts(),
            &account.seen,
            &body,
        ))
    }

    /// One after the other, each in doubt once one was sent.
    pub(crate) async fn change(&mut self, statements: Vec<String>) -> Result<()> {
        let first = [Effect::Changes].into_iter();
        let effects = first.chain(std::iter::repeat(Effect::Continues));
        for (statement, effect) in statements.into_iter().zip(effects) {
            let done = self.link.run(statement).await;
            done.map_err(|trouble| trouble.error(&self.server.address, "the change", effect))?;
        }
        Ok(())
    }

    /// One by one: MySQL has no statement for all of an account.
    async fn close(&mut self) -> Result<()> {
        let address = &self.server.address;
        let told =
            |trouble: Trouble| trouble.error(address, "closing its connections", Effect::Continues);
        let question = oracle::connections(self.server.user());
        let rows = self.link.rows(question).await.map_err(told)?;
        for row in rows {
            let id = text(&row, "Id").ok().flatten();
            let id: Option<u64> = id.and_then(|id| id.parse().ok());
            let id = id.ok_or(Trouble::Lost).map_err(told)?;
            // Whoever is gone already needs no closing (1094).
            match self.link.run(format!("KILL CONNECTION {id}")).await {
                Ok(()) | Err(Trouble::Refused(1094)) => {}
                Err(trouble) => return Err(told(trouble)),
            }
        }
        Ok(())
    }
}
