//! The content of one version on the disk: a file for a value, a folder with a file per field.

use super::options::Access;
use keywheel_contract::{Document, Error, Fields, Place, Result, SecretValue};
use keywheel_host_files::{open_beneath, refused};
use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};

/// The whole document that a payload of ours says, other people's fields included.
pub(super) fn parse(place: &Place, payload: &SecretValue) -> Result<Document> {
    if place.fields.is_empty() {
        return Ok(Document::Whole(payload.duplicate()));
    }
    let object: BTreeMap<String, String> = serde_json::from_slice(payload.expose_secret())
        .map_err(|_| Error::invalid("the payload is not a JSON object of text fields"))?;
    let fields = object
        .into_iter()
        .map(|(name, text)| (name, SecretValue::from(text)));
    Ok(Document::Fields(fields.collect()))
}

/// Writes and flushes a version under that name, which must be free.
pub(super) fn write(
    folder: &OwnedFd,
    name: &str,
    document: &Document,
    access: Access,
) -> Result<()> {
    match document {
        Document::Whole(value) => write_file(folder, name, value, access),
        Document::Fields(fields) => write_folder(folder, name, fields, access),
    }
    .map_err(|error| failed("write", name, &error))
}

fn write_file(
    folder: &OwnedFd,
    name: &str,
    value: &SecretValue,
    access: Access,
) -> std::io::Result<()> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(fs::openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?);
    file.write_all(value.expose_secret())?;
    access.give_file(&file)?;
    file.sync_all()
}

fn write_folder(
    folder: &OwnedFd,
    name: &str,
    fields: &Fields,
    access: Access,
) -> std::io::Result<()> {
    fs::mkdirat(folder, name, Mode::RWXU)?;
    let inner = open_beneath(folder, name, OFlags::DIRECTORY | OFlags::RDONLY)?;
    for (field, value) in fields.iter() {
        write_file(&inner, field, value, access)?;
    }
    access.give_folder(&inner)?;
    Ok(fs::fsync(&inner)?)
}

/// Reads a version, in the form it has on the disk.
pub(super) fn read(folder: &OwnedFd, path: &str) -> Result<Document> {
    read_any(folder, path).map_err(|error| failed("read", path, &error))
}

fn read_any(folder: &OwnedFd, path: &str) -> std::io::Result<Document> {
    let opened = open_beneath(folder, path, OFlags::RDONLY | OFlags::NONBLOCK)?;
    if is_folder(&opened)? {
        return read_folder(&opened).map(Document::Fields);
    }
    read_file(File::from(opened)).map(Document::Whole)
}

fn read_folder(folder: &OwnedFd) -> std::io::Result<Fields> {
    let mut fields = Fields::new();
    for name in names(folder)? {
        let file = open_beneath(folder, &name, OFlags::RDONLY | OFlags::NONBLOCK)?;
        fields.insert(name, read_file(File::from(file))?);
    }
    Ok(fields)
}

/// Room for the whole content first: a buffer that grows would leave parts of it behind in memory.
fn read_file(mut file: File) -> std::io::Result<SecretValue> {
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(length + 1);
    file.read_to_end(&mut bytes)?;
    Ok(SecretValue::new(bytes))
}

/// Removes a version or a leftover; one that is not there is removed already.
///
/// It is unlinked and not overwritten: journals, copy-on-write and wear levelling keep the old blocks.
pub(super) fn remove(folder: &OwnedFd, name: &str) -> Result<()> {
    match remove_any(folder, name) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(|error| failed("remove", name, &error)),
    }
}

fn remove_any(folder: &OwnedFd, name: &str) -> std::io::Result<()> {
    match fs::unlinkat(folder, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => {}
        other => return Ok(other?),
    }
    let inner = open_beneath(folder, name, OFlags::DIRECTORY | OFlags::RDONLY)?;
    for field in names(&inner)? {
        fs::unlinkat(&inner, field, AtFlags::empty())?;
    }
    Ok(fs::unlinkat(folder, name, AtFlags::REMOVEDIR)?)
}

/// The names in a folder, without `.` and `..`; names that are not text are not ours.
pub(super) fn names(folder: &OwnedFd) -> rustix::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        if let Ok(name) = entry?.file_name().to_str() {
            names.push(name.to_owned());
        }
    }
    names.retain(|name| name != "." && name != "..");
    Ok(names)
}

fn is_folder(opened: impl AsFd) -> rustix::io::Result<bool> {
    Ok(FileType::from_raw_mode(fs::fstat(opened)?.st_mode) == FileType::Directory)
}

fn failed(doing: &str, name: &str, error: &std::io::Error) -> Error {
    refused(
        doing,
        name,
        Errno::from_io_error(error).unwrap_or(Errno::IO),
    )
}
