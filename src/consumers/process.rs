//! When a process of this machine started, from `/proc` (proc(5)).

use std::{fs, io, time::SystemTime};

/// Clock ticks per second in `/proc/PID/stat`: `USER_HZ`, 100 on every architecture this builds for.
const TICKS_PER_SECOND: i64 = 100;

/// What the process table says about a process id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    /// It runs since then, epoch milliseconds.
    Running(i64),
    /// There is none, or only its exit status is left.
    Gone,
    /// There is one, and this machine hides it from us (`hidepid`, `ProtectProc`).
    Hidden,
}

/// Looks the process up.
///
/// # Errors
/// `/proc` cannot be read or has an unknown form.
pub(super) fn look_up(pid: i32) -> io::Result<Process> {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => running(&stat).ok_or_else(|| unreadable("/proc/PID/stat"))?,
        Err(_) => Ok(hidden_or_gone(pid)),
    }
}

fn running(stat: &str) -> Option<io::Result<Process>> {
    let (state, ticks) = state_and_start(stat)?;
    if matches!(state, "Z" | "X" | "x") {
        return Some(Ok(Process::Gone));
    }
    Some(booted_at_ms().map(|boot| Process::Running(boot + ticks * 1000 / TICKS_PER_SECOND)))
}

/// Fields 3 and 22. The command in field 2 may hold spaces and brackets, so count from its last bracket.
fn state_and_start(stat: &str) -> Option<(&str, i64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let start = fields.nth(18)?.parse().ok()?;
    Some((state, start))
}

/// A signal that is not sent tells a process we may not see from one that is not there.
fn hidden_or_gone(pid: i32) -> Process {
    let Some(pid) = rustix::process::Pid::from_raw(pid) else {
        return Process::Gone;
    };
    match rustix::process::test_kill_process(pid) {
        Err(rustix::io::Errno::SRCH) => Process::Gone,
        Ok(()) | Err(_) => Process::Hidden,
    }
}

/// When this machine booted. `btime` is cut to whole seconds, which could make a restart in the very second of
/// a publication look older than it; the uptime is finer, but a container may show its own. So the finer one
/// counts where both agree.
fn booted_at_ms() -> io::Result<i64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let coarse = coarse_boot_ms(&stat).ok_or_else(|| unreadable("/proc/stat"))?;
    let now = epoch_ms(SystemTime::now());
    let uptime = fs::read_to_string("/proc/uptime")?;
    let fine = now - uptime_ms(&uptime).ok_or_else(|| unreadable("/proc/uptime"))?;
    Ok(finer_boot(coarse, fine))
}

fn finer_boot(coarse: i64, fine: i64) -> i64 {
    if (coarse - 50..=coarse + 1050).contains(&fine) {
        fine
    } else {
        coarse
    }
}

fn coarse_boot_ms(stat: &str) -> Option<i64> {
    let seconds: i64 = stat
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()?;
    seconds.checked_mul(1000)
}

fn uptime_ms(uptime: &str) -> Option<i64> {
    let (seconds, hundredths) = uptime.split_ascii_whitespace().next()?.split_once('.')?;
    let seconds: i64 = seconds.parse().ok()?;
    let hundredths: i64 = hundredths.parse().ok()?;
    seconds.checked_mul(1000)?.checked_add(hundredths * 10)
}

fn unreadable(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{what} has an unknown form"),
    )
}

/// Milliseconds since the epoch; a time before it is 0.
pub(super) fn epoch_ms(time: SystemTime) -> i64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Process, epoch_ms, finer_boot, look_up, state_and_start, uptime_ms};
    use std::{process::Command, time::SystemTime};

    #[test]
    fn the_start_is_read_behind_a_command_with_brackets() {
        let stat = "42 (a) R (b) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 123456 9 9";
        assert_eq!(state_and_start(stat), Some(("S", 123_456)));
        assert_eq!(state_and_start("42 (a"), None);
    }

    #[test]
    fn the_finer_boot_time_counts_only_where_it_agrees() {
        assert_eq!(finer_boot(5_000, 5_730), 5_730);
        assert_eq!(finer_boot(5_000, 900_000), 5_000);
        assert_eq!(uptime_ms("12.34 56.78"), Some(12_340));
    }

    #[test]
    fn a_child_started_now_is_seen_so_and_gone_afterwards() {
        let before = epoch_ms(SystemTime::now());
        let mut child = Command::new("sleep").arg("30").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let seen = look_up(pid).unwrap();
        child.kill().unwrap();
        assert_eq!(wait_for_zombie(pid), Process::Gone);
        child.wait().unwrap();
        assert_eq!(look_up(pid).unwrap(), Process::Gone);
        let Process::Running(started) = seen else {
            panic!("the child is not seen running: {seen:?}");
        };
        assert!(
            (before - 100..before + 5_000).contains(&started),
            "{}",
            started - before
        );
    }

    fn wait_for_zombie(pid: i32) -> Process {
        for _ in 0..200 {
            if look_up(pid).unwrap() == Process::Gone {
                return Process::Gone;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        look_up(pid).unwrap()
    }
}
