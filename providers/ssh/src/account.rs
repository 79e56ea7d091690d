//! The `authorized_keys` file of the account: read, and swapped whole.

use crate::lines::{self, Listed};
use keywheel_contract::{CredentialState, Error, Result, SecretValue};
use keywheel_host_files::{Seen, Target, blocking, refused};
use rustix::fs::{Access, access};
use std::path::{Path, PathBuf};

/// The file. It has to be there: nobody but its owner knows which owner and mode it should have.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    path: PathBuf,
}

impl Account {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// For people.
    pub(crate) fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// Every key that stands in it.
    pub(crate) async fn listed(&self) -> Result<Vec<Listed>> {
        let account = self.clone();
        blocking(move || {
            let seen = account.seen(&account.open()?)?;
            Ok(lines::listed(seen.bytes.expose_secret()))
        })
        .await
    }

    /// Whether the account honours this key.
    pub(crate) async fn state(&self, fingerprint: &str) -> Result<CredentialState> {
        let listed = self.listed().await?;
        let mut ours = listed.iter().filter(|one| one.fingerprint == fingerprint);
        Ok(match ours.clone().next() {
            None => CredentialState::Absent,
            Some(_) if ours.any(|one| one.honoured) => CredentialState::Active,
            Some(_) => CredentialState::Disabled,
        })
    }

    /// Whether the file could be swapped; nothing is changed.
    pub(crate) async fn ensure_writable(&self) -> Result<()> {
        let account = self.clone();
        blocking(move || {
            account.seen(&account.open()?)?;
            let folder = account.folder();
            access(folder, Access::WRITE_OK | Access::EXEC_OK)
                .map_err(|error| refused("write into folder", &folder.display().to_string(), error))
        })
        .await
    }

    /// Swaps the file for another one, unless it is the same already.
    pub(crate) async fn change(
        &self,
        change: impl FnOnce(&[u8]) -> Result<Vec<u8>> + Send + 'static,
    ) -> Result<()> {
        let account = self.clone();
        blocking(move || {
            let file = account.open()?;
            file.lock()?;
            let seen = account.seen(&file)?;
            let new = change(seen.bytes.expose_secret())?;
            match new == seen.bytes.expose_secret() {
                true => Ok(()),
                false => file.replace(Some(&seen), &SecretValue::new(new)),
            }
        })
        .await
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// The account may write where its folder of keys (`.ssh`) lies, and put a link to another account's in its place:
    /// that folder is never reached through a link, as the file is not.
    fn open(&self) -> Result<Target> {
        let folder = self.folder();
        let home = folder.parent().unwrap_or(folder);
        let below = self.path.strip_prefix(home).ok().and_then(Path::to_str);
        let below = below.ok_or_else(|| Error::invalid("`authorized_keys` names no file"))?;
        Target::open(home, below)
    }

    fn seen(&self, file: &Target) -> Result<Seen> {
        file.look()?.ok_or_else(|| {
            Error::not_found(format!(
                "`{}` does not exist: create it, empty, owned by the account and with mode 0600",
                self.shown()
            ))
        })
    }
}
