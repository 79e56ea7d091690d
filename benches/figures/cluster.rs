//! A PostgreSQL cluster of this run's own, on the disk under test, as durable as it comes out of the box.

use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A started cluster; stopped and removed with the value.
pub(crate) struct Cluster {
    programs: PathBuf,
    user: Option<String>,
    home: tempfile::TempDir,
    url: String,
}

impl Cluster {
    /// Starts one below `disk`; `None` where PostgreSQL is not installed.
    pub(crate) fn start(disk: &Path) -> Result<Option<Self>> {
        let Some(programs) = programs() else {
            return Ok(None);
        };
        // A server inside a folder that others may not enter cannot run as another user.
        let parent = if is_root() {
            std::env::temp_dir()
        } else {
            disk.to_owned()
        };
        let home = tempfile::Builder::new()
            .prefix("keywheel-figures-")
            .tempdir_in(parent)?;
        let mut cluster = Self {
            programs,
            user: is_root().then(|| "postgres".to_owned()),
            home,
            url: String::new(),
        };
        if let Some(user) = &cluster.user {
            let path = cluster.home.path();
            ensure!(
                Command::new("chown")
                    .arg(user)
                    .arg(path)
                    .status()?
                    .success(),
                "chown failed"
            );
        }
        cluster.initialise()?;
        let port = free_port()?;
        cluster.serve(port)?;
        cluster.url = format!("postgres://keywheel@127.0.0.1:{port}/postgres");
        Ok(Some(cluster))
    }

    /// Of its database `postgres`, with a role that may do everything.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn initialise(&self) -> Result<()> {
        let mut initdb = self.program("initdb");
        initdb
            .arg("-D")
            .arg(self.data())
            .args(["-U", "keywheel", "-A", "trust", "-E", "UTF8"]);
        ensure!(initdb.status()?.success(), "initdb failed");
        Ok(())
    }

    /// `fsync` and `synchronous_commit` stay on: a figure without them would be of another product.
    fn serve(&self, port: u16) -> Result<()> {
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} \
             -c fsync=on -c synchronous_commit=on -c shared_buffers=256MB",
            self.home.path().display()
        );
        let mut start = self.program("pg_ctl");
        start
            .arg("-D")
            .arg(self.data())
            .arg("-l")
            .arg(self.home.path().join("log"));
        start.args(["-w", "-o", &options, "start"]);
        ensure!(
            start.status()?.success(),
            "the PostgreSQL cluster did not start"
        );
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// PostgreSQL refuses to run as root.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = match &self.user {
            Some(user) => {
                let mut runuser = Command::new("runuser");
                runuser.args(["-u", user, "--"]).arg(path);
                runuser
            }
            None => Command::new(path),
        };
        command
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        stop.arg("-D")
            .arg(self.data())
            .args(["-m", "immediate", "-w", "stop"]);
        if !stop.status().is_ok_and(|ended| ended.success()) {
            anstream::eprintln!(
                "the PostgreSQL cluster in {:?} was not stopped",
                self.home.path()
            );
        }
    }
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// The newest installed version's programs; Debian keeps them off the path.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.splice(0..0, std::env::split_paths(&path));
    folders
        .into_iter()
        .rev()
        .find(|folder| folder.join("initdb").exists())
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?
        .local_addr()?
        .port())
}
