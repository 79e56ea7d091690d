//! Whole rotations of an IAM user's access key, by the rights of the manual, at an emulator that checks signatures and
//! rights; AWS's own client is the witness.

use crate::project::{Consumer, Project};
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::Kind;
use keywheel_test_servers::aws::boto3;
use keywheel_test_servers::aws::iam::{Account, Pair};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const ID: &str = "test/key";

/// The witness: what a key is told when it logs in, and the keys of the user.
const WITNESS: &str = "
import boto3, json, sys
address, user, told = sys.argv[1], sys.argv[2], json.load(sys.stdin)
def client(name, key):
    return boto3.client(name, region_name='us-east-1', endpoint_url=address, aws_access_key_id=key['id'],
        aws_secret_access_key=key['secret'])
def login(key):
    try:
        return client('sts', key).get_caller_identity()['Arn'].split('/')[-1]
    except Exception as refused:
        return refused.response['Error']['Code']
iam = client('iam', told['root'])
for _ in range(told['makes']):
    iam.create_access_key(UserName=user)
print(json.dumps({'logins': [login(key) for key in told['keys']],
    'keys': {k['AccessKeyId']: k['Status'] for k in iam.list_access_keys(UserName=user)['AccessKeyMetadata']}}))
";

struct Scene {
    // Runs for as long as the scene.
    _app: Consumer,
    project: Project,
    account: Account,
}

struct Seen {
    logins: Vec<String>,
    keys: BTreeMap<String, String>,
}

impl Scene {
    /// A user of that name, whose key lies in a `.env` file that one running consumer reads.
    async fn of(user: &str, more: &str) -> Option<Self> {
        let account = Account::with(user).await?;
        let project = Project::new();
        project.write("aws-id", &account.admin.id);
        project.write("aws-secret", &account.admin.secret);
        let (id, secret) = (&account.key.id, &account.key.secret);
        let file = format!("AWS_ACCESS_KEY_ID='{id}'\nAWS_SECRET_ACCESS_KEY='{secret}'\n");
        project.write("app/app.env", &file);
        let key = "AWS_SECRET_ACCESS_KEY";
        let app = Consumer::start(&project, "key", "app", "app.env", key, &[]);
        project.secrets(&format!(
            "[secrets.key]\n\
             issuer = {{ kind = \"aws-iam-key\", user = \"{user}\", endpoint = \"{0}\", sts_endpoint = \"{0}\",\n  \
             access_key = {{ id = {{ file = \"aws-id\" }}, secret = {{ file = \"aws-secret\" }} }} }}\n\
             publish_to = [{{ store = \"env\", path = \"app.env\", fields = {{\n  \
             AWS_ACCESS_KEY_ID = \"{{access_key_id}}\", {key} = \"{{secret_access_key}}\" }} }}]\n{more}\n\
             [secrets.key.consumers.app]\n{1}",
            account.address,
            app.lines()
        ));
        project.prepared();
        Some(Self {
            _app: app,
            project,
            account,
        })
    }

    /// The key that the consumer is given.
    fn published(&self) -> Pair {
        let value = |name: &str| self.project.env_value("app.env", name).unwrap();
        Pair {
            id: value("AWS_ACCESS_KEY_ID"),
            secret: value("AWS_SECRET_ACCESS_KEY"),
        }
    }

    /// What the witness sees of these keys, after a person made some more for the user.
    fn seen(&self, keys: &[&Pair], makes: usize) -> Seen {
        let told = |key: &Pair| json!({ "id": key.id, "secret": key.secret });
        let keys: Vec<_> = keys.iter().map(|key| told(key)).collect();
        let input = json!({ "root": told(&self.account.root), "keys": keys, "makes": makes });
        let arguments = [self.account.address.as_str(), &self.account.user];
        let packages = boto3().unwrap();
        let seen: Value =
            serde_json::from_str(&packages.run(WITNESS, &arguments, &input.to_string())).unwrap();
        Seen {
            logins: serde_json::from_value(seen["logins"].clone()).unwrap(),
            keys: serde_json::from_value(seen["keys"].clone()).unwrap(),
        }
    }

    /// The new key alone lives and is what is published; nothing leaked.
    fn is_rotated(&self) {
        let (old, new) = (&self.account.key, self.published());
        let seen = self.seen(&[old, &new], 0);
        let user = self.account.user.as_str();
        assert_eq!(seen.logins, ["InvalidClientTokenId", user]);
        assert_eq!(
            seen.keys,
            BTreeMap::from([(new.id.clone(), "Active".to_owned())])
        );
        let leaks = self.project.leaks(&[&old.secret, &new.secret]);
        assert_eq!(leaks, Vec::<String>::new());
        self.project.run(&["audit", "verify"]).succeeded();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_though_every_first_answer_is_lost() {
    let Some(scene) = Scene::of("app", "").await else {
        return;
    };
    let faults = &scene.account.faults;
    faults.lose_every_first_reply(|asked| {
        let changes = ["Create", "Delete", "Tag", "Update"];
        changes
            .iter()
            .any(|verb| asked.operation().starts_with(verb))
    });
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    let run = scene.project.until_completed(ID).await;
    scene.is_rotated();
    assert!(scene.project.has_intent(&run, Kind::RevokeOrphan).await);
    let met = faults.met();
    let lost = |operation: &str| met.iter().filter(|line| line.ends_with(operation)).count();
    // Two notes, one key that nobody holds, ended like the old one, which was made inactive before.
    for (operation, times) in [
        ("TagUser", 2),
        ("CreateAccessKey", 1),
        ("UpdateAccessKey", 1),
        ("DeleteAccessKey", 2),
    ] {
        assert_eq!(lost(operation), times, "{operation}: {met:?}");
    }
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_that_aws_does_not_know_everywhere_yet_is_waited_for() {
    let Some(scene) = Scene::of("slow", "").await else {
        return;
    };
    scene.account.refuse_new_for(Duration::from_millis(400));
    scene.account.inactive_lives_for(Duration::from_millis(400));
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    let run = scene.project.until_completed(ID).await;
    scene.is_rotated();
    assert!(!scene.project.has_intent(&run, Kind::RevokeOrphan).await);
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_somebody_else_in_the_second_slot_stays() {
    let Some(scene) = Scene::of("full", "").await else {
        return;
    };
    let before = scene.seen(&[], 1).keys;
    assert_eq!(before.len(), 2);
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_phase(ID, Phase::RolledBack).await;
    scene.project.audit(ID).await;
    let audit = scene.project.run(&["audit", "list"]).succeeded();
    for id in before.keys() {
        assert!(audit.stdout.contains(id.as_str()), "{}", audit.stdout);
    }
    audit.says(&["aws iam delete-access-key --user-name full"]);
    assert_eq!(scene.seen(&[], 0).keys, before);
    assert_eq!(scene.published().id, scene.account.key.id);
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_leaves_the_old_key_alone() {
    let Some(scene) = Scene::of("back", "timing = { overlap = \"1h\" }").await else {
        return;
    };
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    scene.project.until_phase(ID, Phase::Overlapping).await;
    let new = scene.published();
    let both = scene.seen(&[&scene.account.key, &new], 0);
    assert_eq!(both.logins, ["back", "back"]);
    let back = ["rollback", ID, "--reason", "example"];
    scene.project.run(&back).succeeded();
    scene.project.until_phase(ID, Phase::RolledBack).await;
    let seen = scene.seen(&[&scene.account.key, &new], 0);
    assert_eq!(seen.logins, ["back", "InvalidClientTokenId"]);
    assert_eq!(scene.published().id, scene.account.key.id);
    daemon.stop();
}

/// AWS tells that a key was used, and not by whom. A person lets them lose it.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_key_in_use_by_a_stranger_is_not_ended_until_a_person_says_so() {
    let timing = "timing = { quiet = \"1s\", prove_within = \"2s\" }";
    let Some(scene) = Scene::of("stranger", timing).await else {
        return;
    };
    let (project, old) = (&scene.project, &scene.account.key);
    let daemon = project.daemon();
    project.run(&["rotate-now", ID]).succeeded();
    let unseen = "the old credential is watched: nobody was seen with it";
    project.until_waits(ID, Phase::Overlapping, unseen).await;
    // Later than the time in which consumers have to prove the new one: a stranger is no late consumer.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(scene.seen(&[old], 0).logins, ["stranger"]);
    let blocked = project.until_blocked(ID).await;
    let question = &blocked.question;
    assert!(
        question.contains("is still used; nothing is ended"),
        "{question}"
    );
    assert_eq!(blocked.phase, Phase::Overlapping);
    assert!(!project.has_intent(&blocked, Kind::DisableCredential).await);
    assert_eq!(scene.seen(&[], 0).keys[&old.id], "Active");
    let vouch = ["vouch", ID, "--old-unused", "--reason", "an example"];
    project.run(&vouch).succeeded();
    project.until_completed(ID).await;
    scene.is_rotated();
    daemon.stop();
}

/// AWS dates the last use, whoever it was: our own test of the new key, and what comes soon after it, shows nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_old_key_is_kept_until_aws_has_seen_the_new_one_used_by_another() {
    let Some(scene) = Scene::of("used", "new_used = true").await else {
        return;
    };
    let daemon = scene.project.daemon();
    scene.project.run(&["rotate-now", ID]).succeeded();
    let words = "may be our own test";
    let waits = scene.project.until_waits(ID, Phase::Overlapping, words);
    let run = waits.await;
    let (old, new) = (&scene.account.key, scene.published());
    let logs_in = || scene.seen(&[old, &new], 0).logins;
    assert_eq!(logs_in(), ["used", "used"]);
    // Read again many times by now: within a quarter of an hour nobody can tell whose use it was.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(
        !scene
            .project
            .has_intent(&run, Kind::DisableCredential)
            .await
    );
    scene.account.uses_are_later_by(3_600);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(
        !scene
            .project
            .has_intent(&run, Kind::DisableCredential)
            .await
    );
    assert_eq!(logs_in()[1], "used");
    scene.project.until_completed(ID).await;
    let rows = scene.project.audit(ID).await;
    let seen = rows.iter().find(|row| row.entry.action == "new_use");
    let seen = &seen.unwrap().entry;
    assert!(seen.detail.starts_with("used at "), "{}", seen.detail);
    scene.is_rotated();
    daemon.stop();
}
