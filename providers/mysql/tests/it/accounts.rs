//! Two accounts `NAME_a` and `NAME_b` of each test's own, an admin with the rights of the manual, and an issuer for them.

use crate::rig::{ADMIN, OLD, busy};
use keywheel_contract::{
    Credential, CredentialId, Fields, Issuer as _, Liveness, SecretValue, Tag,
};
use keywheel_provider_mysql::{AlternatingIssuer, MysqlOptions};
use keywheel_test_servers::mariadb::MariaDb;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What the manual says is to be done first.
const SETUP: &str = include_str!("../../turns.sql");

pub(crate) struct Accounts<'a> {
    pub(crate) server: &'a MariaDb,
    pub(crate) issuer: AlternatingIssuer,
    name: String,
    folder: TempDir,
}

impl Accounts<'static> {
    /// On the server of the run; `None` where MariaDB is not installed.
    pub(crate) fn new(name: &str) -> Option<Self> {
        MariaDb::shared().map(|server| Self::on(server, name))
    }
}

impl<'a> Accounts<'a> {
    pub(crate) fn on(server: &'a MariaDb, name: &str) -> Self {
        let setup = SETUP.replace("keywheel@", &format!("admin_{name}@"));
        server.root(&format!(
            "CREATE USER {name}_a@'%' IDENTIFIED BY '{OLD}'; CREATE USER admin_{name}@'%' IDENTIFIED BY '{ADMIN}'; {}",
            setup.replace("shop_", &format!("{name}_"))
        ));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("admin"), ADMIN).unwrap();
        Self {
            issuer: issuer(server.address(), name, folder.path()),
            name: name.to_owned(),
            server,
            folder,
        }
    }

    /// Another issuer of the same accounts, behind another address.
    pub(crate) fn at(&self, address: SocketAddr) -> AlternatingIssuer {
        issuer(address, &self.name, self.folder.path())
    }

    /// The credential from before keywheel.
    pub(crate) fn old(&self) -> Credential {
        let user = format!("{}_a", self.name);
        Credential {
            id: CredentialId::new(format!("{user}@%/0")),
            fields: fields(&user, OLD),
        }
    }

    /// Gives the other account a new value.
    pub(crate) async fn rotate(&self, current: &CredentialId, tag: &str) -> Credential {
        let made = self.issuer.propose(Some(current)).await.unwrap();
        self.issuer.apply(&Tag::new(tag), &made).await.unwrap();
        made
    }

    /// What the issuer says, checked by the command-line client.
    pub(crate) async fn lets_in(&self, credential: &Credential) -> bool {
        let said = self.issuer.test(credential).await;
        let (user, password) = (field(credential, "user"), field(credential, "password"));
        let seen = self.server.accepts(user, password);
        let expected = match seen {
            true => Liveness::Alive,
            false => Liveness::Dead,
        };
        assert_eq!(said, Ok(expected), "the issuer and the client disagree");
        seen
    }

    /// An account as the server shows it.
    pub(crate) fn shown(&self, user: &str) -> String {
        self.server.root(&format!("SHOW CREATE USER '{user}'@'%'"))
    }

    /// A connection that is busy, as this user; it has begun.
    pub(crate) fn session(&self, user: &str, password: &str) -> Child {
        busy(self.server, user, password)
    }

    /// Waits until the server has let go of a client that went away: it notices when it wants to answer.
    pub(crate) async fn until_nobody_is_in(&self, user: &str) {
        let asked =
            format!("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = '{user}'");
        self.server
            .root(&format!("KILL HARD CONNECTION USER {user}@'%'"));
        let end = Instant::now() + Duration::from_secs(20);
        while self.server.root(&asked) != "0" {
            assert!(Instant::now() < end, "somebody stays");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn issuer(address: SocketAddr, name: &str, base: &Path) -> AlternatingIssuer {
    let text = format!(
        "address = '{address}'\nusers = ['{name}_a', '{name}_b']\n\
         admin = {{ user = 'admin_{name}', password = {{ file = 'admin' }} }}"
    );
    let options: MysqlOptions = toml::from_str(&text).unwrap();
    AlternatingIssuer::new(&options, base).unwrap()
}

pub(crate) fn fields(user: &str, password: &str) -> Fields {
    let text = |text: &str| SecretValue::from(text.to_owned());
    let fields = [("user", text(user)), ("password", text(password))];
    let named = fields.map(|(name, value)| (name.to_owned(), value));
    named.into_iter().collect()
}

pub(crate) fn field<'c>(credential: &'c Credential, name: &str) -> &'c str {
    let field = credential.fields.field(name).unwrap();
    field.expose_secret_str().unwrap()
}
