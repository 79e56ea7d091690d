//! Folders and files beneath a root, reached without following a link, and errors with a remedy.

use keywheel_contract::{Error, ErrorKind, Result};
use rustix::fs::{self, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::fs::{File, TryLockError};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long a writer waits for another one; each holds the lock for milliseconds.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// Opens `path` below `folder`. A link anywhere on the way, or a way out, is refused by the kernel.
pub fn open_beneath(folder: impl AsFd, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    fs::openat2(
        folder,
        path,
        flags | OFlags::CLOEXEC,
        Mode::empty(),
        resolve,
    )
}

/// Opens a folder below `folder`, `None` where it does not exist.
pub fn open_folder(folder: impl AsFd, path: &str) -> Result<Option<OwnedFd>> {
    match open_beneath(folder, path, OFlags::DIRECTORY | OFlags::RDONLY) {
        Ok(opened) => Ok(Some(opened)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(refused("open folder", path, error)),
    }
}

/// Splits a path into its parts.
///
/// # Errors
/// `Invalid`: absolute, empty, or a part is empty, `.` or `..` or holds a NUL.
pub fn parts(path: &str) -> Result<Vec<&str>> {
    let plain = |part: &&str| !matches!(*part, "" | "." | "..") && !part.contains('\0');
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().all(plain) {
        return Ok(parts);
    }
    Err(Error::invalid(format!(
        "path `{}` is not a plain relative path: leave out `..`, `.`, empty parts and a leading `/`",
        path.escape_default()
    )))
}

/// Waits for the lock on an open file or folder, but not for ever.
pub fn lock(file: &File, shown: &str) -> Result<()> {
    let give_up = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < give_up => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::unavailable(format!(
                    "`{shown}` stayed locked by another process for {} s",
                    LOCK_PATIENCE.as_secs()
                )));
            }
            Err(TryLockError::Error(error)) => {
                return Err(Error::unavailable(format!(
                    "cannot lock `{shown}`: {error}"
                )));
            }
        }
    }
}

/// A refused system call as an error of the contract; the call did not take effect.
pub fn refused(doing: &str, shown: &str, error: Errno) -> Error {
    let said = std::io::Error::from(error);
    let (kind, remedy) = match error {
        Errno::NOENT => (ErrorKind::NotFound, "it does not exist"),
        Errno::LOOP | Errno::XDEV => (
            ErrorKind::Denied,
            "a symbolic link or a way out of the folder is never followed: put a plain folder there",
        ),
        Errno::ACCESS | Errno::PERM | Errno::ROFS => (
            ErrorKind::Denied,
            "give the user that keywheel runs as the right to do it",
        ),
        Errno::NOTDIR | Errno::ISDIR | Errno::NAMETOOLONG | Errno::INVAL => (
            ErrorKind::Invalid,
            "something else stands there, or the name is too long",
        ),
        _ => (ErrorKind::Unavailable, "it is tried again"),
    };
    Error::new(kind, format!("cannot {doing} `{shown}`: {said}; {remedy}"))
}

/// Flushes what must be on the disk for a change that is already visible to readers.
pub fn settle(folder: impl AsFd, shown: &str) -> Result<()> {
    fs::fsync(folder).map_err(|error| {
        let said = std::io::Error::from(error);
        Error::unknown_outcome(format!(
            "changed `{shown}`, but cannot flush its folder: {said}"
        ))
    })
}

/// Runs file work beside the async threads; one call of a store is one piece of work.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::unknown_outcome("the thread doing the file work stopped"))?
}

#[cfg(test)]
mod tests {
    use super::{open_folder, parts};
    use crate::root::open_root;
    use keywheel_contract::ErrorKind;

    #[test]
    fn only_plain_relative_paths_pass() {
        assert_eq!(parts("a/b.c").unwrap(), ["a", "b.c"]);
        for wrong in ["", "/a", "a/", "a//b", "../a", "a/../b", "./a", "a\0b"] {
            assert!(parts(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_link_on_the_way_is_denied() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(root.path().join("plain")).unwrap();
        std::os::unix::fs::symlink(outside.path(), root.path().join("out")).unwrap();
        std::os::unix::fs::symlink("plain", root.path().join("in")).unwrap();
        let opened = open_root(root.path()).unwrap();
        assert!(open_folder(&opened, "plain").unwrap().is_some());
        assert!(open_folder(&opened, "absent").unwrap().is_none());
        for link in ["out", "in", "in/x"] {
            let error = open_folder(&opened, link).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Denied, "{link}");
        }
    }
}
