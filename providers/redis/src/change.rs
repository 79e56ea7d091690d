//! Adding a password and taking one away, each saved in the transaction that makes the change.
//!
//! Redis does not say which password a connection was opened with. Those that are there when a password is taken away
//! may all have been opened with it; those that come later were not.

use crate::link::Effect;
use crate::server::Admin;
use keywheel_contract::{Error, ErrorKind, Result};
use redis::Cmd;

/// How the server keeps its users over a restart.
#[derive(Clone, Copy)]
pub(crate) enum Keeps {
    /// In a file of their own (`aclfile`).
    AclFile,
    /// In the configuration that it was started with.
    Configuration,
}

enum Change {
    Add,
    /// And close the user's connections, perhaps.
    TakeAway {
        closes: bool,
    },
}

impl Change {
    fn rule(&self, hash: &str) -> String {
        match self {
            Self::Add => format!("#{hash}"),
            Self::TakeAway { .. } => format!("!{hash}"),
        }
    }
}

impl Keeps {
    fn name(self) -> &'static str {
        match self {
            Self::AclFile => "ACL SAVE",
            Self::Configuration => "CONFIG REWRITE",
        }
    }

    fn command(self) -> Cmd {
        match self {
            Self::AclFile => redis::cmd("ACL").arg("SAVE").take(),
            Self::Configuration => redis::cmd("CONFIG").arg("REWRITE").take(),
        }
    }
}

impl Admin<'_> {
    /// Lets the user in with this hash too. Adding what is there only saves it.
    ///
    /// # Errors
    /// `Invalid`: the user is off, takes any password, or nothing would outlive a restart.
    pub(crate) async fn add(&mut self, hash: &str) -> Result<()> {
        let account = self.existing().await?;
        account.ensure_usable(self.server.user())?;
        let keeps = self.keeps().await?;
        if account.hashes.iter().any(|known| known == hash) {
            return Ok(());
        }
        let done = self.change(&Change::Add, hash, keeps).await;
        let undo = Change::TakeAway { closes: false };
        self.unless_kept(done, &undo, hash, keeps).await
    }

    /// Refuses this hash from now on, and closes the user's connections, if asked.
    pub(crate) async fn remove(&mut self, hash: &str) -> Result<()> {
        let keeps = self.keeps().await?;
        let closes = self.server.options.end_sessions;
        let change = Change::TakeAway { closes };
        let done = self.change(&change, hash, keeps).await;
        self.unless_kept(done, &Change::Add, hash, keeps).await
    }

    /// Saves what is there, and says how: before a change, to find that it cannot be kept while nothing is changed yet.
    pub(crate) async fn keeps(&mut self) -> Result<Keeps> {
        let saved = self.save(Keeps::AclFile).await?;
        if saved {
            return Ok(Keeps::AclFile);
        }
        if self.save(Keeps::Configuration).await? {
            return Ok(Keeps::Configuration);
        }
        Err(Error::invalid(format!(
            "{} would lose the change when it restarts: start it with `aclfile`, or with a configuration file",
            self.server.address
        )))
    }

    /// Whether the server keeps its users in this way.
    async fn save(&mut self, keeps: Keeps) -> Result<bool> {
        match self.link.ask::<()>(&keeps.command()).await {
            Ok(()) => Ok(true),
            // `src/acl.c` and `src/config.c` of Redis 7.0.
            Err(trouble)
                if trouble.says("not configured to use an ACL file")
                    || trouble.says("without a config file") =>
            {
                Ok(false)
            }
            Err(trouble) => Err(trouble.error(&self.server.address, keeps.name(), Effect::Reads)),
        }
    }

    /// `MULTI`: where the answer is lost, either nothing was changed or everything is done.
    async fn change(&mut self, change: &Change, hash: &str, keeps: Keeps) -> Result<()> {
        let user = self.server.user();
        let mut commands = redis::pipe();
        commands.atomic();
        commands
            .cmd("ACL")
            .arg("SETUSER")
            .arg(user)
            .arg(change.rule(hash));
        commands.add_command(keeps.command());
        if let Change::TakeAway { closes: true } = change {
            commands.cmd("CLIENT").arg("KILL").arg("USER").arg(user);
        }
        let done = self.link.together(&commands).await;
        done.map_err(|trouble| trouble.error(&self.server.address, "ACL SETUSER", Effect::Changes))
    }

    /// A change that was refused may be made all the same, where only saving it failed: a restart would lose it, and so
    /// it is undone.
    async fn unless_kept(
        &mut self,
        done: Result<()>,
        undo: &Change,
        hash: &str,
        keeps: Keeps,
    ) -> Result<()> {
        let refused = matches!(&done, Err(error) if error.kind != ErrorKind::UnknownOutcome);
        if refused && !self.is_undone(undo, hash).await? {
            // In memory it is undone whatever becomes of the saving.
            drop(self.change(undo, hash, keeps).await);
            if !self.is_undone(undo, hash).await? {
                return Err(in_doubt(Error::unavailable("a change was not saved")));
            }
        }
        done
    }

    async fn is_undone(&mut self, undo: &Change, hash: &str) -> Result<bool> {
        let account = self.existing().await.map_err(in_doubt)?;
        let is_there = account.hashes.iter().any(|known| known == hash);
        Ok(is_there == matches!(undo, Change::Add))
    }
}

fn in_doubt(error: Error) -> Error {
    Error::unknown_outcome(format!(
        "{}; the password may be changed in memory and not saved",
        error.message
    ))
}
