//! Which places a root holds, told by their names alone.

use super::content::names;
use super::folder::Folder;
use super::versions::{CURRENT, is_reserved};
use keywheel_contract::{Listed, Page, Result};
use keywheel_host_files::{open_beneath, open_root, refused};
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;

/// Folders deeper than this are not looked into.
const DEEPEST: usize = 32;

/// Every place that consumers can open.
pub(super) fn everything(root: &Path) -> Result<Page> {
    let mut walk = Walk {
        root,
        entries: Vec::new(),
    };
    walk.look_into(&open_root(root)?, "", DEEPEST)?;
    Ok(Page {
        entries: walk.entries,
        next: None,
    })
}

struct Walk<'a> {
    root: &'a Path,
    entries: Vec<Listed>,
}

impl Walk<'_> {
    fn look_into(&mut self, folder: &OwnedFd, path: &str, depth: usize) -> Result<()> {
        let mut inside = names(folder).map_err(|error| refused("list", path, error))?;
        inside.sort_unstable();
        if !path.is_empty() && inside.iter().any(|name| name == CURRENT) {
            self.entries.extend(place(self.root, path)?);
        }
        for name in inside.iter().filter(|name| !is_reserved(name)) {
            let below = match path {
                "" => name.clone(),
                path => format!("{path}/{name}"),
            };
            match open_beneath(folder, name, OFlags::DIRECTORY | OFlags::RDONLY) {
                Ok(next) if depth > 0 => self.look_into(&next, &below, depth - 1)?,
                // A file, or a link, which leads nowhere that a place may be.
                Ok(_) | Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT) => {}
                Err(error) => return Err(refused("open folder", &below, error)),
            }
        }
        Ok(())
    }
}

/// What consumers see of a place; none where the link names nothing.
fn place(root: &Path, path: &str) -> Result<Option<Listed>> {
    let Some(folder) = Folder::open(root, path)? else {
        return Ok(None);
    };
    let versions = folder.versions()?;
    let Some(current) = versions.current() else {
        return Ok(None);
    };
    Ok(Some(Listed {
        path: path.to_owned(),
        fields: folder.fields(current)?,
        written_at_ms: folder.written_at_ms(current),
        ..Listed::default()
    }))
}
