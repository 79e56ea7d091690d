//! An account to rotate of each test's own, an admin with the rights of the manual, and an issuer for it.

use keywheel_contract::{Credential, Fields, FingerprintKey, Issuer as _, SecretValue, Tag};
use keywheel_provider_mysql::{MysqlIssuer, MysqlOptions};
use keywheel_test_servers::mariadb::MariaDb;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What the manual says an admin needs.
pub(crate) const RIGHTS: &str = include_str!("../../rights.sql");
/// The password of each account before anything is rotated.
pub(crate) const OLD: &str = "example-before-keywheel";
pub(crate) const ADMIN: &str = "example-rotator";

pub(crate) struct Rig<'a> {
    pub(crate) server: &'a MariaDb,
    pub(crate) issuer: MysqlIssuer,
    pub(crate) user: String,
    pub(crate) folder: TempDir,
}

impl Rig<'static> {
    /// On the server of the run; `None` where MariaDB is not installed. A name of the test's own tells its accounts.
    pub(crate) fn new(name: &str) -> Option<Self> {
        MariaDb::shared().map(|server| Self::on(server, name))
    }
}

impl<'a> Rig<'a> {
    pub(crate) fn on(server: &'a MariaDb, name: &str) -> Self {
        let admin = format!("admin_{name}");
        server.root(&format!("CREATE USER '{name}'@'%' IDENTIFIED BY '{OLD}'"));
        server.root(&format!(
            "CREATE USER '{admin}'@'%' IDENTIFIED BY '{ADMIN}'"
        ));
        server.root(&RIGHTS.replace("keywheel@", &format!("{admin}@")));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("admin"), ADMIN).unwrap();
        Self {
            issuer: issuer(server.address(), name, folder.path(), ""),
            user: name.to_owned(),
            server,
            folder,
        }
    }

    /// Another issuer of the same account, behind another address or with more settings.
    pub(crate) fn another(&self, address: SocketAddr, more: &str) -> MysqlIssuer {
        issuer(address, &self.user, self.folder.path(), more)
    }

    /// The password that is in use, as the issuer names it.
    pub(crate) async fn old(&self) -> Credential {
        let fields = password(OLD);
        let id = self.issuer.identify(&fields).await.unwrap().unwrap();
        Credential { id, fields }
    }

    /// A new password that works.
    pub(crate) async fn renewed(&self) -> Credential {
        let proposed = self.issuer.propose(None).await.unwrap();
        let applied = self.issuer.apply(&Tag::new("example"), &proposed).await;
        applied.unwrap();
        proposed
    }

    /// Whether a password works, as the command-line client sees it.
    pub(crate) fn accepts(&self, credential: &Credential) -> bool {
        self.server.accepts(&self.user, text(credential))
    }

    /// How many passwords the account has.
    pub(crate) fn passwords(&self) -> usize {
        self.shown().matches("'*").count()
    }

    /// The account as the server shows it.
    pub(crate) fn shown(&self) -> String {
        self.server
            .root(&format!("SHOW CREATE USER '{}'@'%'", self.user))
    }
}

fn issuer(address: SocketAddr, user: &str, base: &Path, more: &str) -> MysqlIssuer {
    let text = format!(
        "address = '{address}'\nuser = '{user}'\n\
         admin = {{ user = 'admin_{user}', password = {{ file = 'admin' }} }}\n{more}"
    );
    let options: MysqlOptions = toml::from_str(&text).unwrap();
    let key = FingerprintKey::new(&SecretValue::new(vec![7; 32]));
    MysqlIssuer::new(options, base, Arc::new(key)).unwrap()
}

pub(crate) fn password(text: &str) -> Fields {
    let password = SecretValue::from(text.to_owned());
    [("password".to_owned(), password)].into_iter().collect()
}

pub(crate) fn text(credential: &Credential) -> &str {
    let password = credential.fields.field("password").unwrap();
    password.expose_secret_str().unwrap()
}

/// A connection that is busy, as this user; it has begun.
pub(crate) fn busy(server: &MariaDb, user: &str, password: &str) -> Child {
    let child = Command::new("mariadb")
        .args([
            "--no-defaults",
            "--host=127.0.0.1",
            "--execute",
            "SELECT SLEEP(60)",
        ])
        .args([
            format!("--port={}", server.address().port()),
            format!("--user={user}"),
        ])
        .env("MYSQL_PWD", password)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let asked = format!(
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = '{user}' AND STATE = 'User sleep'"
    );
    let end = Instant::now() + Duration::from_secs(20);
    while server.root(&asked) == "0" {
        assert!(Instant::now() < end, "it does not log in");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}
