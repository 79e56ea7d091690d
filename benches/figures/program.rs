//! The real program as a child: how long it took, how much processor time, and how much memory at most.

use super::machine::{self, Memory};
use anyhow::{Context as _, Result, ensure};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Memory of a child is looked at this often: its peak is at most this old when it ends.
const LOOK: Duration = Duration::from_millis(2);

/// What a command cost.
pub(crate) struct Cost {
    /// By the clock on the wall.
    wall: Duration,
    /// User and system time; the kernel counts it in hundredths of a second.
    processor: Duration,
    /// Most memory seen resident, KiB.
    peak: u64,
    /// What it wrote to its output.
    written: u64,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:>7.2} s, {:>7.2} s of processor, peak {:>3} MiB, {} KiB written",
            self.wall.as_secs_f64(),
            self.processor.as_secs_f64(),
            self.peak.div_ceil(1024),
            self.written.div_ceil(1024)
        )
    }
}

fn keywheel(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keywheel"));
    command.args(words).current_dir(folder).stdin(Stdio::null());
    command
}

/// Runs a command of keywheel to its end in a folder.
pub(crate) fn run(folder: &Path, words: &[&str]) -> Result<Cost> {
    let (output, errors) = (folder.join("output"), folder.join("errors"));
    let before = machine::processor_of_children()?;
    let start = Instant::now();
    let mut child = keywheel(folder, words)
        .stdout(File::create(&output)?)
        .stderr(File::create(&errors)?)
        .spawn()
        .context("starting keywheel")?;
    let mut peak = 0;
    let ended = loop {
        // Read before asking whether it ended: a process that was waited for has no memory any more.
        peak = Memory::of(&child.id().to_string()).map_or(peak, |memory| memory.peak.max(peak));
        match child.try_wait()? {
            Some(ended) => break ended,
            None => std::thread::sleep(LOOK),
        }
    };
    let wall = start.elapsed();
    let said = std::fs::read_to_string(&errors)?;
    ensure!(ended.success(), "keywheel {words:?}: {ended}\n{said}");
    Ok(Cost {
        wall,
        processor: machine::processor_of_children()?.saturating_sub(before),
        peak,
        written: std::fs::metadata(&output)?.len(),
    })
}

/// A running `keywheel daemon`; ends with the value.
pub(crate) struct Daemon {
    child: Child,
    started: Instant,
}

impl Daemon {
    /// Starts it in a folder; its log goes into the file `log`.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let log = File::create(folder.join("log"))?;
        let child = keywheel(folder, &["daemon"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("starting the daemon")?;
        Ok(Self {
            child,
            started: Instant::now(),
        })
    }

    /// How long it runs by now.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Its user and system time so far.
    pub(crate) fn processor(&self) -> Result<Duration> {
        machine::processor_of(&self.child.id().to_string())
    }

    /// Its memory now.
    pub(crate) fn memory(&self) -> Result<Memory> {
        Memory::of(&self.child.id().to_string())
    }

    /// Fails where it has ended by itself.
    pub(crate) fn still_runs(&mut self) -> Result<()> {
        let ended = self.child.try_wait()?;
        ensure!(ended.is_none(), "the daemon ended: {ended:?}");
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It is asked to drain; only one that does not within its time is ended.
        let id = rustix::process::Pid::from_child(&self.child);
        let told = rustix::process::kill_process(id, rustix::process::Signal::TERM).is_ok();
        let asked = Instant::now();
        while told
            && matches!(self.child.try_wait(), Ok(None))
            && asked.elapsed() < Duration::from_secs(20)
        {
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
