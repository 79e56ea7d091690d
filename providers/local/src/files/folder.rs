//! The folder of one place: opened beneath the root, locked, and changed in steps that survive a crash.
//!
//! A publish writes `.next`, flushes it, renames it to `v4.<token>`, then swaps the link `current`: one
//! rename is the moment at which consumers see it. Cut off anywhere, what is left is either a leftover with
//! a name of its own, removed by the next change, or a whole version that the same write finds again.

use super::content::{self, names};
use super::options::Access;
use super::versions::{
    CURRENT, DISABLED, ENDED, Entry, GONE, LOCK, NEXT, NEXT_LINK, Versions, number_of,
};
use keywheel_contract::{Document, Error, Result};
use keywheel_host_files::{lock, open_beneath, open_folder, open_root, parts, refused, settle};
use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

/// An open, locked folder.
pub(super) struct Folder {
    fd: OwnedFd,
    shown: String,
    _lock: Option<File>,
}

impl Folder {
    /// Opens what was published before; `None` where nothing was.
    pub(super) fn open(root: &Path, path: &str) -> Result<Option<Self>> {
        let Some(fd) = open_folder(open_root(root)?, path)? else {
            return Ok(None);
        };
        let held = match open_beneath(&fd, LOCK, OFlags::RDONLY) {
            Ok(file) => Some(locked(file, path)?),
            Err(Errno::NOENT) => None,
            Err(error) => return Err(refused("open the lock of", path, error)),
        };
        Ok(Some(Self::of(fd, path, held)))
    }

    /// Opens it for a first or a later publish, making the folders that are missing.
    pub(super) fn create(root: &Path, path: &str, access: Access) -> Result<Self> {
        let mut fd = open_root(root)?;
        for part in parts(path)? {
            fd = step_into(&fd, part, access)?;
        }
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::openat(&fd, LOCK, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|error| refused("make the lock of", path, error))?;
        let held = locked(file, path)?;
        Ok(Self::of(fd, path, Some(held)))
    }

    fn of(fd: OwnedFd, path: &str, lock: Option<File>) -> Self {
        Self {
            fd,
            shown: path.to_owned(),
            _lock: lock,
        }
    }

    /// What the names say. The cost grows with the number of versions kept.
    pub(super) fn versions(&self) -> Result<Versions> {
        let (mut entries, mut ended) = (Vec::new(), 0);
        for name in self.names_in(&self.fd)? {
            if name == DISABLED {
                let inner = self.inner(DISABLED)?;
                let disabled = self.names_in(&inner)?;
                entries.extend(disabled.iter().filter_map(|name| Entry::parse(name, false)));
            } else if let Some(number) = name.strip_prefix(ENDED).and_then(number_of) {
                ended = ended.max(number);
            } else {
                entries.extend(Entry::parse(&name, true));
            }
        }
        Ok(Versions::new(entries, self.linked()?, ended))
    }

    /// When a version was written, epoch milliseconds.
    pub(super) fn written_at_ms(&self, entry: &Entry) -> Option<i64> {
        let stat = fs::statat(&self.fd, entry.path(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let nanoseconds = i64::try_from(stat.st_mtime_nsec).ok()?;
        Some(stat.st_mtime * 1000 + nanoseconds / 1_000_000)
    }

    /// Names of a version's fields, without their values; none where it is one value.
    pub(super) fn fields(&self, entry: &Entry) -> Result<Vec<String>> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY;
        match open_beneath(&self.fd, &entry.path(), flags) {
            Ok(inner) => {
                let mut fields = self.names_in(&inner)?;
                fields.sort_unstable();
                Ok(fields)
            }
            Err(Errno::NOTDIR) => Ok(Vec::new()),
            Err(error) => Err(refused("open a version of", &self.shown, error)),
        }
    }

    /// The content of a version, every field of it.
    pub(super) fn read(&self, entry: &Entry) -> Result<Document> {
        content::read(&self.fd, &entry.path())
    }

    /// Writes a version and makes it current.
    pub(super) fn publish(&self, entry: &Entry, document: &Document, access: Access) -> Result<()> {
        self.sweep()?;
        content::write(&self.fd, NEXT, document, access)?;
        self.rename(NEXT, &entry.name())?;
        self.link(entry)
    }

    /// Makes a whole version current: the one step that consumers see.
    pub(super) fn link(&self, entry: &Entry) -> Result<()> {
        content::remove(&self.fd, NEXT_LINK)?;
        fs::symlinkat(entry.name(), &self.fd, NEXT_LINK)
            .map_err(|error| refused("link in", &self.shown, error))?;
        self.rename(NEXT_LINK, CURRENT)?;
        settle(&self.fd, &self.shown)
    }

    /// Moves a version to where its readers cannot go, with one rename.
    pub(super) fn disable(&self, entry: &Entry) -> Result<()> {
        match fs::mkdirat(&self.fd, DISABLED, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(refused("make a folder in", &self.shown, error)),
        }
        self.sweep()?;
        self.rename(&entry.name(), &format!("{DISABLED}/{}", entry.name()))?;
        self.settle_both()
    }

    /// Moves it back.
    pub(super) fn enable(&self, entry: &Entry) -> Result<()> {
        self.sweep()?;
        self.rename(&entry.path(), &entry.name())?;
        self.settle_both()
    }

    /// Removes a version. `keep_number`: it is newer than the current one, so that only a marker keeps its
    /// number from being given again.
    pub(super) fn destroy(&self, entry: &Entry, keep_number: bool) -> Result<()> {
        self.sweep()?;
        if keep_number {
            self.keep_number(entry.number)?;
        }
        self.rename(&entry.path(), GONE)?;
        content::remove(&self.fd, GONE)?;
        if entry.enabled {
            return settle(&self.fd, &self.shown);
        }
        self.settle_both()
    }

    /// Removes what an earlier change left when it was cut off.
    pub(super) fn sweep(&self) -> Result<()> {
        [NEXT, NEXT_LINK, GONE]
            .iter()
            .try_for_each(|leftover| content::remove(&self.fd, leftover))
    }

    fn keep_number(&self, number: u64) -> Result<()> {
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        fs::openat(
            &self.fd,
            format!("{ENDED}{number}"),
            flags,
            Mode::RUSR | Mode::WUSR,
        )
        .map(drop)
        .map_err(|error| refused("write in", &self.shown, error))
    }

    fn linked(&self) -> Result<Option<u64>> {
        let target = match fs::readlinkat(&self.fd, CURRENT, Vec::new()) {
            Ok(target) => target,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(refused("read the link `current` of", &self.shown, error)),
        };
        let entry = target
            .to_str()
            .ok()
            .and_then(|name| Entry::parse(name, true));
        entry.map(|entry| Some(entry.number)).ok_or_else(|| {
            Error::invalid(format!(
                "the link `current` of `{}` does not name a version: point it at one, or remove it",
                self.shown
            ))
        })
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        fs::renameat(&self.fd, from, &self.fd, to)
            .map_err(|error| refused("rename in", &self.shown, error))
    }

    fn settle_both(&self) -> Result<()> {
        settle(self.inner(DISABLED)?, &self.shown)?;
        settle(&self.fd, &self.shown)
    }

    fn inner(&self, name: &str) -> Result<OwnedFd> {
        open_beneath(&self.fd, name, OFlags::DIRECTORY | OFlags::RDONLY)
            .map_err(|error| refused("open a folder of", &self.shown, error))
    }

    fn names_in(&self, folder: &OwnedFd) -> Result<Vec<String>> {
        names(folder).map_err(|error| refused("list", &self.shown, error))
    }
}

fn locked(file: OwnedFd, shown: &str) -> Result<File> {
    let file = File::from(file);
    lock(&file, shown)?;
    Ok(file)
}

/// Enters a folder, making it first where it is missing.
fn step_into(parent: &OwnedFd, name: &str, access: Access) -> Result<OwnedFd> {
    let made = match fs::mkdirat(parent, name, Mode::RWXU) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(refused("make folder", name, error)),
    };
    let opened = open_beneath(parent, name, OFlags::DIRECTORY | OFlags::RDONLY)
        .map_err(|error| refused("open folder", name, error))?;
    if made {
        let given = access.give_folder(&opened);
        given.map_err(|error| {
            refused(
                "give mode and group to",
                name,
                Errno::from_io_error(&error).unwrap_or(Errno::IO),
            )
        })?;
        settle(parent, name)?;
    }
    Ok(opened)
}
