//! The way to the folder that everything must lie beneath, one part after the other.
//!
//! It may lead over links, as where `/home` lies on another disk. But whoever may write into a folder on the way can
//! put a link there, and lead anywhere a keywheel that runs as root. So only links of people who could do that anyway
//! are followed.

use keywheel_contract::{Error, Result};
use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// As many as Linux follows: more links on one way go in a circle.
const LINKS: usize = 40;

/// Opens the folder that everything must lie beneath. It is never created: a missing one is often a mount
/// that is not there, and writing below its mount point would publish to nobody.
///
/// # Errors
/// `NotFound`: it is not there. `Denied`: no right to it, or a link on the way belongs neither to root nor to the user
/// that keywheel runs as.
pub fn open_root(root: &Path) -> Result<OwnedFd> {
    open_over_links_of(&[0, geteuid().as_raw()], root).map_err(|error| match error {
        Errno::NOENT => Error::not_found(format!(
            "folder `{}` does not exist: create or mount it, owned by the user that keywheel runs as",
            root.display()
        )),
        Errno::LOOP => Error::denied(format!(
            "the way to folder `{}` leads over a link that neither root nor the user that keywheel runs as has made: \
             put a plain folder there, or give the link to root (`chown -h root`)",
            root.display()
        )),
        other => crate::refused("open folder", &root.display().to_string(), other),
    })
}

/// `LOOP` where a link on the way is of somebody else.
fn open_over_links_of(owners: &[u32], root: &Path) -> rustix::io::Result<OwnedFd> {
    let mut at = fs::open(".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let (mut left, mut links) = (reversed(root), LINKS);
    while let Some(part) = left.pop() {
        // An absolute path begins with a part `/`, which leads to the root from everywhere.
        match step(&at, &part, OFlags::DIRECTORY) {
            Ok(folder) => at = folder,
            Err(Errno::NOTDIR) if links > 0 => {
                links -= 1;
                left.extend(reversed(Path::new(&target(&at, &part, owners)?)));
            }
            Err(error) => return Err(error),
        }
    }
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    fs::openat(&at, ".", flags, Mode::empty())
}

fn step(at: &OwnedFd, part: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let flags = flags | OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(at, part, flags, Mode::empty())
}

/// Where a link leads, seen through the very entry whose owner was looked at; `NOTDIR` where it is no link.
fn target(at: &OwnedFd, part: &OsStr, owners: &[u32]) -> rustix::io::Result<OsString> {
    let link = step(at, part, OFlags::empty())?;
    let stat = fs::fstat(&link)?;
    if !fs::FileType::from_raw_mode(stat.st_mode).is_symlink() {
        return Err(Errno::NOTDIR);
    }
    if !owners.contains(&stat.st_uid) {
        return Err(Errno::LOOP);
    }
    let target = fs::readlinkat(&link, "", Vec::new())?;
    Ok(OsStr::from_bytes(target.as_bytes()).to_owned())
}

/// The parts of a path, the last one first.
fn reversed(path: &Path) -> Vec<OsString> {
    let parts = path.components().rev();
    parts.map(|part| part.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::{open_over_links_of, open_root};
    use keywheel_contract::ErrorKind;
    use rustix::fs::{AtFlags, CWD, chownat, fstat};
    use rustix::io::Errno;
    use rustix::process::{Uid, geteuid};
    use std::fs::{create_dir, create_dir_all};
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::path::Path;

    fn same(opened: &std::os::fd::OwnedFd, folder: &Path) -> bool {
        fstat(opened).unwrap().st_ino == folder.metadata().unwrap().ino()
    }

    #[test]
    fn links_are_followed_by_their_owner() {
        let place = tempfile::tempdir().unwrap();
        let base = place.path().canonicalize().unwrap();
        let at = |path: &str| base.join(path);
        create_dir_all(at("disk/home/app")).unwrap();
        create_dir(at("way")).unwrap();
        symlink("../disk/./home", at("way/home")).unwrap();
        symlink(at("way"), at("absolute")).unwrap();
        symlink("round", at("round")).unwrap();
        let own = [geteuid().as_raw()];
        for path in [
            "disk/home/app",
            "way/home/app",
            "absolute/home/app",
            "way/../absolute/home/app",
        ] {
            let opened = open_over_links_of(&own, &at(path)).unwrap();
            assert!(same(&opened, &at("disk/home/app")), "{path}");
        }
        assert!(open_over_links_of(&[], &at("disk/home/app")).is_ok());
        for path in ["way/home", "way/home/app", "absolute/home/app"] {
            assert_eq!(
                open_over_links_of(&[], &at(path)).err(),
                Some(Errno::LOOP),
                "{path}"
            );
        }
        let round = open_over_links_of(&own, &at("round")).err();
        assert_eq!(round, Some(Errno::NOTDIR));
    }

    /// Only a privileged test can give a link away; without, the test above shows who is asked.
    #[test]
    fn a_link_of_another_user_is_told() {
        if !geteuid().is_root() {
            eprintln!("skipped: only root can give a link to somebody else");
            return;
        }
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("keys");
        symlink("/root", &link).unwrap();
        let other = Some(Uid::from_raw(12345));
        chownat(CWD, &link, other, None, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        let error = open_root(&link).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(error.message.contains("chown -h root"), "{error}");
    }

    #[test]
    fn a_missing_root_is_not_made() {
        let root = tempfile::tempdir().unwrap();
        let error = open_root(&root.path().join("absent")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
        std::fs::write(root.path().join("file"), "").unwrap();
        let error = open_root(&root.path().join("file")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
    }
}
