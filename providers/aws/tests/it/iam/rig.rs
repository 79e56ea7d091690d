//! What the tests share: an issuer for a user of its own, and the witness.

use keywheel_contract::{Credential, Error, Fields, Issuer, Result, SecretValue, Tag};
use keywheel_provider_aws::{KeyIssuer, KeyOptions};
use keywheel_test_servers::aws::boto3;
use keywheel_test_servers::aws::iam::{Account, Pair};
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;

pub(super) const TAG: &str = "keywheel-01936d4e-0000-7000-8000-000000000000-1";
/// As long as what was told need not be known everywhere.
pub(super) const SETTLES: Duration = Duration::from_secs(2);
pub(super) const NEXT: &str = "keywheel-01936d4e-0000-7000-8000-000000000000-2";

/// What is passed to a script, and a client as the one who may do everything.
const PRELUDE: &str = "
import boto3, json, sys
from botocore.config import Config
address, root, told = sys.argv[1], json.loads(sys.argv[2]), json.load(sys.stdin)
def client(name, key):
    return boto3.client(name, region_name='us-east-1', endpoint_url=address, aws_access_key_id=key['id'],
        aws_secret_access_key=key['secret'], config=Config(retries={'total_max_attempts': 1}))
c = client('iam', root)
def tried(call, **arguments):
    try:
        call(**arguments)
        return 'done'
    except c.exceptions.ClientError as refused:
        return refused.response['Error']['Code']
def show(answer):
    print(json.dumps(answer, default=str))
";

pub(super) struct Scene {
    pub(super) account: Account,
    pub(super) issuer: KeyIssuer,
    folder: TempDir,
}

impl Scene {
    /// A user of that name with one key in use.
    pub(super) async fn of(user: &str) -> Option<Self> {
        let account = Account::with(user).await?;
        let folder = tempfile::tempdir().unwrap();
        let options: KeyOptions = serde_json::from_value(json!({
            "user": user, "endpoint": account.address, "sts_endpoint": account.address,
            "access_key": { "id": { "file": "id" }, "secret": { "file": "secret" } },
        }))
        .unwrap();
        let issuer = KeyIssuer::new(&options, folder.path()).unwrap();
        let scene = Self {
            issuer: issuer.settling_in(SETTLES),
            account,
            folder,
        };
        scene.become_key(&scene.account.admin);
        Some(scene)
    }

    /// From now on keywheel is this key.
    pub(super) fn become_key(&self, key: &Pair) {
        std::fs::write(self.folder.path().join("id"), &key.id).unwrap();
        std::fs::write(self.folder.path().join("secret"), &key.secret).unwrap();
    }

    pub(super) async fn mint(&self, tag: &str) -> Result<Credential> {
        self.issuer.mint(&Tag::new(tag)).await
    }

    /// Ids of what is found under a tag.
    pub(super) async fn found(&self, tag: &str) -> Vec<String> {
        let found = self.issuer.find(&Tag::new(tag)).await.unwrap();
        found.iter().map(|id| id.as_str().to_owned()).collect()
    }

    /// Runs lines that have a client `c`, what they are `told`, and `show`; what they show.
    pub(super) fn run(&self, lines: &str, told: Value) -> Value {
        let script = format!("{PRELUDE}{lines}");
        let root = json!({ "id": self.account.root.id, "secret": self.account.root.secret });
        let arguments = [self.account.address.as_str(), &root.to_string()];
        let shown = boto3().unwrap().run(&script, &arguments, &told.to_string());
        serde_json::from_str(&shown).unwrap_or_default()
    }

    /// Id and status of each key, as AWS's own client lists them.
    pub(super) fn keys(&self) -> Vec<(String, String)> {
        let lines = "show({k['AccessKeyId']: k['Status'] for k in
            c.list_access_keys(UserName=told)['AccessKeyMetadata']})";
        let listed = self.run(lines, json!(self.account.user));
        let listed = listed.as_object().unwrap().iter();
        let text = |status: &Value| status.as_str().unwrap().to_owned();
        listed
            .map(|(id, status)| (id.clone(), text(status)))
            .collect()
    }

    /// What AWS's own client is told when it logs in with a key.
    pub(super) fn logs_in(&self, key: &Credential) -> Value {
        let text = |name| field(key, name);
        let told = json!({ "id": text("access_key_id"), "secret": text("secret_access_key") });
        self.run("show(tried(client('sts', told).get_caller_identity))", told)
    }
}

/// The key that is in use before anything is rotated.
pub(super) fn credential(key: &Pair) -> Credential {
    let value = |text: &str| SecretValue::from(text.to_owned());
    let mut fields = Fields::new();
    fields.insert("access_key_id", value(&key.id));
    fields.insert("secret_access_key", value(&key.secret));
    Credential {
        id: keywheel_contract::CredentialId::new(&key.id),
        fields,
    }
}

pub(super) fn field(key: &Credential, name: &str) -> String {
    let field = key.fields.field(name);
    let text = field.and_then(SecretValue::expose_secret_str);
    text.unwrap().to_owned()
}

pub(super) fn refused<T>(answer: Result<T>) -> Error {
    answer.err().expect("a refusal")
}
