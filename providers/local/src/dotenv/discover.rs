//! Which env files a root holds, and which keys each has. Values are passed over.

use super::check_key;
use super::text::Text;
use keywheel_contract::{Listed, Page, Result};
use keywheel_host_files::Target;
use keywheel_host_files::{open_beneath, open_root, refused};
use rustix::fs::{Dir, OFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Folders deeper than this are not looked into.
const DEEPEST: usize = 32;

/// Every env file below the root.
pub(super) fn everything(root: &Path) -> Result<Page> {
    let mut files = Vec::new();
    walk(&open_root(root)?, "", DEEPEST, &mut files)?;
    Ok(Page {
        entries: files.iter().map(|path| listed(root, path)).collect(),
        next: None,
    })
}

/// `.env`, `.env.local`, `web.env`: as the readers of such files look for them.
fn is_env_file(name: &str) -> bool {
    let hidden = name.starts_with('.') && name != ".env" && !name.starts_with(".env.");
    let written_by_us = name.ends_with(".keywheel");
    !hidden && !written_by_us && (name.starts_with(".env") || name.ends_with(".env"))
}

fn walk(folder: &OwnedFd, path: &str, depth: usize, files: &mut Vec<String>) -> Result<()> {
    let listing = Dir::read_from(folder).map_err(|error| refused("list", path, error))?;
    let mut names = Vec::new();
    for entry in listing {
        let entry = entry.map_err(|error| refused("list", path, error))?;
        names.extend(entry.file_name().to_str().map(str::to_owned));
    }
    names.sort_unstable();
    for name in names {
        let below = match path {
            "" => name.clone(),
            path => format!("{path}/{name}"),
        };
        if is_env_file(&name) {
            files.push(below);
        } else if !name.starts_with('.') && depth > 0 {
            match open_beneath(folder, &name, OFlags::DIRECTORY | OFlags::RDONLY) {
                Ok(next) => walk(&next, &below, depth - 1, files)?,
                Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT | Errno::ACCESS) => {}
                Err(error) => return Err(refused("open folder", &below, error)),
            }
        }
    }
    Ok(())
}

/// A file that cannot be read is listed without its keys: that it is there is worth knowing.
fn listed(root: &Path, path: &str) -> Listed {
    let seen = Target::open(root, path).and_then(|target| target.look());
    let mut listed = Listed {
        path: path.to_owned(),
        ..Listed::default()
    };
    if let Ok(Some(seen)) = seen {
        let keys = Text::parse(seen.bytes.expose_secret()).keys();
        listed.fields = keys
            .into_iter()
            .filter(|key| check_key(key).is_ok())
            .collect();
        listed.written_at_ms = seen.written_at_ms();
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::is_env_file;

    #[test]
    fn env_files_are_known_by_their_names() {
        for name in [".env", ".env.local", "web.env"] {
            assert!(is_env_file(name), "{name}");
        }
        for name in [
            "env",
            ".environment.swp",
            ".web.env",
            ".web.env.keywheel",
            "notes.txt",
        ] {
            assert!(!is_env_file(name), "{name}");
        }
    }
}
