//! What a person types: a confirmation that is shown, a value that is not.

use super::exit::{Exit, Failure};
use keywheel_contract::SecretValue;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};
use zeroize::Zeroizing;

/// A value of more bytes than this is no credential but a mistake.
const LONGEST: u64 = 1 << 20;

/// Asks for the name of an environment; anything else changes nothing.
pub(super) fn confirm(environment: &str) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "this asks for the environment's name, and there is no terminal; nothing was changed",
        )
        .next("repeat it with --yes, once you have read the plan above"));
    }
    anstream::eprint!("Type the environment to go on: ");
    let mut line = String::new();
    let read = std::io::stderr()
        .flush()
        .and_then(|()| std::io::stdin().lock().read_line(&mut line));
    match read {
        Ok(_) if line.trim() == environment => Ok(()),
        Ok(_) => Err(Failure::new(
            Exit::Failed,
            format!("that is not `{environment}`; nothing was changed"),
        )),
        Err(error) => Err(Failure::new(
            Exit::Failed,
            format!("reading the answer: {error}"),
        )),
    }
}

/// Reads a value from stdin, without echo on a terminal. One line ending at its end is not part of it: that
/// is what Enter, `echo` and a file's last line add. Any other byte is.
pub(super) fn value(prompt: &str) -> Result<SecretValue, Failure> {
    let failed = |e: std::io::Error| Failure::new(Exit::Failed, format!("reading the value: {e}"));
    let stdin = std::io::stdin();
    let mut bytes = Zeroizing::new(Vec::new());
    if stdin.is_terminal() {
        let _quiet = Quiet::start(prompt)?;
        stdin
            .lock()
            .take(LONGEST)
            .read_until(b'\n', &mut bytes)
            .map_err(failed)?;
    } else {
        stdin
            .lock()
            .take(LONGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
    }
    if bytes.len() as u64 > LONGEST {
        return Err(Failure::usage(
            "more than a mebibyte is no credential; nothing was taken in",
        ));
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    match bytes.is_empty() {
        true => Err(Failure::usage(
            "no value was given on stdin; nothing was taken in",
        )),
        false => Ok(SecretValue::new(std::mem::take(&mut *bytes))),
    }
}

/// A terminal that does not show what is typed, until it is dropped.
struct Quiet(Termios);

impl Quiet {
    fn start(prompt: &str) -> Result<Self, Failure> {
        let failed = |e: rustix::io::Errno| {
            Failure::new(
                Exit::Failed,
                format!("the terminal cannot hide what is typed ({e}); nothing was taken in"),
            )
            .next("give the value through a pipe")
        };
        let before = tcgetattr(std::io::stdin()).map_err(failed)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &quiet).map_err(failed)?;
        anstream::eprint!("{prompt} (not shown): ");
        drop(std::io::stderr().flush());
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        anstream::eprintln!();
        let back = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
        if let Err(error) = back {
            anstream::eprintln!(
                "the terminal still hides what is typed ({error}): type `stty echo`"
            );
        }
    }
}
