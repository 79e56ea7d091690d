//! What the tests share: a store at an emulator, a witness, and writes.

pub(crate) use keywheel_test_servers::writes::{
    Prepared, document_of, mark, place, prepare, publish, whole, word,
};

use keywheel_provider_aws::{AwsOptions, AwsStore};
use keywheel_test_servers::aws::boto3;
use keywheel_test_servers::python::Packages;
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

/// A store as a key that lies in two files, which it reads at each call.
pub(crate) struct Ours {
    pub(crate) store: AwsStore,
    folder: TempDir,
}

impl Ours {
    /// At that address, Secrets Manager and STS alike; `more` are further options.
    pub(crate) fn at(address: &str, more: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = json!({
            "region": "us-east-1", "endpoint": address, "sts_endpoint": address,
            "access_key": { "id": { "file": "id" }, "secret": { "file": "secret" } },
        });
        for (key, value) in more.as_object().unwrap() {
            options[key] = value.clone();
        }
        let ours = Self {
            store: store(options, folder.path()),
            folder,
        };
        ours.become_key("EXAMPLEKEYID", "example-secret");
        ours
    }

    /// From now on the store is this key.
    pub(crate) fn become_key(&self, id: &str, secret: &str) {
        std::fs::write(self.folder.path().join("id"), id).unwrap();
        std::fs::write(self.folder.path().join("secret"), secret).unwrap();
    }
}

pub(crate) fn store(options: Value, base: &Path) -> AwsStore {
    let options: AwsOptions = serde_json::from_value(options).unwrap();
    AwsStore::new(&options, base).unwrap()
}

/// AWS's own client.
pub(crate) struct Witness {
    packages: Packages,
    address: String,
}

const PRELUDE: &str = "
import boto3, json, sys
from botocore.config import Config
address, told = sys.argv[1], json.load(sys.stdin)
def client(name, id='EXAMPLEKEYID', secret='example-secret'):
    return boto3.client(name, region_name='us-east-1', endpoint_url=address, aws_access_key_id=id,
        aws_secret_access_key=secret, config=Config(retries={'total_max_attempts': 1}))
c = client('secretsmanager')
def show(answer):
    answer.pop('ResponseMetadata', None)
    print(json.dumps(answer, default=str))
";

impl Witness {
    pub(crate) fn of(address: &str) -> Option<Self> {
        Some(Self {
            packages: boto3()?,
            address: address.to_owned(),
        })
    }

    /// Runs lines that have a client `c`, what they are `told`, and `show`; what they show.
    pub(crate) fn run(&self, lines: &str, told: Value) -> Value {
        let script = format!("{PRELUDE}{lines}");
        let shown = self
            .packages
            .run(&script, &[&self.address], &told.to_string());
        serde_json::from_str(&shown).unwrap_or_default()
    }

    /// What the witness describes.
    pub(crate) fn describe(&self, name: &str) -> Value {
        self.run("show(c.describe_secret(SecretId=told))", json!(name))
    }

    /// The value with that label.
    pub(crate) fn value(&self, name: &str, label: &str) -> Value {
        let lines = "show(c.get_secret_value(SecretId=told[0], VersionStage=told[1]))";
        self.run(lines, json!([name, label]))["SecretString"].clone()
    }

    /// A person writes a text over everything.
    pub(crate) fn writes(&self, name: &str, text: &str) {
        let lines = "c.put_secret_value(SecretId=told[0], SecretString=told[1])";
        self.run(lines, json!([name, text]));
    }

    /// A person makes a secret of that text.
    pub(crate) fn creates(&self, name: &str, text: &str) {
        let lines = "c.create_secret(Name=told[0], SecretString=told[1])";
        self.run(lines, json!([name, text]));
    }

    /// All versions with their labels.
    pub(crate) fn versions(&self, name: &str) -> Vec<Value> {
        let lines = "show(c.list_secret_version_ids(SecretId=told, IncludeDeprecated=True))";
        let listed = self.run(lines, json!(name));
        listed["Versions"].as_array().cloned().unwrap_or_default()
    }
}
