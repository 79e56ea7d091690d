//! Servers started once for all tests of this binary, and roles of each test's own.

use keywheel_contract::{
    Credential, CredentialId, Fields, Issuer as _, Liveness, SecretValue, Tag,
};
use keywheel_provider_postgres::{PostgresIssuer, PostgresOptions};
use keywheel_test_servers::postgres::Postgres;
use std::path::PathBuf;
use std::sync::OnceLock;
use tempfile::TempDir;

/// The password of the first role before keywheel.
pub(crate) const OLD: &str = "example-before-keywheel";

/// The servers that there are. They stop with the process.
pub(crate) fn servers() -> Vec<&'static Postgres> {
    static SERVERS: OnceLock<Vec<Postgres>> = OnceLock::new();
    let start = || {
        let all = [Postgres::installed(), Postgres::eighteen()];
        all.into_iter().flatten().collect()
    };
    SERVERS.get_or_init(start).iter().collect()
}

/// Roles `NAME_a` and `NAME_b`, and an issuer of them.
pub(crate) struct Rig {
    pub(crate) server: &'static Postgres,
    pub(crate) name: String,
    pub(crate) issuer: PostgresIssuer,
    folder: TempDir,
}

impl Rig {
    pub(crate) async fn new(server: &'static Postgres, name: &str) -> Self {
        Self::with(server, name, &format!("roles = ['{name}_a', '{name}_b']")).await
    }

    /// With these lines instead of `roles`.
    pub(crate) async fn with(server: &'static Postgres, name: &str, more: &str) -> Self {
        let password = server.roles(name, OLD).await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("admin"), password).unwrap();
        let issuer = issuer(&server.address(), name, more, &folder);
        Self {
            server,
            name: name.to_owned(),
            issuer,
            folder,
        }
    }

    /// Another issuer of the same roles, as another process would have it, at this address.
    pub(crate) fn at(&self, address: &str) -> PostgresIssuer {
        let more = format!("roles = ['{0}_a', '{0}_b']", self.name);
        issuer(address, &self.name, &more, &self.folder)
    }

    pub(crate) fn admin_file(&self) -> PathBuf {
        self.folder.path().join("admin")
    }

    /// The credential from before keywheel.
    pub(crate) fn old(&self) -> Credential {
        credential(
            &format!("{}_a/0", self.name),
            &format!("{}_a", self.name),
            OLD,
        )
    }

    /// Gives the other role a new value.
    pub(crate) async fn rotate(&self, current: &CredentialId, tag: &str) -> Credential {
        let made = self.issuer.propose(Some(current)).await.unwrap();
        self.issuer.apply(&Tag::new(tag), &made).await.unwrap();
        made
    }

    /// What the issuer says, checked by `psql`.
    pub(crate) async fn lets_in(&self, credential: &Credential) -> bool {
        let said = self.issuer.test(credential).await.unwrap();
        let (user, password) = texts(credential);
        let seen = self.server.psql_lets_in(&user, &password).await;
        let expected = if seen {
            Liveness::Alive
        } else {
            Liveness::Dead
        };
        assert_eq!(said, expected, "the issuer and psql disagree");
        seen
    }

    /// One column of one row.
    pub(crate) async fn ask<T>(&self, sql: &str) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        sqlx::Row::get(&self.server.run(sql).await[0], 0)
    }
}

pub(crate) fn issuer(address: &str, name: &str, more: &str, folder: &TempDir) -> PostgresIssuer {
    let options = format!(
        "address = '{address}'\nadmin = {{ user = '{name}_rotator', password = {{ file = 'admin' }} }}\n{more}"
    );
    let options: PostgresOptions = toml::from_str(&options).unwrap();
    PostgresIssuer::new(options, folder.path()).unwrap()
}

pub(crate) fn credential(id: &str, user: &str, password: &str) -> Credential {
    let mut fields = Fields::new();
    fields.insert("user", SecretValue::from(user.to_owned()));
    fields.insert("password", SecretValue::from(password.to_owned()));
    Credential {
        id: CredentialId::new(id),
        fields,
    }
}

/// User and password.
pub(crate) fn texts(credential: &Credential) -> (String, String) {
    let text = |name: &str| {
        let field = credential.fields.field(name).unwrap();
        field.expose_secret_str().unwrap().to_owned()
    };
    (text("user"), text("password"))
}
