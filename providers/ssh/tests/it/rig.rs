//! A server with an account, an issuer for it, and a key that a person put there before keywheel.

use keywheel_contract::{Credential, Fields, Issuer as _, SecretValue, Tag};
use keywheel_provider_ssh::{SshKeyIssuer, SshKeyOptions};
use keywheel_test_servers::sshd::Sshd;
use std::path::Path;
use std::process::Command;

pub(crate) struct Rig {
    pub(crate) server: Sshd,
    pub(crate) issuer: SshKeyIssuer,
}

impl Rig {
    /// `None` where OpenSSH is not installed.
    pub(crate) async fn new() -> Option<Self> {
        Some(Self::with(Sshd::start().await?, ""))
    }

    pub(crate) fn with(server: Sshd, more: &str) -> Self {
        let issuer = issuer(&server, server.host_key(), more);
        Self { server, issuer }
    }

    /// A new key that works.
    pub(crate) async fn renewed(&self) -> Credential {
        self.renewed_as("example-tag").await
    }

    pub(crate) async fn renewed_as(&self, tag: &str) -> Credential {
        let proposed = self.issuer.propose(None).await.unwrap();
        self.issuer.apply(&Tag::new(tag), &proposed).await.unwrap();
        proposed
    }

    /// A key of that type, made by `ssh-keygen`, whose line a person wrote with those options.
    pub(crate) async fn of_a_person(&self, kind: &str, options: &str) -> Credential {
        let folder = tempfile::tempdir().unwrap();
        let (private, public) = generated(folder.path(), kind);
        self.append(&format!("{options}{public}\n"));
        let fields = private_key(&private);
        let id = self.issuer.identify(&fields).await.unwrap().unwrap();
        Credential { id, fields }
    }

    pub(crate) fn append(&self, text: &str) {
        let keys = self.server.keys() + text;
        std::fs::write(self.server.authorized_keys(), keys).unwrap();
    }

    /// Whether a key works, as `ssh` sees it.
    pub(crate) fn accepts(&self, credential: &Credential) -> bool {
        self.server.accepts(text(credential))
    }
}

/// An issuer that knows the server by this host key.
pub(crate) fn issuer(server: &Sshd, host_key: &str, more: &str) -> SshKeyIssuer {
    let text = format!(
        "authorized_keys = '{}'\nserver = '{}'\nuser = '{}'\nhost_keys = ['{host_key}']\n{more}",
        server.authorized_keys().display(),
        server.address(),
        server.user()
    );
    let options: SshKeyOptions = toml::from_str(&text).unwrap();
    SshKeyIssuer::new(options, Path::new("/")).unwrap()
}

/// An issuer for that file, at a server that nobody asks.
pub(crate) fn issuer_of(file: &Path) -> SshKeyIssuer {
    let text = format!(
        "authorized_keys = '{}'\nserver = '127.0.0.1:22'\nuser = 'git'\n\
         host_keys = ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA']",
        file.display()
    );
    let options: SshKeyOptions = toml::from_str(&text).unwrap();
    SshKeyIssuer::new(options, Path::new("/")).unwrap()
}

/// A pair made by `ssh-keygen`: private key, and line of the public one.
pub(crate) fn generated(folder: &Path, kind: &str) -> (String, String) {
    let file = folder.join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", "", "-C", "alice@example", "-f"])
        .arg(&file)
        .status();
    assert!(made.unwrap().success());
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    (read("key"), read("key.pub").trim().to_owned())
}

pub(crate) fn private_key(text: &str) -> Fields {
    let value = SecretValue::from(text.to_owned());
    [("private_key".to_owned(), value)].into_iter().collect()
}

pub(crate) fn text(credential: &Credential) -> &str {
    let key = credential.fields.field("private_key").unwrap();
    key.expose_secret_str().unwrap()
}
