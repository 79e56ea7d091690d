//! The file itself: opened without following a link, and swapped for a new one that its owner cannot tell
//! from the old.
//!
//! **What is left open:** between the last comparison and the rename lie microseconds in which an editor's
//! save would be lost. A file system has no compare-and-rename that would close them.

use crate::beneath::{lock, open_beneath, open_folder, parts, refused, settle};
use crate::root::open_root;
use keywheel_contract::{Error, Result, SecretValue};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, RenameFlags, Stat, StatxFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// No file that is replaced whole is larger; a log file named by mistake is.
const LARGEST: u64 = 4 << 20;

/// A file's folder, and its name there.
pub struct Target {
    folder: File,
    name: String,
    shown: String,
}

/// The file as it was seen.
pub struct Seen {
    stat: Stat,
    /// Its content.
    pub bytes: SecretValue,
}

impl Seen {
    /// When it was written, epoch milliseconds, by the time that whoever wrote it may have set.
    pub fn written_at_ms(&self) -> Option<i64> {
        epoch_ms(self.stat.st_mtime, self.stat.st_mtime_nsec)
    }

    /// Since when it lies here as it is, epoch milliseconds. A copy may keep the time of its original, and a renamed
    /// file always does: then the change of the file's entry counts, which nobody can set (stat(2), "ctime").
    pub fn here_since_ms(&self) -> Option<i64> {
        let changed = epoch_ms(self.stat.st_ctime, self.stat.st_ctime_nsec)?;
        Some(changed.max(self.written_at_ms()?))
    }

    /// Permission bits.
    pub fn mode(&self) -> u32 {
        self.stat.st_mode & 0o7777
    }

    fn is_same(&self, other: &Self) -> bool {
        let identity = |seen: &Self| (seen.stat.st_dev, seen.stat.st_ino);
        identity(self) == identity(other) && self.bytes.matches(&other.bytes)
    }
}

impl Target {
    /// Opens the folder of the file; the file may be missing, its folder not.
    pub fn open(root: &Path, path: &str) -> Result<Self> {
        let parts = parts(path)?;
        let (name, above) = parts
            .split_last()
            .ok_or_else(|| Error::invalid("a path names a file"))?;
        let opened = open_root(root)?;
        let folder = if above.is_empty() {
            opened
        } else {
            let above = above.join("/");
            open_folder(&opened, &above)?.ok_or_else(|| {
                Error::not_found(format!("folder `{above}` does not exist: create it"))
            })?
        };
        Ok(Self {
            folder: File::from(folder),
            name: (*name).to_owned(),
            shown: path.to_owned(),
        })
    }

    /// Keeps other writers of ours out until the target is dropped.
    pub fn lock(&self) -> Result<()> {
        lock(&self.folder, &self.shown)
    }

    /// Reads the file; `None` where it does not exist.
    pub fn look(&self) -> Result<Option<Seen>> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW;
        let file = match open_beneath(&self.folder, &self.name, flags) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(self.refused("open", error)),
        };
        let stat = fs::fstat(&file).map_err(|error| self.refused("look at", error))?;
        self.ensure_replaceable(&file, &stat)?;
        let mut bytes = Vec::with_capacity(usize::try_from(stat.st_size).unwrap_or(0) + 1);
        File::from(file)
            .take(LARGEST)
            .read_to_end(&mut bytes)
            .map_err(|error| self.failed("read", &error))?;
        let bytes = SecretValue::new(bytes);
        Ok(Some(Seen { stat, bytes }))
    }

    /// Replaces the file as it was seen by one with this text, unless somebody changed it meanwhile.
    pub fn replace(&self, seen: Option<&Seen>, text: &SecretValue) -> Result<()> {
        self.prepare(seen, text)?;
        self.swap(seen).inspect_err(|error| {
            if error.word() != "unknown_outcome" {
                // The leftover holds the value; the first error is the one to tell.
                drop(self.remove_leftover());
            }
        })
    }

    /// Writes the new file beside the old one, with its owner, group, mode and access list.
    fn prepare(&self, seen: Option<&Seen>, text: &SecretValue) -> Result<()> {
        self.remove_leftover()?;
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::openat(
            &self.folder,
            self.leftover(),
            flags,
            Mode::RUSR | Mode::WUSR,
        )
        .map_err(|error| self.refused("write beside", error))?;
        let mut file = File::from(file);
        let done = seen
            .map_or(Ok(()), |seen| self.dress(&file, seen))
            .and_then(|()| {
                let written = file
                    .write_all(text.expose_secret())
                    .and_then(|()| file.sync_all());
                written.map_err(|error| self.failed("write beside", &error))
            });
        done.inspect_err(|_| drop(self.remove_leftover()))
    }

    /// Compares once more, then renames: from here on everybody sees the new file.
    fn swap(&self, seen: Option<&Seen>) -> Result<()> {
        let now = self.look()?;
        let same = match (seen, &now) {
            (Some(seen), Some(now)) => seen.is_same(now),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !same {
            return Err(self.changed());
        }
        let how = if seen.is_some() {
            RenameFlags::empty()
        } else {
            RenameFlags::NOREPLACE
        };
        match fs::renameat_with(&self.folder, self.leftover(), &self.folder, &self.name, how) {
            Ok(()) => settle(&self.folder, &self.shown),
            Err(Errno::EXIST) => Err(self.changed()),
            Err(error) => Err(self.refused("replace", error)),
        }
    }

    /// Gives the new file what the old one has.
    fn dress(&self, file: &File, seen: &Seen) -> Result<()> {
        let mine = fs::fstat(file).map_err(|error| self.refused("look beside", error))?;
        let (owner, group) = (seen.stat.st_uid, seen.stat.st_gid);
        if (mine.st_uid, mine.st_gid) != (owner, group) {
            std::os::unix::fs::fchown(file, Some(owner), Some(group))
                .map_err(|_| self.owner_is_lost(owner, group))?;
        }
        fs::fchmod(file, Mode::from_raw_mode(seen.mode()))
            .map_err(|error| self.refused("set the mode of", error))
    }

    fn ensure_replaceable(&self, file: &OwnedFd, stat: &Stat) -> Result<()> {
        let problem = if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            "it is not a regular file"
        } else if stat.st_nlink > 1 {
            "it has a second name (a hard link), which would keep the old content: leave one name"
        } else if stat.st_size > LARGEST as i64 {
            "it is larger than 4 MiB: is it the right file?"
        } else if mount(file) != mount(&self.folder) {
            "it is mounted by itself, so that replacing it would not be seen inside: mount the folder instead"
        } else if has_access_list(file) {
            "it has an access control list, which would be lost: remove it (`setfacl -b`) and use the group"
        } else {
            return Ok(());
        };
        Err(Error::invalid(format!(
            "`{}` cannot be replaced: {problem}",
            self.shown
        )))
    }

    fn leftover(&self) -> String {
        format!(".{}.keywheel", self.name)
    }

    fn remove_leftover(&self) -> Result<()> {
        match fs::unlinkat(&self.folder, self.leftover(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.refused("remove what was left beside", error)),
        }
    }

    fn owner_is_lost(&self, owner: u32, group: u32) -> Error {
        Error::denied(format!(
            "cannot keep owner {owner} and group {group} of `{}`: run keywheel as that user, or `chown` the \
             file to the user keywheel runs as",
            self.shown
        ))
    }

    fn changed(&self) -> Error {
        let message = format!("`{}` was changed while it was being rewritten", self.shown);
        Error::conflict(None, message)
    }

    fn refused(&self, doing: &str, error: Errno) -> Error {
        refused(doing, &self.shown, error)
    }

    fn failed(&self, doing: &str, error: &std::io::Error) -> Error {
        self.refused(doing, Errno::from_io_error(error).unwrap_or(Errno::IO))
    }
}

fn epoch_ms(seconds: i64, nanoseconds: impl TryInto<i64>) -> Option<i64> {
    Some(seconds * 1000 + nanoseconds.try_into().ok()? / 1_000_000)
}

/// Tells mounts apart: the kernel's number of the mount (since Linux 5.8), else only the device.
fn mount(file: impl AsFd) -> Option<u64> {
    let wanted = StatxFlags::MNT_ID;
    let seen = fs::statx(file, "", AtFlags::EMPTY_PATH, wanted).ok()?;
    let told = StatxFlags::from_bits_retain(seen.stx_mask).contains(wanted);
    let device = u64::from(seen.stx_dev_major) << 32 | u64::from(seen.stx_dev_minor);
    Some(if told { seen.stx_mnt_id } else { device })
}

/// One larger than the buffer is there all the same.
fn has_access_list(file: &OwnedFd) -> bool {
    let mut list = [0_u8; 512];
    match fs::fgetxattr(file, "system.posix_acl_access", &mut list) {
        Ok(size) => size > 0,
        Err(error) => error == Errno::RANGE,
    }
}

#[cfg(test)]
mod tests {
    use super::Target;
    use keywheel_contract::{ErrorKind, SecretValue};
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use tempfile::TempDir;

    fn folder_with(text: &str) -> (TempDir, Target) {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(".env"), text).unwrap();
        let target = Target::open(root.path(), ".env").unwrap();
        (root, target)
    }

    fn text(text: &str) -> SecretValue {
        SecretValue::from(text.to_owned())
    }

    #[test]
    fn an_editors_save_between_read_and_swap_is_a_conflict() {
        let (root, target) = folder_with("A=example-1\n");
        let path = root.path().join(".env");
        let in_place = || fs::write(&path, "A=example-2\n").unwrap();
        let renamed = || {
            fs::write(root.path().join("new"), "A=example-2\n").unwrap();
            fs::rename(root.path().join("new"), &path).unwrap();
        };
        let removed = || fs::remove_file(&path).unwrap();
        for save in [&in_place as &dyn Fn(), &renamed, &removed] {
            let seen = target.look().unwrap();
            target
                .prepare(seen.as_ref(), &text("A=example-3\n"))
                .unwrap();
            save();
            let error = target.swap(seen.as_ref()).unwrap_err();
            assert!(matches!(error.kind, ErrorKind::Conflict { .. }), "{error}");
        }
        assert!(!path.exists());
    }

    #[test]
    fn a_refused_replacement_leaves_nothing_behind() {
        let (root, target) = folder_with("A=example-1\n");
        let seen = target.look().unwrap();
        fs::write(root.path().join(".env"), "A=example-2\n").unwrap();
        assert!(
            target
                .replace(seen.as_ref(), &text("A=example-3\n"))
                .is_err()
        );
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        let kept = fs::read_to_string(root.path().join(".env")).unwrap();
        assert_eq!(kept, "A=example-2\n");
    }

    #[test]
    fn a_leftover_of_a_crash_does_not_stand_in_the_way() {
        let (root, target) = folder_with("A=example-1\n");
        fs::write(root.path().join("..env.keywheel"), "A=exam").unwrap();
        let seen = target.look().unwrap();
        target
            .replace(seen.as_ref(), &text("A=example-2\n"))
            .unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn mode_and_owner_are_kept() {
        let (root, target) = folder_with("A=example-1\n");
        let path = root.path().join(".env");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        // Only a privileged test can give the file away; another one keeps its own owner.
        drop(std::os::unix::fs::chown(&path, Some(12345), Some(12346)));
        let before = fs::metadata(&path).unwrap();
        let seen = target.look().unwrap();
        target
            .replace(seen.as_ref(), &text("A=example-2\n"))
            .unwrap();
        let after = fs::metadata(&path).unwrap();
        let rights = |file: &fs::Metadata| (file.uid(), file.gid(), file.mode());
        assert_eq!(rights(&before), rights(&after));
        assert_ne!(before.ino(), after.ino());
        let lost = target.owner_is_lost(1, 2);
        assert!(lost.kind == ErrorKind::Denied && lost.message.contains("chown"));
    }

    #[test]
    fn a_copy_with_the_time_of_its_original_is_here_since_it_was_made() {
        let (root, target) = folder_with("A=example-1\n");
        let made = target.look().unwrap().unwrap().here_since_ms().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        let copy = root.path().join("copy");
        fs::write(&copy, "A=example-2\n").unwrap();
        let an_hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        let file = fs::File::options().write(true).open(&copy).unwrap();
        file.set_modified(an_hour_ago).unwrap();
        fs::rename(&copy, root.path().join(".env")).unwrap();
        let seen = target.look().unwrap().unwrap();
        assert!(seen.written_at_ms().unwrap() < made && made < seen.here_since_ms().unwrap());
    }

    #[test]
    fn links_and_what_is_not_a_plain_file_are_refused() {
        let (root, target) = folder_with("A=example-1\n");
        let path = root.path().join(".env");
        fs::hard_link(&path, root.path().join("second")).unwrap();
        assert_eq!(target.look().err().unwrap().kind, ErrorKind::Invalid);
        fs::remove_file(&path).unwrap();
        symlink("second", &path).unwrap();
        assert_eq!(target.look().err().unwrap().kind, ErrorKind::Denied);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(target.look().err().unwrap().kind, ErrorKind::Invalid);
        symlink("/", root.path().join("out")).unwrap();
        for wrong in ["out/etc/hostname", "../x", "/etc/hostname"] {
            assert!(Target::open(root.path(), wrong).is_err(), "{wrong}");
        }
    }

    /// The list is that of acl(5) as Linux stores it: version 2, then tag, rights and id of each entry.
    #[test]
    fn an_access_list_that_would_be_lost_is_refused() {
        let (root, target) = folder_with("A=example\n");
        let mut list = vec![2, 0, 0, 0];
        for (tag, rights, id) in [
            (1_u16, 6_u16, u32::MAX),
            (2, 4, 1),
            (4, 0, u32::MAX),
            (16, 4, u32::MAX),
            (32, 0, u32::MAX),
        ] {
            list.extend(tag.to_le_bytes());
            list.extend(rights.to_le_bytes());
            list.extend(id.to_le_bytes());
        }
        let file = fs::File::open(root.path().join(".env")).unwrap();
        let none = rustix::fs::XattrFlags::empty();
        match rustix::fs::fsetxattr(&file, "system.posix_acl_access", &list, none) {
            Ok(()) => assert!(target.look().err().unwrap().message.contains("setfacl")),
            Err(error) => assert_eq!(error, rustix::io::Errno::OPNOTSUPP),
        }
    }

    #[test]
    fn a_file_that_is_a_mount_of_its_own_is_told_apart() {
        let (root, _) = folder_with("");
        let plain = fs::File::open(root.path().join(".env")).unwrap();
        let folder = fs::File::open(root.path()).unwrap();
        assert_eq!(super::mount(&plain), super::mount(&folder));
        let elsewhere = fs::File::open("/proc/self/status").unwrap();
        assert_ne!(super::mount(&elsewhere), super::mount(&folder));
    }
}
