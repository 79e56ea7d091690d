//! What the tests share: a directory, an issuer for its application, and a witness.

use crate::rig::by_secret;
use keywheel_contract::{
    Credential, CredentialId, Error, Fields, Issuer, Result, SecretValue, Tag,
};
use keywheel_provider_azure::{AppSecretIssuer, AppSecretOptions};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::azure::directory::{APPLICATION, Directory};
use keywheel_test_servers::azure::{SECRET, TENANT};
use keywheel_test_servers::python::Packages;
use keywheel_test_servers::writes::Kept;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

pub(super) const TAG: &str = "keywheel-01936d4e-0000-7000-8000-000000000000-1";
/// As long as a secret that was made need not be listed.
pub(super) const SETTLES: Duration = Duration::from_secs(1);
pub(super) const NEXT: &str = "keywheel-01936d4e-0000-7000-8000-000000000000-2";

/// Microsoft's own client logs in.
const LOGS_IN: &str = r#"
import json, os, sys
ask = json.load(sys.stdin)
os.environ["REQUESTS_CA_BUNDLE"] = ask["ca_file"]
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential
host = ask["address"].removeprefix("https://")
credential = ClientSecretCredential(ask["tenant"], ask["client"], ask["secret"], authority=host,
                                    disable_instance_discovery=True)
try:
    credential.get_token(ask["address"] + "/.default")
    said = "in"
except ClientAuthenticationError as refused:
    said = next(word for word in str(refused).replace(":", " ").split() if word.startswith("AADSTS"))
json.dump(said, sys.stdout)
"#;

pub(super) struct Scene {
    pub(super) authority: Authority,
    pub(super) directory: Directory,
    pub(super) issuer: AppSecretIssuer,
    pub(super) secret: Kept,
}

impl Scene {
    pub(super) async fn set() -> Self {
        let authority = Authority::make();
        let directory = Directory::start(&authority).await;
        let secret = Kept::new(SECRET);
        let issuer = issuer(&directory, &authority, APPLICATION, &secret);
        Self {
            authority,
            directory,
            issuer,
            secret,
        }
    }

    /// The same directory, asked about another application.
    pub(super) fn about(&self, application: &str) -> AppSecretIssuer {
        issuer(&self.directory, &self.authority, application, &self.secret)
    }

    pub(super) async fn mint(&self, tag: &str) -> Result<Credential> {
        self.issuer.mint(&Tag::new(tag)).await
    }

    pub(super) async fn found(&self, tag: &str) -> Vec<String> {
        let found = self.issuer.find(&Tag::new(tag)).await.unwrap();
        found.iter().map(|id| id.as_str().to_owned()).collect()
    }

    pub(super) async fn settle() {
        tokio::time::sleep(SETTLES + Duration::from_millis(100)).await;
    }

    /// What Microsoft's own client is told when it logs in with this value; none where it cannot be installed.
    pub(super) async fn logs_in(&self, value: String) -> Option<Value> {
        let asked = json!({
            "address": self.directory.address, "ca_file": self.authority.ca_file(),
            "tenant": TENANT, "client": APPLICATION, "secret": value,
        });
        let said = tokio::task::spawn_blocking(move || {
            let packages = Packages::installed(&["azure-identity==1.27.0"])?;
            Some(packages.run(LOGS_IN, &[], &asked.to_string()))
        });
        let said = said.await.unwrap()?;
        Some(serde_json::from_str(&said).unwrap())
    }
}

fn issuer(
    directory: &Directory,
    authority: &Authority,
    application: &str,
    secret: &Kept,
) -> AppSecretIssuer {
    let options: AppSecretOptions = serde_json::from_value(json!({
        "tenant": TENANT, "application": application, "login": by_secret(secret), "valid_days": 90,
        "graph": directory.address, "authority_host": directory.address, "ca_file": authority.ca_file(),
    }))
    .unwrap();
    let issuer = AppSecretIssuer::new(&options, Path::new("/nonexistent")).unwrap();
    issuer.settling_in(SETTLES)
}

/// A credential of this id and value.
pub(super) fn credential(id: &str, value: &str) -> Credential {
    let value = SecretValue::from(value.to_owned());
    let fields = [("client_secret".to_owned(), value)];
    Credential {
        id: CredentialId::new(id),
        fields: fields.into_iter().collect::<Fields>(),
    }
}

pub(super) fn field(made: &Credential, name: &str) -> String {
    let field = made.fields.field(name);
    let text = field.and_then(SecretValue::expose_secret_str);
    text.unwrap().to_owned()
}

pub(super) fn refused<T>(answer: Result<T>) -> Error {
    answer.err().expect("a refusal")
}
