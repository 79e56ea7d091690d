//! The places at which a process can die around an effect, a lease or the audit's order.
//!
//! In production a seam does nothing. The crash sweep lets the process (or, in process, the worker) die at each
//! in turn; the list of seams is generated from the effect kinds, so that none can be forgotten.

use crate::rotation::words::Kind;
use keywheel_contract::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where, around one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// Planned, its intent not committed.
    Planned,
    /// Its intent committed, nothing sent.
    Intended,
    /// Applied outside, the answer not seen.
    Applied,
    /// Answered, the outcome not committed.
    Answered,
    /// Its outcome committed, the next step not begun.
    Recorded,
}

/// Every window.
pub const WINDOWS: [Window; 5] = [
    Window::Planned,
    Window::Intended,
    Window::Applied,
    Window::Answered,
    Window::Recorded,
];

/// One place at which a process can die.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Seam {
    /// Around an effect.
    Effect {
        /// Which.
        kind: Kind,
        /// On what.
        target: String,
        /// Where around it.
        window: Window,
    },
    /// A lease was taken, nothing done with it.
    Leased,
    /// A request was read, no rotation opened for it.
    Claiming,
    /// A rotation was opened for a request.
    Claimed,
    /// Audit rows are about to get their order.
    Sequencing,
    /// Audit rows got their order.
    Sequenced,
}

impl Seam {
    /// A name to choose it by: `publish:main:a/b:applied`, `leased`.
    pub fn name(&self) -> String {
        match self {
            Self::Effect {
                kind,
                target,
                window,
            } => {
                format!(
                    "{}:{target}:{}",
                    kind.word(),
                    format!("{window:?}").to_lowercase()
                )
            }
            other => format!("{other:?}").to_lowercase(),
        }
    }
}

/// Decides at each seam whether the process goes on.
pub trait Watch: Send + Sync {
    /// `false`: die here. A watcher of the real binary ends the process itself.
    fn goes_on(&self, seam: &Seam) -> bool;
}

/// The seams of one process: unwatched in production.
#[derive(Clone, Default)]
pub struct Seams {
    watch: Option<Arc<dyn Watch>>,
    dead: Arc<AtomicBool>,
}

impl Seams {
    /// Seams that a test watches.
    pub fn watched(watch: Arc<dyn Watch>) -> Self {
        Self {
            watch: Some(watch),
            dead: Arc::default(),
        }
    }

    /// Passes one. A worker that died here passes no other one.
    ///
    /// # Errors
    /// The watcher lets the worker die: everything local is forgotten, nothing more is written or called.
    pub fn pass(&self, seam: &Seam) -> Result<()> {
        let Some(watch) = &self.watch else {
            return Ok(());
        };
        if self.is_dead() || !watch.goes_on(seam) {
            self.dead.store(true, Ordering::SeqCst);
            return Err(Error::unknown_outcome("the worker died"));
        }
        Ok(())
    }

    /// Whether the worker died at a seam.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }
}

/// Seams at one of which the whole process is killed, as by a power cut: for tests of the real binary. A `*` in
/// the name stands for any target: ids of credentials are not known beforehand.
pub fn die_at(seam: String) -> Seams {
    struct Kill(String);
    impl Watch for Kill {
        fn goes_on(&self, seam: &Seam) -> bool {
            if fits(&self.0, &seam.name()) {
                let killed = rustix::process::kill_process(
                    rustix::process::getpid(),
                    rustix::process::Signal::KILL,
                );
                return killed.is_err();
            }
            true
        }
    }
    Seams::watched(Arc::new(Kill(seam)))
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((before, after)) => {
            let rest = name.strip_prefix(before);
            rest.is_some_and(|rest| rest.ends_with(after))
        }
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_any_target() {
        assert!(fits("revoke:*:applied", "revoke:c1:applied"));
        assert!(fits("mint::applied", "mint::applied"));
        assert!(!fits("revoke:*:applied", "revoke:c1:answered"));
        assert!(!fits("revoke:*:applied", "revoke_orphan:c1:applied"));
        assert!(!fits("mint::applied", "mint::answered"));
    }
}
