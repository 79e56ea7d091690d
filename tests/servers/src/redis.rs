//! A real Redis server of one test's own, with Debian's program.

use crate::authority::Authority;
use crate::counts::skipped;
use crate::openbao::free_pair;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

const WHILE_HELD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/while-held");

/// The password of the user `root`, who may do everything.
pub const ROOT: &str = "example-root";

/// How the server keeps its users over a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// In a file of their own.
    AclFile,
    /// In its configuration.
    Configuration,
    /// Not at all: it was started with options only.
    Nothing,
}

/// A server; it is killed when this is dropped.
pub struct Redis {
    port: u16,
    tls_port: u16,
    arguments: Vec<String>,
    process: Child,
    folder: TempDir,
}

impl Redis {
    /// A server on a free port, with `root` and no other user; `None` where Redis is not installed, with the reason
    /// printed.
    pub async fn start(keeps: Keeps) -> Option<Self> {
        Self::with(keeps, None).await
    }

    /// The same, with a second port for TLS.
    pub async fn encrypted(authority: &Authority) -> Option<Self> {
        Self::with(Keeps::AclFile, Some(authority)).await
    }

    async fn with(keeps: Keeps, authority: Option<&Authority>) -> Option<Self> {
        if Command::new("redis-server")
            .arg("--version")
            .output()
            .is_err()
        {
            skipped("redis-server is not installed");
            return None;
        }
        for _ in 0..5 {
            // The second port serves TLS where asked for.
            let port = free_pair();
            let folder = tempfile::tempdir().unwrap();
            let arguments = arguments(keeps, &folder, port, authority);
            let process = spawn(&arguments);
            let mut server = Self {
                port,
                tls_port: port + 1,
                arguments,
                process,
                folder,
            };
            if server.answers().await {
                return Some(server);
            }
        }
        panic!("redis-server did not start");
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Where it listens for TLS.
    #[must_use]
    pub fn tls_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.tls_port).into()
    }

    /// One command as `root`, by `redis-cli`.
    pub fn root(&self, command: &[&str]) -> String {
        self.cli("root", ROOT, command).unwrap()
    }

    /// One command as this user, by `redis-cli`: what it printed, or what it said instead.
    ///
    /// # Errors
    /// What `redis-cli` said.
    pub fn cli(&self, user: &str, password: &str, command: &[&str]) -> Result<String, String> {
        let ran = Command::new("redis-cli")
            .args(["-e", "-p", &self.port.to_string(), "--user", user])
            .args(command)
            .env("REDISCLI_AUTH", password)
            .output()
            .unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let (told, trouble) = (said(&ran.stdout), said(&ran.stderr));
        // A refused login is told on standard error, and the command is sent all the same.
        match ran.status.success() && !trouble.contains("AUTH failed") {
            true => Ok(told),
            false => Err(format!("{trouble} {told}")),
        }
    }

    /// Whether this password works for this user, as `redis-cli` sees it.
    #[must_use]
    pub fn accepts(&self, user: &str, password: &str) -> bool {
        match self.cli(user, password, &["ACL", "WHOAMI"]) {
            Ok(who) => who == user,
            Err(why) => {
                assert!(why.contains("WRONGPASS") || why.contains("NOAUTH"), "{why}");
                false
            }
        }
    }

    /// Has `redis-cli` log in and ask for its name, without waiting for it on a thread.
    ///
    /// # Errors
    /// What it said.
    pub async fn redis_cli(&self, user: &str, password: &str) -> Result<(), String> {
        let answer = tokio::process::Command::new("redis-cli")
            .args(["-p", &self.port.to_string(), "--user", user])
            .args(["ACL", "WHOAMI"])
            .env("REDISCLI_AUTH", password)
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let (told, trouble) = (said(&answer.stdout), said(&answer.stderr));
        match told == user {
            true => Ok(()),
            false => Err(format!("{trouble} {told}")),
        }
    }

    /// Everything the server is told from now on, as it shows it to whoever watches.
    #[must_use]
    pub fn watched(&self) -> Watched {
        let mut process = Command::new("redis-cli")
            .args(["-p", &self.port.to_string(), "--user", "root", "MONITOR"])
            .env("REDISCLI_AUTH", ROOT)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        // `OK`: it watches.
        lines.next().unwrap().unwrap();
        let seen = Arc::<Mutex<String>>::default();
        let written = Arc::clone(&seen);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *written.lock().unwrap() += &(line + "\n");
            }
        });
        Watched { process, seen }
    }

    /// Every file that the server wrote or was given, as text.
    #[must_use]
    pub fn files(&self) -> String {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let read = |entry: std::io::Result<std::fs::DirEntry>| {
            String::from_utf8_lossy(&std::fs::read(entry.unwrap().path()).unwrap()).into_owned()
        };
        entries.map(read).collect()
    }

    /// From now on the file of its users cannot be written.
    pub fn refuse_to_save(&self) {
        let [users, aside] = self.users();
        std::fs::rename(&users, aside).unwrap();
        // No file takes the place of a folder, whoever the server runs as.
        std::fs::create_dir(users).unwrap();
    }

    /// It can be written again.
    pub fn save_again(&self) {
        let [users, aside] = self.users();
        std::fs::remove_dir(&users).unwrap();
        std::fs::rename(aside, users).unwrap();
    }

    fn users(&self) -> [PathBuf; 2] {
        ["users", "users-aside"].map(|name| self.folder.path().join(name))
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }

    /// Starts a killed one again.
    pub async fn restart(&mut self) {
        self.process = spawn(&self.arguments);
        assert!(self.answers().await, "redis-server did not start again");
    }

    async fn answers(&mut self) -> bool {
        for _ in 0..400 {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            if self
                .cli("root", ROOT, &["PING"])
                .is_ok_and(|said| said == "PONG")
            {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("redis-server does not answer");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a server was told while this lives.
pub struct Watched {
    process: Child,
    seen: Arc<Mutex<String>>,
}

impl Watched {
    /// As text.
    #[must_use]
    pub fn text(&self) -> String {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn arguments(
    keeps: Keeps,
    folder: &TempDir,
    port: u16,
    authority: Option<&Authority>,
) -> Vec<String> {
    let inside = |name: &str| folder.path().join(name).display().to_string();
    let mut lines = vec![
        "bind 127.0.0.1".to_owned(),
        format!("port {port}"),
        format!("dir {}", folder.path().display()),
        format!("logfile {}", inside("log")),
        "loglevel debug".to_owned(),
        "save \"\"".to_owned(),
    ];
    if let Some(authority) = authority {
        let (certificate, key) = authority.pem();
        std::fs::write(folder.path().join("certificate.pem"), certificate).unwrap();
        std::fs::write(folder.path().join("key.pem"), key).unwrap();
        lines.push(format!("tls-port {}", port + 1));
        lines.push(format!("tls-cert-file {}", inside("certificate.pem")));
        lines.push(format!("tls-key-file {}", inside("key.pem")));
        lines.push(format!(
            "tls-ca-cert-file {}",
            authority.ca_file().display()
        ));
        lines.push("tls-auth-clients no".to_owned());
    }
    let users = [
        format!("user root on >{ROOT} ~* &* +@all"),
        "user default off".to_owned(),
    ];
    match keeps {
        Keeps::AclFile => {
            std::fs::write(folder.path().join("users"), users.join("\n") + "\n").unwrap();
            lines.push(format!("aclfile {}", inside("users")));
        }
        Keeps::Configuration | Keeps::Nothing => lines.extend(users),
    }
    if keeps == Keeps::Nothing {
        let options = lines.iter().map(|line| format!("--{line}"));
        return options.flat_map(|option| words(&option)).collect();
    }
    std::fs::write(folder.path().join("redis.conf"), lines.join("\n") + "\n").unwrap();
    vec![inside("redis.conf")]
}

fn words(option: &str) -> Vec<String> {
    let each = option
        .split(' ')
        .map(|word| word.trim_matches('"').to_owned());
    each.collect()
}

fn spawn(arguments: &[String]) -> Child {
    Command::new(WHILE_HELD)
        .arg("redis-server")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}
