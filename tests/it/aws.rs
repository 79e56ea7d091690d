//! A whole rotation with an emulator of AWS as the store, behind a proxy that loses the first answer to every write.

mod delegated;
mod keys;

use crate::project::stored::{Stored, tell_what_became_of_the_old};
use crate::project::{Project, Tokens};
use keywheel_test_servers::aws::{Emulator, boto3};
use keywheel_test_servers::proxy::in_front_of;
use keywheel_test_servers::python::Packages;
use keywheel_test_servers::serve::Served;
use serde_json::{Value, json};

const ID: &str = "test/token";

/// How the consumer asks for the current value, as an application does.
const ASKS: &str = r#"
    call = urllib.request.Request("ADDRESS", data=b'{"SecretId": "production/chat"}', headers={
        "X-Amz-Target": "secretsmanager.GetSecretValue", "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=EXAMPLE/20260101/us-east-1/secretsmanager/aws4_request, "
                         "SignedHeaders=host, Signature=00"})
    return json.loads(json.load(urllib.request.urlopen(call))["SecretString"])["TOKEN"]
"#;

/// The witness: AWS's own client.
const WITNESS: &str = "
import boto3, json, sys
c = boto3.client('secretsmanager', region_name='us-east-1', endpoint_url=sys.argv[1], aws_access_key_id='EXAMPLEKEYID',
    aws_secret_access_key='example-secret')
told = sys.stdin.read()
if told:
    c.create_secret(Name='production/chat', SecretString=told)
versions = c.list_secret_version_ids(SecretId='production/chat', IncludeDeprecated=True)['Versions']
for version in versions:
    version['Value'] = json.loads(c.get_secret_value(SecretId='production/chat', VersionId=version['VersionId'])
        ['SecretString'])
print(json.dumps([{'labels': v.get('VersionStages', []), 'value': v['Value']} for v in versions]))
";

struct Scene {
    project: Project,
    tokens: Tokens,
    emulator: Emulator,
    proxy: Served,
    witness: Packages,
    old: String,
}

impl Scene {
    /// A token in use, in a document with a field of somebody else's.
    async fn set() -> Option<Self> {
        let emulator = Emulator::roto().await?;
        let witness = boto3()?;
        let proxy = in_front_of(&emulator.address, None).await;
        let stored = Stored::new();
        let document = stored.document().to_string();
        write(&stored, &emulator, &proxy);
        let Stored {
            project,
            tokens,
            old,
        } = stored;
        let scene = Self {
            project,
            tokens,
            emulator,
            proxy,
            witness,
            old,
        };
        scene.versions(&document);
        Some(scene)
    }

    /// All versions as the witness sees them; a document is written first where one is given.
    fn versions(&self, document: &str) -> Vec<Value> {
        let shown = self
            .witness
            .run(WITNESS, &[&self.emulator.address], document);
        serde_json::from_str(&shown).unwrap()
    }
}

/// The inventory: a key in two files, and the store behind the proxy, which the consumer goes past.
fn write(stored: &Stored, emulator: &Emulator, proxy: &Served) {
    stored.project.write("aws-id", "EXAMPLEKEYID");
    stored.project.write("aws-secret", "example-secret");
    let store = format!(
        "[stores.aws]\nkind = \"aws-secrets-manager\"\nregion = \"us-east-1\"\nendpoint = \"{0}\"\n\
         sts_endpoint = \"{0}\"\naccess_key = {{ id = {{ file = \"aws-id\" }}, secret = {{ file = \"aws-secret\" }} }}",
        proxy.address,
    );
    let place = "store = \"aws\", path = \"production/chat\", field = \"TOKEN\"";
    let asks = ASKS.replace("ADDRESS", &emulator.address);
    stored.entry(&store, place, &asks);
}

// The proxy goes on while this thread waits for a command.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_aws_is_rotated_though_every_write_loses_its_first_answer() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let project = &scene.project;
    project.run(&["check", "--online"]).succeeded();
    let faults = &scene.proxy.faults;
    faults.lose_every_first_reply(|asked| asked.writes());
    let daemon = project.daemon();
    project.run(&["rotate-now", ID]).succeeded();
    project.until_completed(ID).await;
    let mut versions = scene.versions("");
    versions.sort_by_key(|version| version["labels"].as_array().unwrap().len());
    assert_eq!(versions.len(), 2, "{:?}", faults.met());
    assert_eq!(versions[0]["labels"], json!([]));
    assert_eq!(versions[0]["value"]["TOKEN"], *scene.old);
    // The answer to the move was lost: its label is taken from the version at the next staging.
    let labels = versions[1]["labels"].as_array().unwrap();
    assert!(labels.contains(&json!("AWSCURRENT")), "{labels:?}");
    let new = versions[1]["value"]["TOKEN"].as_str().unwrap();
    assert_eq!(versions[1]["value"]["other"], json!({ "kept": [1, 2] }));
    assert!(!scene.tokens.accepts(&scene.old) && scene.tokens.accepts(new));
    let met = faults.met();
    let lost = |operation: &str| met.iter().filter(|line| line.ends_with(operation)).count();
    assert_eq!(lost("PutSecretValue"), 1, "{met:?}");
    assert!(lost("UpdateSecretVersionStage") >= 2, "{met:?}");
    project.run(&["audit", "verify"]).succeeded();
    tell_what_became_of_the_old(project, ID, "unlabelled").await;
    assert_eq!(project.leaks(&[&scene.old, new]), Vec::<String>::new());
    daemon.stop();
}
