//! How a `files` store is configured, and who may read what it writes.

use keywheel_contract::{Error, Result};
use serde::Deserialize;
use std::os::fd::AsFd;
use std::path::PathBuf;

/// Options of the store `files`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesOptions {
    /// The folder that holds a folder per secret. It must exist.
    pub root: PathBuf,
    /// Group of everything written, by name (in `/etc/group`) or number; ours where left out.
    #[serde(default)]
    pub group: Option<String>,
    /// Mode of each value file, octal: `0600` where left out, at most `0640`. Folders get the matching search
    /// right (`0700`, `0750`).
    #[serde(default)]
    pub mode: Option<String>,
}

impl FilesOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &["root", "group", "mode"];
}

/// Who may read a value, as the file system needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Access {
    file_mode: u32,
    group: Option<u32>,
}

impl Access {
    pub(super) fn parse(options: &FilesOptions) -> Result<Self> {
        Ok(Self {
            file_mode: options.mode.as_deref().map_or(Ok(0o600), parse_mode)?,
            group: options.group.as_deref().map(group_number).transpose()?,
        })
    }

    /// Gives an open file its mode and group; exact, whatever the umask is.
    pub(super) fn give_file(self, file: impl AsFd) -> std::io::Result<()> {
        self.give(file, self.file_mode)
    }

    /// The same for a folder: who may read a value may pass through to it.
    pub(super) fn give_folder(self, folder: impl AsFd) -> std::io::Result<()> {
        let group_may = self.file_mode & 0o040;
        self.give(folder, 0o700 | group_may | (group_may >> 2))
    }

    fn give(self, target: impl AsFd, mode: u32) -> std::io::Result<()> {
        if self.group.is_some() {
            std::os::unix::fs::fchown(&target, None, self.group)?;
        }
        rustix::fs::fchmod(target, mode.into())?;
        Ok(())
    }
}

fn parse_mode(text: &str) -> Result<u32> {
    let mode = u32::from_str_radix(text, 8).ok();
    mode.filter(|mode| mode & !0o640 == 0 && mode & 0o400 != 0)
        .ok_or_else(|| {
            Error::invalid(format!(
                "mode `{text}` is not one of 0400, 0440, 0600, 0640: others never read a secret, and only \
                 keywheel writes it; give consumers a `group`"
            ))
        })
}

fn group_number(group: &str) -> Result<u32> {
    if let Ok(number) = group.parse() {
        return Ok(number);
    }
    let table = std::fs::read_to_string("/etc/group")
        .map_err(|error| Error::unavailable(format!("cannot read `/etc/group`: {error}")))?;
    number_in(&table, group).ok_or_else(|| {
        Error::invalid(format!(
            "group `{group}` is not in `/etc/group`: create it, or write its number"
        ))
    })
}

/// Reads the lines `name:password:number:members` of group(5).
fn number_in(table: &str, group: &str) -> Option<u32> {
    let mut lines = table.lines().map(|line| line.split(':'));
    let mut line = lines.find_map(|mut parts| (parts.next() == Some(group)).then_some(parts))?;
    line.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{FilesOptions, number_in, parse_mode};

    #[test]
    fn a_group_is_found_by_its_name() {
        let table = "root:x:0:\napp:x:1042:a,b\n";
        assert_eq!(number_in(table, "app"), Some(1042));
        assert_eq!(number_in(table, "ap"), None);
    }

    #[test]
    fn others_never_get_rights() {
        for right in ["0600", "640", "0440", "0400"] {
            assert!(parse_mode(right).is_ok(), "{right}");
        }
        for wrong in ["0644", "0660", "0700", "0200", "0000", "rw", "4600"] {
            assert!(parse_mode(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_keys_are_the_fields() {
        let all = "root = '/r'\ngroup = 'g'\nmode = '0640'";
        let read: toml::Table = toml::from_str(all).unwrap();
        let mut keys: Vec<_> = FilesOptions::KEYS.to_vec();
        keys.sort_unstable();
        assert_eq!(read.keys().collect::<Vec<_>>(), keys);
        assert!(toml::from_str::<FilesOptions>(all).is_ok());
        assert!(toml::from_str::<FilesOptions>("root = '/r'\nx = 1").is_err());
    }
}
