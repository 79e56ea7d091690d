//! Runs a part of a test in a process of its own: the test's own binary, started again for that one test.

use std::path::{Path, PathBuf};
use std::process::Command;

const FOLDER: &str = "KEYWHEEL_TEST_CHILD_FOLDER";

/// In the child: the folder it works in. `None` in the test itself.
pub(super) fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// The command that runs `test`, a path like `journal::crash::name`, as a child in `folder`, behind `wrapper`.
pub(super) fn command(wrapper: &[&str], test: &str, folder: &Path) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = match wrapper.split_first() {
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
        None => Command::new(program),
    };
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder);
    command
}
