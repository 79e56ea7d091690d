//! The vendor's own client in Python, as a second opinion: of the fake, and of what was written to it.

use super::{Azure, CLIENT, SECRET, TENANT};
use crate::authority::Authority;
use crate::python::Packages;
use serde_json::{Value, json};

const PACKAGES: [&str; 2] = ["azure-identity==1.27.0", "azure-keyvault-secrets==4.12.0"];

/// What every script begins with: `client` speaks to the vault, `ask` holds what it is asked.
const BEGIN: &str = r#"
import json, os, sys
ask = json.load(sys.stdin)
os.environ["REQUESTS_CA_BUNDLE"] = ask["ca_file"]
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient
host = ask["address"].removeprefix("https://")
credential = ClientSecretCredential(ask["tenant"], ask["client"], ask["secret"], authority=host,
                                    disable_instance_discovery=True)
client = SecretClient(ask["address"], credential, verify_challenge_resource=False, retry_total=0)
def code(error):
    return ((error.error and error.error.innererror) or {}).get("code") or (error.error and error.error.code)
"#;

/// What stands in a secret, version by version: value or refusal, whether it is enabled, tags.
const LOOK: &str = r#"
def value(version):
    try:
        return client.get_secret(ask["name"], version).value
    except HttpResponseError as error:
        return code(error)
versions = list(client.list_properties_of_secret_versions(ask["name"]))
said = {"newest": client.get_secret(ask["name"]).properties.version,
        "versions": {p.version: [value(p.version), p.enabled, p.tags] for p in versions}}
json.dump(said, sys.stdout)
"#;

/// What a script says about a secret, as JSON; `None` where the client cannot be installed, with the reason printed.
pub async fn says(azure: &Azure, authority: &Authority, script: &str, name: &str) -> Option<Value> {
    let asked = json!({
        "address": azure.address, "ca_file": authority.ca_file(), "name": name,
        "tenant": TENANT, "client": CLIENT, "secret": SECRET,
    });
    let script = format!("{BEGIN}{script}");
    // The server is in this process: waiting for Python must not stand in its way.
    let said = tokio::task::spawn_blocking(move || {
        let packages = Packages::installed(&PACKAGES)?;
        Some(packages.run(&script, &[], &asked.to_string()))
    });
    let text = said.await.unwrap()?;
    Some(serde_json::from_str(&text).unwrap())
}

/// `{"newest": VERSION, "versions": {VERSION: [value or refusal, enabled, tags]}}`.
pub async fn sees(azure: &Azure, authority: &Authority, name: &str) -> Option<Value> {
    says(azure, authority, LOOK, name).await
}
