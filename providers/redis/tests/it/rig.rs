//! A server with a user to rotate and an admin with the rights of the manual, and an issuer for it.

use keywheel_contract::{
    Credential, CredentialId, Fields, FingerprintKey, Issuer as _, SecretValue, Tag,
};
use keywheel_provider_redis::{RedisIssuer, RedisOptions};
use keywheel_test_servers::redis::{Keeps, Redis};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// What the manual says an admin needs.
pub(crate) const RIGHTS: &str = include_str!("../../rights.acl");
/// The password of `app` before anything is rotated.
pub(crate) const OLD: &str = "example-before-keywheel";
pub(crate) const ADMIN: &str = "example-rotator";

pub(crate) struct Rig {
    pub(crate) server: Redis,
    pub(crate) issuer: RedisIssuer,
    pub(crate) folder: TempDir,
}

impl Rig {
    /// `None` where Redis is not installed.
    pub(crate) async fn new(keeps: Keeps) -> Option<Self> {
        let server = Redis::start(keeps).await?;
        Some(Self::with(server))
    }

    pub(crate) fn with(server: Redis) -> Self {
        people(&server);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("admin"), ADMIN).unwrap();
        let issuer = issuer(server.address(), folder.path(), "");
        Self {
            server,
            issuer,
            folder,
        }
    }

    /// Another issuer of the same user, behind another address or with more settings.
    pub(crate) fn another(&self, address: SocketAddr, more: &str) -> RedisIssuer {
        issuer(address, self.folder.path(), more)
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
        self.issuer
            .apply(&Tag::new("example"), &proposed)
            .await
            .unwrap();
        proposed
    }

    /// Whether a password works, as `redis-cli` sees it.
    pub(crate) fn accepts(&self, credential: &Credential) -> bool {
        self.server.accepts("app", text(credential))
    }

    /// How many passwords the user has.
    pub(crate) fn passwords(&self) -> usize {
        let told = self.server.root(&["ACL", "GETUSER", "app"]);
        told.lines().filter(|line| line.len() == 64).count()
    }
}

/// The user to rotate, and who rotates it.
pub(crate) fn people(server: &Redis) {
    server.root(&[
        "ACL",
        "SETUSER",
        "app",
        "on",
        &format!(">{OLD}"),
        "~app:*",
        "+@read",
        "+acl|whoami",
        "+ping",
    ]);
    let mut rotator = vec!["ACL", "SETUSER", "rotator", "on"];
    let password = format!(">{ADMIN}");
    rotator.push(&password);
    rotator.extend(RIGHTS.split_whitespace());
    server.root(&rotator);
}

pub(crate) fn issuer(address: SocketAddr, base: &Path, more: &str) -> RedisIssuer {
    let text = format!(
        "address = '{address}'\nuser = 'app'\nadmin = {{ user = 'rotator', password = {{ file = 'admin' }} }}\n{more}"
    );
    let options: RedisOptions = toml::from_str(&text).unwrap();
    let key = FingerprintKey::new(&SecretValue::new(vec![7; 32]));
    RedisIssuer::new(options, base, Arc::new(key)).unwrap()
}

pub(crate) fn password(text: &str) -> Fields {
    let password = SecretValue::from(text.to_owned());
    [("password".to_owned(), password)].into_iter().collect()
}

pub(crate) fn text(credential: &Credential) -> &str {
    let password = credential.fields.field("password").unwrap();
    password.expose_secret_str().unwrap()
}

pub(crate) fn nobody() -> CredentialId {
    CredentialId::new("app/00000000000000000000000000000000")
}
