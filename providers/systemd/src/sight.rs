//! What systemd says of a unit.

use crate::bus::{self, ManagerProxy, properties};
use crate::moment::{Clocks, Stamp};
use keywheel_contract::{Error, Result};
use zbus::{Connection, Proxy};

/// A service at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    /// `loaded`, `not-found`, `masked`, …
    pub(crate) load: String,
    /// `active`, `failed`, …
    pub(crate) active: String,
    /// When its processes last began to start, epoch milliseconds.
    pub(crate) started_ms: Option<i64>,
    /// How long it is active, milliseconds.
    pub(crate) active_for_ms: i64,
    /// How often systemd started it anew by itself since somebody last did.
    pub(crate) restarts: u32,
    /// When the last reload of which every command ended well began, epoch milliseconds.
    pub(crate) reloaded_ms: Option<i64>,
    /// Whether it takes an order to reload.
    pub(crate) can_reload: bool,
}

/// A command of a unit, and when it last ran (`a(sasbttttuii)`): program, arguments, whether failures count, began
/// and ended by both clocks, process, how and with what it ended.
type Command = (String, Vec<String>, bool, u64, u64, u64, u64, u32, i32, i32);

/// A process that ended by itself (`CLD_EXITED` of waitid(2)).
const EXITED: i32 = 1;

impl Sight {
    /// Looks once.
    pub(crate) async fn of(connection: &Connection, unit: &str) -> zbus::Result<Self> {
        let manager = ManagerProxy::new(connection).await?;
        let path = manager.load_unit(unit).await?;
        let service = properties(connection, &path, "org.freedesktop.systemd1.Service").await?;
        let unit = properties(connection, &path, "org.freedesktop.systemd1.Unit").await?;
        // Its times first and its state last: of a unit that starts anew meanwhile, the old times are seen.
        let commands: Vec<Command> = service.get_property("ExecReload").await?;
        let restarts = service.get_property("NRestarts").await?;
        let started = stamp(&unit, "InactiveExitTimestamp").await?;
        let entered = stamp(&unit, "ActiveEnterTimestamp").await?;
        let now = Clocks::now();
        Ok(Self {
            started_ms: started.at_ms(now),
            active_for_ms: entered.age_ms(now).unwrap_or(0),
            restarts,
            reloaded_ms: reloaded(&commands).and_then(|began| began.at_ms(now)),
            can_reload: unit.get_property("CanReload").await?,
            load: unit.get_property("LoadState").await?,
            active: unit.get_property("ActiveState").await?,
        })
    }

    /// Whether there is such a unit at all.
    ///
    /// # Errors
    /// `NotFound` and `Invalid`, with what it is instead.
    pub(crate) fn exists(&self, unit: &str) -> Result<()> {
        match self.load.as_str() {
            "not-found" => Err(Error::not_found(bus::no_unit(unit))),
            "masked" => Err(Error::invalid(bus::masked(unit))),
            "error" | "bad-setting" => Err(Error::invalid(bus::bad_file(unit))),
            _ => Ok(()),
        }
    }

    /// Whether somebody stopped it, or it ended by itself and well.
    pub(crate) fn is_stopped(&self) -> bool {
        self.active == "inactive"
    }
}

async fn stamp(unit: &Proxy<'_>, what: &str) -> zbus::Result<Stamp> {
    Ok(Stamp {
        real_us: unit.get_property(what).await?,
        monotonic_us: unit.get_property(&format!("{what}Monotonic")).await?,
    })
}

/// When the reload began whose commands are remembered; `None` where there was none, or one of them did not end well.
/// systemd forgets them when the unit starts and when it reads its files anew.
fn reloaded(commands: &[Command]) -> Option<Stamp> {
    let well = |command: &Command| command.5 > 0 && (command.8, command.9) == (EXITED, 0);
    // Until the second of a reload begins, what is known of it is of the reload before.
    let in_turn = commands.windows(2).all(|two| two[0].6 <= two[1].4);
    let all = in_turn && commands.iter().all(well);
    let first = commands.first().filter(|_| all)?;
    Some(Stamp {
        real_us: first.3,
        monotonic_us: first.4,
    })
}

#[cfg(test)]
mod tests {
    use super::{Command, Stamp, reloaded};

    fn command(began: u64, ended: u64, how: (i32, i32)) -> Command {
        let argv = vec!["true".to_owned()];
        let program = "/bin/true".to_owned();
        (
            program, argv, false, began, began, ended, ended, 7, how.0, how.1,
        )
    }

    #[test]
    fn a_reload_counts_where_every_command_ended_well() {
        let (first, second) = (command(10, 20, (1, 0)), command(30, 40, (1, 0)));
        let began = Stamp {
            real_us: 10,
            monotonic_us: 10,
        };
        let both = [first.clone(), second.clone()];
        assert_eq!(reloaded(&both), Some(began));
        for wrong in [
            command(30, 40, (1, 1)),
            // Ended by a signal.
            command(30, 40, (2, 15)),
            // Runs still.
            command(30, 0, (0, 0)),
            // Never ran.
            command(0, 0, (0, 0)),
        ] {
            assert_eq!(reloaded(&[first.clone(), wrong]), None);
        }
        assert_eq!(reloaded(&[]), None);
        // The second is of the reload before.
        assert_eq!(reloaded(&[command(50, 60, (1, 0)), second]), None);
    }
}
