//! The server, as the user that may change the other.

use crate::account::{self, Account};
use crate::link::{Address, Effect, Link};
use crate::options::RedisOptions;
use keywheel_contract::{Error, Result};
use redis::{Cmd, FromRedisValue};
use std::path::{Path, PathBuf};

/// Where it is, who we are there, and whom we change.
pub(crate) struct Server {
    pub(crate) address: Address,
    pub(crate) options: RedisOptions,
    base: PathBuf,
}

/// A connection on which we are the admin.
pub(crate) struct Admin<'a> {
    pub(crate) server: &'a Server,
    pub(crate) link: Link,
}

impl Server {
    /// # Errors
    /// `Invalid`: the options cannot work.
    pub(crate) fn new(options: RedisOptions, base: &Path) -> Result<Self> {
        options.check()?;
        Ok(Self {
            address: Address::new(&options, base)?,
            options,
            base: base.to_owned(),
        })
    }

    /// Logs in, with the password as it lies there now.
    pub(crate) async fn admin(&self) -> Result<Admin<'_>> {
        let password = self.options.admin.password.read(&self.base).await?;
        let mut link = self.address.connect().await?;
        let login = link.login(&self.options.admin.user, &password).await;
        login.map_err(|trouble| trouble.error(&self.address, "AUTH", Effect::Reads))?;
        Ok(Admin { server: self, link })
    }

    pub(crate) fn user(&self) -> &str {
        &self.options.user
    }
}

impl Admin<'_> {
    /// One command that changes nothing, by the name that an error shows.
    pub(crate) async fn read<T: FromRedisValue>(&mut self, name: &str, command: &Cmd) -> Result<T> {
        let answer = self.link.ask(command).await;
        answer.map_err(|trouble| trouble.error(&self.server.address, name, Effect::Reads))
    }

    /// The user that gets new passwords, where it exists.
    pub(crate) async fn account(&mut self) -> Result<Option<Account>> {
        let mut command = redis::cmd("ACL");
        command.arg("GETUSER").arg(self.server.user());
        Account::read(self.read("ACL GETUSER", &command).await?)
    }

    /// The same, where it must exist.
    pub(crate) async fn existing(&mut self) -> Result<Account> {
        let found = self.account().await?;
        found.ok_or_else(|| account::is_missing(self.server.user()))
    }

    /// No other node hears of a change made here: after a fail-over the new password would be refused there.
    pub(crate) async fn ensure_alone(&mut self) -> Result<()> {
        if self.server.options.one_node.is_some() {
            return Ok(());
        }
        let mut command = redis::cmd("INFO");
        command.arg("replication").arg("cluster");
        let told: String = self.read("INFO", &command).await?;
        match others(&told) {
            None => Ok(()),
            Some(others) => Err(Error::invalid(format!(
                "{} {others}, and hands ACL users to no other node: rotate a user of each node, or say why this one \
                 is enough in `one_node`",
                self.server.address
            ))),
        }
    }
}

/// Other nodes that know the same users only if somebody tells them.
fn others(info: &str) -> Option<&'static str> {
    let has = |line: &str| info.lines().any(|told| told.trim_end() == line);
    if has("cluster_enabled:1") {
        return Some("is part of a cluster");
    }
    if has("role:slave") {
        return Some("is a replica");
    }
    (!has("connected_slaves:0")).then_some("has replicas")
}

#[cfg(test)]
mod tests {
    use super::others;

    #[test]
    fn a_node_with_others_is_told_from_one_alone() {
        for (info, expected) in [
            (
                "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n# Cluster\r\ncluster_enabled:0\r\n",
                None,
            ),
            (
                "role:master\r\nconnected_slaves:2\r\n",
                Some("has replicas"),
            ),
            ("role:slave\r\nconnected_slaves:0\r\n", Some("is a replica")),
            (
                "role:master\r\nconnected_slaves:0\r\ncluster_enabled:1\r\n",
                Some("is part of a cluster"),
            ),
            ("", Some("has replicas")),
        ] {
            assert_eq!(others(info), expected, "{info}");
        }
    }
}
