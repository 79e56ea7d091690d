//! A set of public keys in a file, a web server that serves it, and an issuer for it.

use keywheel_contract::{Credential, Issuer as _, Tag};
use keywheel_provider_jwt::{JwtKeyIssuer, JwtKeyOptions};
use keywheel_test_servers::jwks::served;
use keywheel_test_servers::serve::Served;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) struct Rig {
    pub(crate) issuer: JwtKeyIssuer,
    pub(crate) url: String,
    folder: TempDir,
    _server: Served,
}

/// How long a change takes to be in force here.
const CACHE: Duration = Duration::from_secs(1);

impl Rig {
    pub(crate) async fn new(algorithm: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jwks.json");
        std::fs::write(&file, "{\"keys\": []}").unwrap();
        let server = served(file).await;
        let url = format!("{}/jwks.json", server.address);
        let issuer = issuer(&folder, algorithm, &url, "0s");
        Self {
            issuer,
            url,
            folder,
            _server: server,
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("jwks.json")
    }

    pub(crate) fn set(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }

    /// Another issuer of the same set, which verifiers fetch elsewhere.
    pub(crate) fn at(&self, url: &str) -> JwtKeyIssuer {
        issuer(&self.folder, "ES256", url, "0s")
    }

    /// Another issuer of the same set, whose tokens live so long.
    pub(crate) fn with_tokens_of(&self, life: &str) -> JwtKeyIssuer {
        issuer(&self.folder, "ES256", &self.url, life)
    }

    /// A new key that stands in the set.
    pub(crate) async fn renewed(&self) -> Credential {
        let proposed = self.issuer.propose(None).await.unwrap();
        let tag = Tag::new("example-tag");
        self.issuer.apply(&tag, &proposed).await.unwrap();
        proposed
    }

    /// Until every verifier has seen the last change.
    pub(crate) async fn in_force(&self) {
        tokio::time::sleep(CACHE + Duration::from_millis(100)).await;
    }
}

fn issuer(folder: &TempDir, algorithm: &str, url: &str, life: &str) -> JwtKeyIssuer {
    let text = format!(
        "algorithm = '{algorithm}'\njwks_file = 'jwks.json'\njwks_url = '{url}'\n\
         cache_time = '1s'\ntoken_life = '{life}'"
    );
    let options: JwtKeyOptions = toml::from_str(&text).unwrap();
    JwtKeyIssuer::new(&options, folder.path()).unwrap()
}

pub(crate) fn text<'a>(credential: &'a Credential, field: &str) -> &'a str {
    let value = credential.fields.field(field).unwrap();
    value.expose_secret_str().unwrap()
}
