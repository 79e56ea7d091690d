//! How an issuer `ssh-key` is configured.

use crate::lines::{line, listed};
use keywheel_contract::{Error, Result};
use keywheel_reference::addresses;
use russh::keys::PublicKey;
use serde::Deserialize;
use std::path::PathBuf;

/// Options of the issuer `ssh-key`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SshKeyOptions {
    /// The `authorized_keys` file of the account, on this host.
    pub authorized_keys: PathBuf,
    /// `host:port` of the SSH server at which a key is tried; port 22 where left out.
    pub server: String,
    /// The account.
    pub user: String,
    /// The server's host keys, each `type base64` as in its `.pub` file: it must show one of them.
    pub host_keys: Vec<String>,
    /// What a new line begins with, in the words of sshd(8): `restrict,command="…"`.
    #[serde(default)]
    pub line_options: Option<String>,
}

/// The usual port.
const PORT: u16 = 22;

/// Any key, to see how a line with it reads.
const SOME_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl SshKeyOptions {
    /// The keys a person may write.
    pub const KEYS: &[&str] = &[
        "authorized_keys",
        "server",
        "user",
        "host_keys",
        "line_options",
    ];

    /// Whether the settings can work together; nothing is read or called.
    ///
    /// # Errors
    /// `Invalid`, with what to write instead.
    pub fn check(&self) -> Result<()> {
        self.place()?;
        self.pinned()?;
        let wrong = if self.authorized_keys.file_name().is_none() {
            "`authorized_keys` names no file"
        } else if self.user.is_empty() || self.user.contains(|c: char| c.is_whitespace()) {
            "`user` is empty or has white space"
        } else if !self.options_hold() {
            "`line_options` are not those of one line: write them as in authorized_keys, with commas and no blanks \
             outside quotes, and without `cert-authority`"
        } else {
            return Ok(());
        };
        Err(Error::invalid(wrong))
    }

    pub(crate) fn place(&self) -> Result<addresses::Server> {
        addresses::server("server", &self.server, PORT)
    }

    /// The host keys, as they are compared.
    pub(crate) fn pinned(&self) -> Result<Vec<PublicKey>> {
        if self.host_keys.is_empty() {
            return Err(Error::invalid(
                "`host_keys` is empty: write what stands in /etc/ssh/ssh_host_ed25519_key.pub of the server",
            ));
        }
        self.host_keys.iter().map(|text| pinned(text)).collect()
    }

    /// A key behind the options is read as that key, and they hold no line of their own.
    fn options_hold(&self) -> bool {
        let Some(options) = &self.line_options else {
            return true;
        };
        let example = line(Some(options), SOME_KEY, "comment");
        let read = listed(example.as_bytes());
        !options.contains(|c: char| c.is_control())
            && options.trim() == options
            && !options.starts_with('#')
            && read.len() == 1
            && Some(&read[0].fingerprint) == keywheel_ssh_keys::fingerprint(SOME_KEY).as_ref()
    }
}

fn pinned(text: &str) -> Result<PublicKey> {
    let key = PublicKey::from_openssh(text).map_err(|_| {
        Error::invalid("a line of `host_keys` is no public key: write `type base64`, without the name of the host")
    })?;
    match key.algorithm().is_rsa() {
        true => Err(Error::invalid(
            "a line of `host_keys` is an RSA key, with which a server is not recognized here: write its Ed25519 or ECDSA key",
        )),
        false => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use super::{SOME_KEY, SshKeyOptions};

    fn options(more: &str) -> SshKeyOptions {
        toml::from_str(&format!("authorized_keys = 'keys'\nuser = 'git'\n{more}")).unwrap()
    }

    #[test]
    fn what_cannot_work_together_is_said() {
        let good = format!("server = 'git.example.com'\nhost_keys = ['{SOME_KEY} root@git']");
        for (more, said) in [
            (good.clone(), ""),
            (
                format!("{good}\nline_options = 'restrict,command=\"a b\"'"),
                "",
            ),
            (
                format!("{good}\nline_options = 'restrict command=\"a b\"'"),
                "of one line",
            ),
            (
                format!("{good}\nline_options = 'cert-authority'"),
                "of one line",
            ),
            (format!("{good}\nline_options = '#'"), "of one line"),
            (
                format!("{good}\nline_options = \"restrict\\nno-pty\""),
                "of one line",
            ),
            ("server = 'ssh://h'\nhost_keys = []".to_owned(), "scheme"),
            ("server = 'h'\nhost_keys = []".to_owned(), "is empty"),
            (
                "server = 'h'\nhost_keys = ['git.example.com ssh-ed25519 AAAA']".to_owned(),
                "no public key",
            ),
        ] {
            let error = options(&more).check().err();
            let error = error.map(|error| error.message).unwrap_or_default();
            assert_eq!(error.is_empty(), said.is_empty(), "{more}: {error}");
            assert!(error.contains(said), "{more}: {error}");
        }
    }

    #[test]
    fn the_keys_are_the_fields() {
        let all = "authorized_keys = 'a'\nserver = 'h'\nuser = 'u'\nhost_keys = []\nline_options = 'restrict'";
        let read: toml::Table = toml::from_str(all).unwrap();
        let mut keys = SshKeyOptions::KEYS.to_vec();
        keys.sort_unstable();
        let mut fields: Vec<_> = read.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, keys);
        assert!(toml::from_str::<SshKeyOptions>(all).is_ok());
        assert!(toml::from_str::<SshKeyOptions>(&format!("{all}\nx = 1")).is_err());
    }
}
