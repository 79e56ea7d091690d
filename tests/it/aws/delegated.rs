//! A whole rotation that AWS carries out: keywheel asks for it, watches it, and brings its value to everybody. The
//! rotation is played by a shim in front of an emulator; AWS's own client is the witness.

use super::ASKS;
use crate::project::stored::asks_by;
use crate::project::{PATIENCE, Project};
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::Kind;
use keywheel_test_servers::aws::rotation::{Ends, Function, in_front_of};
use keywheel_test_servers::aws::{Emulator, boto3};
use keywheel_test_servers::faults::Fault;
use keywheel_test_servers::python::Packages;
use keywheel_test_servers::serve::Served;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ID: &str = "test/password";
const OLD: &str = "example-password-before-keywheel";
const NEW: &str = "example-password-made-by-aws";

/// The witness: AWS's own client. What it is told is made a secret that AWS rotates.
const WITNESS: &str = "
import boto3, json, sys
c = boto3.client('secretsmanager', region_name='us-east-1', endpoint_url=sys.argv[1], aws_access_key_id='EXAMPLEKEYID',
    aws_secret_access_key='example-secret')
told = sys.stdin.read()
if told:
    c.create_secret(Name='production/chat', SecretString=told)
    c.rotate_secret(SecretId='production/chat', RotateImmediately=False, RotationRules={'AutomaticallyAfterDays': 30},
        RotationLambdaARN='arn:aws:lambda:us-east-1:123456789012:function:example')
labels = c.describe_secret(SecretId='production/chat')['VersionIdsToStages']
print(json.dumps({v: [l, json.loads(c.get_secret_value(SecretId='production/chat', VersionId=v)['SecretString'])]
    for v, l in labels.items()}))
";

struct Scene {
    project: Project,
    emulator: Emulator,
    shim: Served,
    function: Function,
    witness: Packages,
}

fn makes(current: &str) -> String {
    current.replace(OLD, NEW)
}

impl Scene {
    async fn set() -> Option<Self> {
        let emulator = Emulator::roto().await?;
        let witness = boto3()?;
        let (shim, function) = in_front_of(&emulator.address, makes).await;
        let scene = Self {
            project: Project::with_config("programs.look = { path = \"look\" }"),
            emulator,
            shim,
            function,
            witness,
        };
        scene.write();
        scene.labels(&json!({ "user": "app", "TOKEN": OLD }).to_string());
        scene.project.prepared();
        Some(scene)
    }

    fn write(&self) {
        let project = &self.project;
        project.write("aws-id", "EXAMPLEKEYID");
        project.write("aws-secret", "example-secret");
        project.write("app/app.env", &format!("TOKEN='{OLD}'\n"));
        asks_by(project, &ASKS.replace("ADDRESS", &self.emulator.address));
        let stores = format!(
            "{1}[stores.native]\nkind = \"aws-secrets-manager\"\nregion = \"us-east-1\"\nendpoint = \"{0}\"\n\
             sts_endpoint = \"{0}\"\ndelegate = true\n\
             access_key = {{ id = {{ file = \"aws-id\" }}, secret = {{ file = \"aws-secret\" }} }}\n",
            self.shim.address,
            project.read("inventory/test/environment.toml"),
        );
        project.write("inventory/test/environment.toml", &stores);
        project.secrets(
            "[secrets.password]\nissuer = { kind = \"aws-rotation\" }\nin_place = \"AWS replaces it\"\n\
             publish_to = [{ store = \"native\", path = \"production/chat\", fields = { TOKEN = \"{TOKEN}\" } },\n\
             { store = \"env\", path = \"app.env\", fields = { TOKEN = \"{TOKEN}\" } }]\n\
             [secrets.password.consumers.app]\nnotify = { none = \"reads it at each use\" }\n\
             verify = { exec = \"look\" }\n",
        );
    }

    /// Labels and content of each version, as the witness sees them.
    fn labels(&self, document: &str) -> Value {
        let shown = self
            .witness
            .run(WITNESS, &[&self.emulator.address], document);
        serde_json::from_str(&shown).unwrap()
    }

    /// The new value is everywhere, by one rotation, and nothing more is claimed of the old one.
    async fn is_rotated(&self) {
        let project = &self.project;
        let run = project.until_completed(ID).await;
        let [version] = &self.function.begun()[..] else {
            panic!("{:?}", self.function.begun());
        };
        let versions = self.labels("");
        let document = json!({ "user": "app", "TOKEN": NEW });
        assert_eq!(versions[version], json!([["AWSCURRENT"], document]));
        assert_eq!(project.env_value("app.env", "TOKEN").unwrap(), NEW);
        for kind in [Kind::Stage, Kind::Revoke, Kind::DestroyVersion] {
            assert!(!project.has_intent(&run, kind).await, "{kind:?}");
        }
        let shown = project.run(&["show", ID]).succeeded();
        assert!(!shown.stdout.contains("is over"), "{}", shown.stdout);
        project.run(&["audit", "verify"]).succeeded();
        assert_eq!(project.leaks(&[OLD, NEW]), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_rotates_once_though_its_answer_is_lost() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let project = &scene.project;
    project.run(&["check", "--online"]).succeeded();
    scene
        .shim
        .faults
        .lose_every_first_reply(|asked| asked.writes());
    let daemon = project.daemon();
    project.run(&["rotate-now", ID]).succeeded();
    scene.is_rotated().await;
    // Nothing but the rotation was asked of AWS that changes anything.
    let met = scene.shim.faults.met();
    assert_eq!(met, ["LoseReply: POST / RotateSecret"]);
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_of_aws_that_hangs_is_waited_for_by_name() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    scene.function.ends(Ends::Never);
    let project = &scene.project;
    let daemon = project.daemon_with(&["--lease-ms", "12000"]);
    project.run(&["rotate-now", ID]).succeeded();
    let words = "is not through yet";
    project.until_waits(ID, Phase::Minting, words).await;
    project.run(&["show", ID]).says(&["cancel-rotate-secret"]);
    let version = scene.function.begun().pop().unwrap();
    scene.function.finish("production/chat", &version).await;
    scene.is_rotated().await;
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_of_aws_that_fails_leaves_everything_as_it_was() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    scene.function.ends(Ends::GivenUp);
    let project = &scene.project;
    let daemon = project.daemon();
    project.run(&["rotate-now", ID]).succeeded();
    project.until_phase(ID, Phase::RolledBack).await;
    project.audit(ID).await;
    let audit = project.run(&["audit", "list"]).succeeded();
    assert!(audit.stdout.contains("was given up"), "{}", audit.stdout);
    assert_eq!(project.env_value("app.env", "TOKEN").unwrap(), OLD);
    assert_eq!(scene.function.begun().len(), 1);
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_behind_a_lost_answer_is_asked_about() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    scene.function.ends(Ends::GivenUp);
    let is_it =
        |asked: &keywheel_test_servers::faults::Asked<'_>| asked.operation() == "RotateSecret";
    scene.shim.faults.next(1, Fault::LoseReply, is_it);
    let project = &scene.project;
    let daemon = project.daemon();
    project.run(&["rotate-now", ID]).succeeded();
    let run = project.until_blocked(ID).await;
    assert!(run.question.contains("was given up"), "{}", run.question);
    assert_eq!(scene.function.begun().len(), 1);
    scene.function.ends(Ends::Well(Duration::from_millis(100)));
    // The command goes by usual leases, by which what was sent may land for longer than this daemon thinks.
    let end = Instant::now() + PATIENCE;
    while project.run(&["retry", ID, "--absent"]).code != 0 {
        assert!(Instant::now() < end, "the answer is not taken");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    project.until_completed(ID).await;
    assert_eq!(scene.function.begun().len(), 2);
    assert_eq!(project.env_value("app.env", "TOKEN").unwrap(), NEW);
    project.run(&["audit", "verify"]).succeeded();
    daemon.stop();
}
