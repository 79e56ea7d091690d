//! Whether the file is the one that `keywheel.toml` means.

use crate::program::Program;
use aws_lc_rs::digest::{Context, SHA256};
use keywheel_contract::{Error, Result};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};

/// Remembers which state of the file was last found to be right, so that it is read again only when it
/// has changed.
///
/// The pin finds an exchanged program. It cannot stop somebody who may write to the file *while* it is being
/// started: the directory has to belong to root or to keywheel.
#[derive(Default)]
pub(crate) struct Pin(Mutex<Option<Stamp>>);

/// What changes whenever a file's content does. The time of change cannot be set back by its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Pin {
    /// Checks that the program can be started, and that it is the right one.
    ///
    /// # Errors
    /// [`Unavailable`](keywheel_contract::ErrorKind::Unavailable): no such file, or it cannot be read.
    /// [`Invalid`](keywheel_contract::ErrorKind::Invalid): not a program, writable by everybody, or another
    /// content than the one pinned.
    pub(crate) fn check(&self, program: &Program) -> Result<()> {
        let metadata = std::fs::metadata(&program.path).map_err(|e| unreadable(program, &e))?;
        check_mode(program, &metadata)?;
        let Some(expected) = program.sha256.as_deref() else {
            return Ok(());
        };
        let stamp = Stamp::of(&metadata);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == Some(stamp) {
            return Ok(());
        }
        if file_sha256(program).map_err(|e| unreadable(program, &e))? != expected {
            return Err(invalid(
                program,
                "its content is not the pinned one; check it and update `sha256`",
            ));
        }
        *known = Some(stamp);
        Ok(())
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

fn check_mode(program: &Program, metadata: &Metadata) -> Result<()> {
    if !metadata.is_file() || metadata.mode() & 0o111 == 0 {
        return Err(invalid(program, "it is not an executable file"));
    }
    if metadata.mode() & 0o002 != 0 {
        return Err(invalid(
            program,
            "everybody may write to it; run `chmod o-w`",
        ));
    }
    Ok(())
}

fn file_sha256(program: &Program) -> io::Result<String> {
    let mut file = File::open(&program.path)?;
    let mut context = Context::new(&SHA256);
    let mut chunk = [0_u8; 16 * 1024];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hex::encode(context.finish())),
            length => context.update(&chunk[..length]),
        }
    }
}

fn invalid(program: &Program, rule: &str) -> Error {
    Error::invalid(format!("program `{}` is not started: {rule}", program.name))
}

fn unreadable(program: &Program, error: &io::Error) -> Error {
    Error::unavailable(format!(
        "program `{}` cannot be read at `{}`: {}",
        program.name,
        program.path.display(),
        error.kind()
    ))
}

#[cfg(test)]
mod tests {
    use super::{Pin, file_sha256};
    use crate::program::{Program, ProgramOptions};
    use keywheel_contract::ErrorKind;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn program(base: &Path) -> Program {
        let path = base.join("plugin");
        fs::write(&path, "example").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        let options: ProgramOptions = toml::from_str("path = 'plugin'").unwrap();
        Program::new("plugin", options, base).unwrap()
    }

    #[test]
    fn an_exchanged_program_is_not_started() {
        let base = tempfile::tempdir().unwrap();
        let mut program = program(base.path());
        program.sha256 = Some(file_sha256(&program).unwrap());
        let pin = Pin::default();
        assert_eq!(pin.check(&program), Ok(()));
        assert_eq!(pin.check(&program), Ok(()));
        fs::write(&program.path, "EXAMPLE").unwrap();
        let error = pin.check(&program).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains("pinned"), "{error}");
        fs::write(&program.path, "example").unwrap();
        assert_eq!(pin.check(&program), Ok(()));
    }

    #[test]
    fn the_pin_is_the_plain_sha256_of_the_file() {
        let base = tempfile::tempdir().unwrap();
        let program = program(base.path());
        assert_eq!(
            file_sha256(&program).unwrap(),
            "50d858e0985ecc7f60418aaf0cc5ab587f42c2570a884095a9e8ccacd0f6545c"
        );
    }

    #[test]
    fn what_is_no_program_of_ours_is_not_started() {
        let base = tempfile::tempdir().unwrap();
        let program = program(base.path());
        for mode in [0o644, 0o757] {
            fs::set_permissions(&program.path, Permissions::from_mode(mode)).unwrap();
            let error = Pin::default().check(&program).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Invalid, "{mode:o}");
        }
        fs::remove_file(&program.path).unwrap();
        let error = Pin::default().check(&program).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
    }
}
