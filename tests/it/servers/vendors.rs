//! The store of each vendor, on a real server, an emulator or a fake that the vendor's own client has checked.

use keywheel_contract::{FingerprintKey, SecretStore, SecretValue};
use keywheel_provider_aws::AwsStore;
use keywheel_provider_azure::AzureStore;
use keywheel_provider_doppler::DopplerStore;
use keywheel_provider_google::GoogleStore;
use keywheel_provider_vault::VaultStore;
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::aws::Emulator;
use keywheel_test_servers::azure::{self, Azure};
use keywheel_test_servers::doppler::Doppler;
use keywheel_test_servers::faults::Faults;
use keywheel_test_servers::google::Google;
use keywheel_test_servers::openbao::OpenBao;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// What each is called. Google twice: consumers there read the newest version, or the one that an alias names.
pub(crate) const NAMES: [&str; 6] = ["aws", "google", "google alias", "azure", "vault", "doppler"];

/// Makes an empty place of this name, and says its path.
pub(crate) type MakePlace = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// One store, and the server behind it for as long as this lives.
pub(crate) struct Vendor {
    /// As the inventory calls the kind.
    pub(crate) kind: &'static str,
    /// Its settings, with absolute paths.
    pub(crate) options: Value,
    pub(crate) place: MakePlace,
    /// What its server does wrong, where it is ours.
    pub(crate) faults: Option<Faults>,
    folder: TempDir,
    _server: Box<dyn Any + Send + Sync>,
}

/// The vendor of this name; `None` where its server cannot be installed, with the reason printed.
pub(crate) async fn start(name: &str) -> Option<Vendor> {
    match name {
        "aws" => aws().await,
        "google" => Some(google("latest").await),
        "google alias" => Some(google("current").await),
        "azure" => Some(azure().await),
        "vault" => vault().await,
        "doppler" => Some(doppler().await),
        other => panic!("{other} is no vendor"),
    }
}

impl Vendor {
    fn new(kind: &'static str, server: impl Any + Send + Sync) -> Self {
        Self {
            kind,
            options: Value::Null,
            place: Arc::new(str::to_owned),
            faults: None,
            folder: tempfile::tempdir().unwrap(),
            _server: Box::new(server),
        }
    }

    /// The store, built as the product builds it.
    pub(crate) fn store(&self) -> Arc<dyn SecretStore> {
        let base = Path::new("/nonexistent");
        match self.kind {
            "aws-secrets-manager" => Arc::new(AwsStore::new(&self.read(), base).unwrap()),
            "google-secret-manager" => Arc::new(GoogleStore::new(&self.read(), base).unwrap()),
            "azure-key-vault" => Arc::new(AzureStore::new(&self.read(), base).unwrap()),
            "vault" => Arc::new(VaultStore::new(&self.read(), base).unwrap()),
            _ => {
                let key = Arc::new(FingerprintKey::new(&SecretValue::new(vec![7; 32])));
                Arc::new(DopplerStore::new(&self.read(), base, key).unwrap())
            }
        }
    }

    fn read<T: DeserializeOwned>(&self) -> T {
        serde_json::from_value(self.options.clone()).unwrap()
    }

    /// A credential in a file of its own, as settings refer to it.
    fn keep(&self, name: &str, text: &str) -> Value {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        json!({ "file": path })
    }
}

async fn aws() -> Option<Vendor> {
    let server = Emulator::roto().await?;
    let address = server.address.clone();
    let mut vendor = Vendor::new("aws-secrets-manager", server);
    let id = vendor.keep("id", "EXAMPLEKEYID");
    let secret = vendor.keep("secret", "example-secret");
    vendor.options = json!({
        "region": "us-east-1", "endpoint": address, "sts_endpoint": address,
        "access_key": { "id": id, "secret": secret },
    });
    Some(vendor)
}

async fn google(selector: &str) -> Vendor {
    let server = Arc::new(Google::start(None).await);
    let own = Arc::clone(&server);
    let options =
        json!({ "project": "example", "endpoint": server.address(), "selector": selector });
    let faults = Some(server.faults().clone());
    let mut vendor = Vendor::new("google-secret-manager", server);
    vendor.faults = faults;
    vendor.options = options;
    vendor.place = Arc::new(move |name| {
        own.create(&format!("projects/example/secrets/{name}"), &json!({}));
        name.to_owned()
    });
    vendor
}

async fn azure() -> Vendor {
    let authority = Authority::make();
    let server = Azure::start(&authority).await;
    let (address, ca_file) = (server.address.clone(), authority.ca_file());
    let faults = Some(server.faults.clone());
    let mut vendor = Vendor::new("azure-key-vault", (authority, server));
    vendor.faults = faults;
    let secret = vendor.keep("secret", azure::SECRET);
    let login = json!({ "tenant": azure::TENANT, "client_id": azure::CLIENT, "secret": secret });
    vendor.options = json!({
        "vault": address, "authority_host": address, "ca_file": ca_file,
        "login": { "client_secret": login },
    });
    vendor
}

async fn vault() -> Option<Vendor> {
    let server = OpenBao::in_memory().await?;
    let (address, root) = (server.address.clone(), server.root.clone());
    let mut vendor = Vendor::new("vault", server);
    let token = vendor.keep("token", &root);
    vendor.options = json!({ "address": address, "login": { "token": token } });
    Some(vendor)
}

/// A config for each place.
async fn doppler() -> Vendor {
    let server = Arc::new(Doppler::start(None).await);
    let own = Arc::clone(&server);
    let (address, token) = (server.address().to_owned(), server.service_account());
    let faults = Some(server.faults().clone());
    let mut vendor = Vendor::new("doppler", server);
    vendor.faults = faults;
    let token = vendor.keep("token", &token);
    vendor.options = json!({ "address": address, "token": token, "per_minute": 60_000 });
    vendor.place = Arc::new(move |name| {
        let path = format!("backend/{name}");
        own.config(&path, "prd", None);
        path
    });
    vendor
}
