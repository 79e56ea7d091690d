//! A real OpenSSH server of one test's own, with Debian's program. It lets in whoever runs the tests, with the keys of an
//! `authorized_keys` file of its own.

use crate::counts::skipped;
use crate::openbao::free_pair;
use std::fs::Permissions;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const WHILE_HELD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/while-held");
/// It insists on being called by its whole path.
const SSHD: &str = "/usr/sbin/sshd";

/// A server; it is killed when this is dropped.
pub struct Sshd {
    port: u16,
    user: String,
    host_key: String,
    process: Child,
    folder: TempDir,
}

impl Sshd {
    /// A server on a free port that lets nobody in yet; `None` where OpenSSH is not installed, with the reason printed.
    pub async fn start() -> Option<Self> {
        Self::start_with("").await
    }

    /// The same, with more lines in its configuration.
    pub async fn start_with(more: &str) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            skipped("openssh-server is not installed");
            return None;
        }
        make_its_empty_folder();
        let folder = tempfile::tempdir().unwrap();
        let host_key = host_key(folder.path());
        for _ in 0..5 {
            let port = free_pair();
            let process = spawn(folder.path(), port, more);
            if let Some(process) = listening(process, port).await {
                return Some(Self {
                    port,
                    user: said("id", &["-un"]),
                    host_key,
                    process,
                    folder,
                });
            }
        }
        panic!("sshd did not start");
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Who is let in.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Its host key, as its `.pub` file has it.
    #[must_use]
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    /// The file with the keys that it honours.
    #[must_use]
    pub fn authorized_keys(&self) -> PathBuf {
        self.folder.path().join("authorized_keys")
    }

    /// What stands in that file.
    #[must_use]
    pub fn keys(&self) -> String {
        std::fs::read_to_string(self.authorized_keys()).unwrap()
    }

    /// Everything it logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The command by which `ssh` and `git` log in with a private key that lies in a file, knowing the server.
    #[must_use]
    pub fn ssh_command(&self, key_file: &Path) -> String {
        let known = self.folder.path().join("known_hosts");
        let line = format!("[127.0.0.1]:{} {}\n", self.port, self.host_key);
        std::fs::write(&known, line).unwrap();
        format!(
            "ssh -F none -i {} -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes \
             -o StrictHostKeyChecking=yes -o UserKnownHostsFile={} -p {}",
            key_file.display(),
            known.display(),
            self.port
        )
    }

    /// Whether `ssh` is let in with this private key.
    #[must_use]
    pub fn accepts(&self, private_key: &str) -> bool {
        let file = self.key_file(private_key);
        let command = self.ssh_command(&file);
        let mut words = command.split(' ');
        let ran = Command::new(words.next().unwrap())
            .args(words)
            .args([&format!("{}@127.0.0.1", self.user), "echo let in"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let (told, trouble) = (text(&ran.stdout), text(&ran.stderr));
        assert!(
            told == "let in" || trouble.contains("Permission denied (publickey)"),
            "{told} {trouble}"
        );
        told == "let in"
    }

    /// Has `git` clone a repository of this machine through the server.
    ///
    /// # Errors
    /// What `git` said.
    pub fn cloned(&self, repository: &Path, private_key: &str) -> Result<PathBuf, String> {
        let into = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        let file = self.key_file(private_key);
        let ran = Command::new("git")
            .args(["clone", "--quiet"])
            .arg(format!(
                "ssh://{}@127.0.0.1:{}{}",
                self.user,
                self.port,
                repository.display()
            ))
            .arg(&into)
            .env("GIT_SSH_COMMAND", self.ssh_command(&file))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        match ran.status.success() {
            true => Ok(into),
            false => Err(text(&ran.stderr)),
        }
    }

    /// A file with this key, which nobody else may read: `ssh` insists.
    fn key_file(&self, private_key: &str) -> PathBuf {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        let file = folder.join("key");
        // A `.env` file may have lost the last line's end, which `ssh` insists on.
        std::fs::write(&file, format!("{}\n", private_key.trim_end())).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        file
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}

/// Started by root, it shuts its helper up in an empty folder that Debian's service makes.
fn make_its_empty_folder() {
    if said("id", &["-u"]) == "0" {
        let mut folder = std::fs::DirBuilder::new();
        folder
            .recursive(true)
            .mode(0o755)
            .create("/run/sshd")
            .unwrap();
    }
}

fn host_key(folder: &Path) -> String {
    let file = folder.join("host_key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(&file)
        .status();
    assert!(made.unwrap().success());
    let public = std::fs::read_to_string(folder.join("host_key.pub")).unwrap();
    public.trim().to_owned()
}

/// Files below `/tmp` are not to its liking (`StrictModes`): everybody may write there.
fn spawn(folder: &Path, port: u16, more: &str) -> Child {
    let inside = |name: &str| folder.join(name).display().to_string();
    let keys = folder.join("authorized_keys");
    std::fs::write(&keys, "").unwrap();
    std::fs::set_permissions(&keys, Permissions::from_mode(0o600)).unwrap();
    let lines = format!(
        "{more}\nListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
         StrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n\
         KbdInteractiveAuthentication no\nLogLevel VERBOSE\n",
        inside("host_key"),
        inside("authorized_keys")
    );
    std::fs::write(folder.join("config"), lines).unwrap();
    Command::new(WHILE_HELD)
        .args([SSHD, "-D", "-E", &inside("log"), "-f", &inside("config")])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The process once it answers; `None` where it ended, as where somebody else took the port.
async fn listening(mut process: Child, port: u16) -> Option<Child> {
    for _ in 0..400 {
        if process.try_wait().unwrap().is_some() {
            return None;
        }
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Some(process);
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("sshd does not answer");
}

fn said(program: &str, arguments: &[&str]) -> String {
    text(
        &Command::new(program)
            .args(arguments)
            .output()
            .unwrap()
            .stdout,
    )
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
