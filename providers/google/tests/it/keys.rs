//! The issuer `google-service-account-key` against a fake of the service, which the vendor's own clients judge.

use crate::rig::word;
use async_trait::async_trait;
use keywheel_contract::conformance::issuer::{IssuerHarness, suite};
use keywheel_contract::{
    Credential, CredentialId, CredentialState, Fields, Issuer, Liveness, SecretValue, Tag,
};
use keywheel_provider_google::{ServiceKeyIssuer, ServiceKeyOptions};
use keywheel_test_servers::authority::Authority;
use keywheel_test_servers::faults::{Asked, Fault};
use keywheel_test_servers::google::accounts::{ACCOUNT, Accounts, NUMBER};
use keywheel_test_servers::logs::Log;
use keywheel_test_servers::python::{Packages, free_port};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// An issuer at the fake; `more` are further options.
fn issuer_with(google: &Accounts, more: &Value) -> ServiceKeyIssuer {
    let mut options = json!({ "account": ACCOUNT, "endpoint": google.address(), "token_uri": google.token_uri() });
    for (key, value) in more.as_object().unwrap() {
        options[key] = value.clone();
    }
    let options: ServiceKeyOptions = serde_json::from_value(options).unwrap();
    ServiceKeyIssuer::new(&options, Path::new("/nonexistent")).unwrap()
}

/// One that believes at once what it is told.
fn issuer(google: &Accounts) -> ServiceKeyIssuer {
    issuer_with(google, &json!({})).settling_in(Duration::ZERO)
}

fn tag(text: &str) -> Tag {
    Tag::new(format!("keywheel-{text}"))
}

/// The key file of a credential.
fn file(credential: &Credential) -> Value {
    serde_json::from_slice(credential.fields.field("value").unwrap().expose_secret()).unwrap()
}

fn credential(text: &str) -> Credential {
    let file: Value = serde_json::from_str(text).unwrap();
    Credential {
        id: CredentialId::new(file["private_key_id"].as_str().unwrap()),
        fields: Fields::single(SecretValue::from(text.to_owned())),
    }
}

fn uploads(asked: &Asked<'_>) -> bool {
    asked.path().ends_with("keys:upload")
}

struct Keys {
    issuer: ServiceKeyIssuer,
}

#[async_trait]
impl IssuerHarness for Keys {
    fn issuer(&self) -> &dyn Issuer {
        &self.issuer
    }
}

#[tokio::test]
async fn every_case_of_the_contract_holds() {
    let google = Accounts::start(None).await;
    let theirs = google.made_by_google();
    let keys = Keys {
        issuer: issuer(&google),
    };
    let report = suite(&keys).await;
    keywheel_test_servers::counts::suite(&report);
    // Proposing and applying, idempotent minting, last use and sessions do not apply.
    assert_eq!((report.failed(), report.passed()), (0, 10), "{report}");
    // What somebody else made is there as it was.
    let theirs = credential(&theirs);
    assert_eq!(google.keys(), [(theirs.id.to_string(), true)]);
}

#[tokio::test]
async fn the_private_key_is_never_sent_and_the_file_is_complete() {
    let google = Accounts::start(None).await;
    let made = issuer(&google).mint(&tag("a-1")).await.unwrap();
    let file = file(&made);
    for (key, expected) in [
        ("type", "service_account"),
        ("client_email", ACCOUNT),
        ("client_id", NUMBER),
        ("project_id", "example-1"),
        ("private_key_id", made.id.as_str()),
        ("token_uri", &google.token_uri()),
    ] {
        assert_eq!(file[key], expected, "{key}");
    }
    let field = |name: &str| {
        made.fields
            .field(name)
            .unwrap()
            .expose_secret_str()
            .unwrap()
    };
    assert_eq!(
        (field("client_email"), field("private_key_id")),
        (ACCOUNT, made.id.as_str())
    );
    let private = file["private_key"].as_str().unwrap();
    let line = private.lines().nth(3).unwrap();
    let sent = format!("{:?}", google.exchanges());
    assert!(sent.contains("publicKeyData") && !sent.contains(line));
}

#[tokio::test]
async fn a_key_whose_answer_was_lost_is_found_by_its_whole_tag_and_ended() {
    let google = Accounts::start(None).await;
    let issuer = issuer(&google);
    let other = issuer.mint(&tag("a-11")).await.unwrap();
    for fault in [Fault::LoseReply, Fault::CutBody] {
        google.faults().next(1, fault, uploads);
        assert_eq!(word(issuer.mint(&tag("a-1")).await), "unknown_outcome");
        let found = issuer.find(&tag("a-1")).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_ne!(found[0], other.id);
        issuer.revoke(&found[0]).await.unwrap();
        assert_eq!(google.keys(), [(other.id.to_string(), true)]);
    }
    assert_eq!(issuer.find(&tag("a-1")).await.unwrap(), []);
    // What never arrived left nothing.
    google.faults().next(1, Fault::Refuse(503, None), uploads);
    assert_eq!(word(issuer.mint(&tag("a-2")).await), "unknown_outcome");
    assert_eq!(issuer.find(&tag("a-2")).await.unwrap(), []);
}

#[tokio::test]
async fn a_list_that_does_not_show_a_key_says_nothing_for_minutes() {
    let google = Accounts::start(None).await;
    let can = issuer_with(&google, &json!({})).capabilities();
    assert_eq!(can.lists_after, Duration::from_secs(300));
}

#[tokio::test]
async fn a_new_key_that_is_not_known_yet_is_not_dead() {
    let google = Accounts::start(None).await;
    google.learns_late(2);
    let issuer = issuer_with(&google, &json!({}));
    let made = issuer.mint(&tag("a-1")).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(issuer.test(&made).await.unwrap());
    }
    assert_eq!(
        seen,
        [Liveness::Unknown, Liveness::Unknown, Liveness::Alive]
    );
    // Once it is disabled nothing is unclear about it.
    issuer.disable(&made.id).await.unwrap();
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Dead);
    assert_eq!(
        issuer.state(&made.id).await.unwrap(),
        CredentialState::Disabled
    );
    assert_eq!(google.logins(), 1);
}

#[tokio::test]
async fn a_key_enabled_again_that_is_not_known_yet_is_not_dead() {
    let google = Accounts::start(None).await;
    let issuer = issuer(&google);
    let made = issuer.mint(&tag("a-1")).await.unwrap();
    google.learns_late(2);
    issuer.disable(&made.id).await.unwrap();
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Dead);
    issuer.enable(&made).await.unwrap();
    for expected in [Liveness::Unknown, Liveness::Unknown, Liveness::Alive] {
        assert_eq!(issuer.test(&made).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn trouble_where_accounts_log_in_says_nothing_of_the_key() {
    let google = Accounts::start(None).await;
    let issuer = issuer(&google);
    let made = issuer.mint(&tag("a-1")).await.unwrap();
    for fault in [
        Fault::Reset,
        Fault::Refuse(503, None),
        Fault::Refuse(429, Some(7)),
        Fault::Refuse(400, None),
        Fault::Refuse(302, None),
    ] {
        google
            .faults()
            .next(1, fault.clone(), |asked| asked.path() == "/token");
        assert_eq!(
            issuer.test(&made).await.unwrap(),
            Liveness::Unknown,
            "{fault:?}"
        );
    }
    let nobody = format!("http://127.0.0.1:{}/token", free_port());
    let away = issuer_with(&google, &json!({ "token_uri": nobody }));
    assert_eq!(away.test(&made).await.unwrap(), Liveness::Unknown);
    assert_eq!(issuer.test(&made).await.unwrap(), Liveness::Alive);
}

#[tokio::test]
async fn a_file_that_we_cannot_use_may_log_somebody_in_and_other_text_never_does() {
    let google = Accounts::start(None).await;
    let issuer = issuer(&google);
    let made = issuer.mint(&tag("a-1")).await.unwrap();
    let tested = async |text: String| {
        let fields = Fields::single(SecretValue::from(text));
        let id = made.id.clone();
        issuer.test(&Credential { id, fields }).await.unwrap()
    };
    for (key, other) in [
        ("private_key", "example"),
        ("client_email", "other@example-1.iam.gserviceaccount.com"),
        ("type", "authorized_user"),
    ] {
        let mut changed = file(&made);
        changed[key] = json!(other);
        assert_eq!(
            tested(changed.to_string()).await,
            Liveness::Unknown,
            "{key}"
        );
    }
    for text in ["", "example", "{}", "[1]"] {
        assert_eq!(tested(text.to_owned()).await, Liveness::Dead, "{text}");
    }
}

#[tokio::test]
async fn a_key_that_google_made_is_known_by_its_file_and_ended_when_it_is_named() {
    let google = Accounts::start(None).await;
    let issuer = issuer(&google);
    let old = credential(&google.made_by_google());
    let known = issuer.identify(&old.fields).await.unwrap();
    assert_eq!(known.as_ref(), Some(&old.id));
    assert_eq!(issuer.test(&old).await.unwrap(), Liveness::Alive);
    let new = issuer.mint(&tag("a-1")).await.unwrap();
    issuer
        .check_format(&new.fields, Some(&old.fields))
        .await
        .unwrap();
    issuer.revoke(&old.id).await.unwrap();
    issuer.revoke(&old.id).await.unwrap();
    assert_eq!(google.keys(), [(new.id.to_string(), true)]);
    assert_eq!(issuer.test(&old).await.unwrap(), Liveness::Dead);
    assert_eq!(issuer.identify(&old.fields).await.unwrap(), None);
    assert_eq!(
        issuer.state(&old.id).await.unwrap(),
        CredentialState::Absent
    );
    let strange = Fields::single(SecretValue::from("example".to_owned()));
    assert_eq!(issuer.identify(&strange).await.unwrap(), None);
    let elsewhere = CredentialId::new("../keys/a");
    assert_eq!(word(issuer.revoke(&elsewhere).await), "invalid");
}

#[tokio::test]
async fn each_refusal_says_what_to_do() {
    let said = async |google: &Accounts| {
        let refused = issuer(google).mint(&tag("a-1")).await.err().unwrap();
        format!("{}: {refused}", refused.word())
    };
    let google = Accounts::start(None).await;
    for _ in 0..10 {
        drop(google.made_by_google());
    }
    let full = said(&google).await;
    assert!(
        full.starts_with("invalid") && full.contains("has 10 keys"),
        "{full}"
    );
    // None of them is ours to delete.
    assert_eq!(google.keys().len(), 10);
    let google = Accounts::start(None).await;
    google.forbids_uploads();
    let ruled = said(&google).await;
    assert!(
        ruled.contains("iam.disableServiceAccountKeyUpload"),
        "{ruled}"
    );
    let google = Accounts::start(None).await;
    google.disables_the_account();
    let disabled = said(&google).await;
    assert!(disabled.contains("is disabled"), "{disabled}");
    let google = Accounts::start(None).await;
    google.takes_rights_away();
    let denied = said(&google).await;
    assert!(
        denied.starts_with("denied") && denied.contains("serviceAccountKeyAdmin"),
        "{denied}"
    );
    let google = Accounts::start(None).await;
    let other = issuer_with(
        &google,
        &json!({ "account": "other@example-1.iam.gserviceaccount.com" }),
    );
    let missing = other.mint(&tag("a-1")).await.err().unwrap();
    assert!(
        missing.message.contains("there is no projects/example-1"),
        "{missing}"
    );
}

#[tokio::test]
async fn keys_are_not_administered_with_themselves_and_only_over_tls_with_credentials() {
    let authority = Authority::make();
    let google = Accounts::start(Some(&authority)).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.json");
    std::fs::write(&path, google.made_by_google()).unwrap();
    let ours = json!({ "credentials": { "file": path }, "ca_file": authority.ca_file() });
    let refused = issuer_with(&google, &ours)
        .mint(&tag("a-1"))
        .await
        .err()
        .unwrap();
    assert!(refused.message.contains("another account"), "{refused}");
    let admin = crate::login::service_account();
    std::fs::write(&path, admin).unwrap();
    let made = issuer_with(&google, &ours).mint(&tag("a-1")).await.unwrap();
    assert_eq!(google.keys().len(), 2);
    assert_eq!(
        issuer_with(&google, &ours).test(&made).await.unwrap(),
        Liveness::Alive
    );
    let unknown = json!({ "credentials": { "file": path } });
    let refused = issuer_with(&google, &unknown).mint(&tag("a-2")).await;
    assert_eq!(word(refused), "unavailable");
    let plain = json!({ "account": ACCOUNT, "endpoint": "http://127.0.0.1:1", "credentials": { "file": path } });
    let options: ServiceKeyOptions = serde_json::from_value(plain).unwrap();
    assert!(ServiceKeyIssuer::new(&options, Path::new("/")).is_err());
}

#[tokio::test]
async fn neither_errors_nor_logs_show_a_key() {
    let log = Log::of_every_thread();
    let google = Accounts::start(None).await;
    let issuer = issuer(&google);
    let made = issuer.mint(&tag("a-1")).await.unwrap();
    let file = file(&made);
    let line = file["private_key"]
        .as_str()
        .unwrap()
        .lines()
        .nth(5)
        .unwrap();
    let mut shown = String::new();
    shown += &format!(
        "{:?}",
        issuer.check_format(&made.fields, Some(&made.fields)).await
    );
    for status in [400, 403, 500] {
        google
            .faults()
            .next(1, Fault::Refuse(status, None), |_| true);
        shown += &format!("{:?}", issuer.disable(&made.id).await);
        google
            .faults()
            .next(1, Fault::Refuse(status, None), |_| true);
        shown += &format!("{:?}", issuer.test(&made).await);
    }
    shown += &log.text();
    assert!(shown.contains("hyper"), "nothing was logged");
    assert!(!shown.contains(line), "{shown}");
}

const CLIENTS: &[&str] = &[
    "google-api-python-client==2.202.0",
    "google-auth==2.62.2",
    "requests==2.32.5",
];

/// Logs in with the key file, and lists and administers keys by the description that Google publishes of its interface.
const SCENARIO: &str = r#"
import json, sys
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import service_account
from googleapiclient.discovery import build
asked = json.load(sys.stdin)
def token():
    scopes = ["https://www.googleapis.com/auth/cloud-platform"]
    credentials = service_account.Credentials.from_service_account_info(asked["file"], scopes=scopes)
    try:
        credentials.refresh(Request())
    except RefreshError as refused:
        return str(refused)
    return credentials.token
iam = build("iam", "v1", credentials=AnonymousCredentials(), static_discovery=True,
            client_options={"api_endpoint": asked["address"]})
keys = iam.projects().serviceAccounts().keys()
account = "projects/-/serviceAccounts/" + asked["file"]["client_email"]
first = keys.list(name=account).execute()["keys"][0]
with_certificate = keys.get(name=first["name"], publicKeyType="TYPE_X509_PEM_FILE").execute()
logins = [token()]
keys.disable(name=first["name"], body={}).execute()
logins.append(token())
keys.enable(name=first["name"], body={}).execute()
logins.append(token())
uploaded = keys.upload(name=account, body={"publicKeyData": asked["certificate"]}).execute()
keys.delete(name=uploaded["name"]).execute()
json.dump({"first": first, "certificate": with_certificate["publicKeyData"], "logins": logins,
           "origin": uploaded["keyOrigin"]}, sys.stdout)
"#;

#[tokio::test(flavor = "multi_thread")]
async fn google_s_own_clients_log_in_with_the_file_and_administer_the_keys() {
    let Some(clients) = Packages::installed(CLIENTS) else {
        return;
    };
    let google = Accounts::start(None).await;
    let issuer = issuer(&google);
    let made = issuer.mint(&tag("a-1")).await.unwrap();
    let spare = issuer.mint(&tag("a-2")).await.unwrap();
    let exchanges = google.exchanges();
    let sent = exchanges
        .iter()
        .filter_map(|one| one.body["publicKeyData"].as_str());
    let sent: Vec<&str> = sent.collect();
    // What is uploaded by them is a certificate of ours, once ours is gone.
    issuer.revoke(&spare.id).await.unwrap();
    let asked = json!({ "address": google.address(), "file": file(&made), "certificate": sent[1] });
    let said = clients.run(SCENARIO, &[], &asked.to_string());
    let said: Value = serde_json::from_str(&said).unwrap();
    assert!(
        said["first"]["name"]
            .as_str()
            .unwrap()
            .ends_with(made.id.as_str())
    );
    assert_eq!(said["first"]["keyOrigin"], "USER_PROVIDED");
    assert_eq!(said["certificate"], sent[0]);
    let logins: Vec<&str> = said["logins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect();
    assert!(logins[0].starts_with("example-token-"), "{logins:?}");
    assert!(logins[1].contains("Invalid JWT Signature"), "{logins:?}");
    assert!(logins[2].starts_with("example-token-"), "{logins:?}");
    assert_eq!(said["origin"], "USER_PROVIDED");
    assert_eq!(google.keys(), [(made.id.to_string(), true)]);
}
