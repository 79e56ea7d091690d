//! Packages from npm, unpacked once below `target`: only their files are read, nothing of them runs.

use crate::counts::skipped;
use std::path::PathBuf;
use std::process::Command;

const UNPACK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/npm-package");

/// The folder of a package (`name@version`); `None` where it is not there and cannot be fetched, with the reason
/// printed.
#[must_use]
pub fn unpacked(name: &str) -> Option<PathBuf> {
    unpacked_files(name, &[])
}

/// The same with these files of it alone, for packages that are large; all of them where none is named.
#[must_use]
pub fn unpacked_files(name: &str, files: &[&str]) -> Option<PathBuf> {
    let done = Command::new(UNPACK).arg(name).args(files).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if done.status.success() {
        return Some(PathBuf::from(text(&done.stdout)));
    }
    skipped(text(&done.stderr));
    None
}
