//! What a child is before it becomes the program.
//!
//! Three things have to be done in the child itself, after the fork and before the program starts. Doing
//! them in a fork's callback needs `unsafe`; doing them in a small process that then *becomes* the program
//! does not. That process is our own binary, `keywheel exec-shim -- PARENT PROGRAM ARGS…`.

use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Becomes the program: `args` are the parent's process id, the program's path and its arguments.
///
/// In this order: the kernel is asked to kill us when the parent dies (a call must not land after the
/// daemon that made it is gone); the parent is looked at, for it may have died before that; every descriptor
/// above 2 is marked close-on-exec, so that no journal, key or socket is inherited; the program takes over.
///
/// The death signal survives the start of a program, except of a set-user-id one. It is sent when the
/// *thread* that started us ends, and reaches this process, not its children: those are ended by group.
///
/// It returns only when it failed; the caller prints the error and exits with a code other than 0.
pub fn run(args: impl IntoIterator<Item = OsString>) -> io::Error {
    match prepare(args) {
        Ok(mut program) => program.exec(),
        Err(error) => error,
    }
}

fn prepare(args: impl IntoIterator<Item = OsString>) -> io::Result<Command> {
    let mut args = args.into_iter();
    let usage = || io::Error::other("exec-shim needs a parent's process id and a program");
    let parent = args.next().and_then(parse_pid).ok_or_else(usage)?;
    let mut program = Command::new(args.next().ok_or_else(usage)?);
    program.args(args);
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid().map(|pid| pid.as_raw_nonzero().get()) != Some(parent) {
        return Err(io::Error::other("the process that asked for this is gone"));
    }
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
    Ok(program)
}

fn parse_pid(text: OsString) -> Option<i32> {
    text.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::run;
    use std::ffi::OsString;

    #[test]
    fn nothing_is_started_without_parent_and_program() {
        for args in [&[][..], &["1"], &["x", "/bin/true"]] {
            let error = run(args.iter().map(OsString::from));
            assert!(error.to_string().contains("needs a parent"), "{args:?}");
        }
    }
}
