//! The same sweep with access keys of IAM users: AWS makes them under no name of ours, and a user has two at most. Exactly
//! one is left of each, by the word of AWS's own client.

use super::issuers::sweep;
use super::world::native::NativeIssuer;
use keywheel_contract::{Credential, CredentialId, Fields, Issuer, SecretValue};
use keywheel_provider_aws::{KeyIssuer, KeyOptions};
use keywheel_test_servers::aws::iam::{Account, Pair};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Users made at once: the client that makes them takes a second to start.
const AT_ONCE: usize = 40;

/// Users that nobody uses yet, and those that were given to a run.
#[derive(Default)]
struct Users {
    idle: Vec<Account>,
    given: Vec<Account>,
}

impl Users {
    async fn more(&mut self) {
        let from = self.idle.len() + self.given.len();
        let names: Vec<String> = (from..from + AT_ONCE).map(|n| format!("run-{n}")).collect();
        let made = Account::several(&names).await;
        self.idle.extend(made.into_iter().flatten());
    }
}

/// A user's issuer, and the key in use.
fn principal(account: &Account, folder: &Path) -> (Arc<dyn Issuer>, Credential) {
    let kept = |what: &str, text: &str| {
        let file = folder.join(format!("{}-{what}", account.user));
        std::fs::write(&file, text).unwrap();
        json!({ "file": file })
    };
    let Pair { id, secret } = &account.admin;
    let options = json!({
        "user": account.user, "endpoint": account.address, "sts_endpoint": account.address,
        "access_key": { "id": kept("id", id), "secret": kept("secret", secret) },
    });
    let options: KeyOptions = serde_json::from_value(options).unwrap();
    let issuer = KeyIssuer::new(&options, Path::new("/nonexistent")).unwrap();
    let mut fields = Fields::new();
    for (name, text) in [
        ("access_key_id", &account.key.id),
        ("secret_access_key", &account.key.secret),
    ] {
        fields.insert(name, SecretValue::from(text.clone()));
    }
    let first = Credential {
        id: CredentialId::new(&account.key.id),
        fields,
    };
    // The emulator shows everything at once.
    (Arc::new(issuer.settling_in(Duration::ZERO)), first)
}

type Shared = Arc<tokio::sync::Mutex<Users>>;

async fn begin((users, folder): (Shared, Arc<TempDir>)) -> (Arc<dyn Issuer>, Credential) {
    let mut users = users.lock().await;
    if users.idle.is_empty() {
        users.more().await;
    }
    let account = users.idle.pop().unwrap();
    let made = principal(&account, folder.path());
    users.given.push(account);
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn dying_anywhere_harms_nothing_with_keys_of_aws() {
    let mut users = Users::default();
    users.more().await;
    let Some(one) = users.idle.last() else {
        return;
    };
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let can = principal(one, folder.path()).0.capabilities();
    let users: Shared = Arc::new(tokio::sync::Mutex::new(users));
    let of_run = (Arc::clone(&users), folder);
    sweep(NativeIssuer {
        name: "aws-iam-key",
        can,
        secret: "secret_access_key",
        fences: false,
        forgets: false,
        begin: Arc::new(move |_, _| Box::pin(begin(of_run.clone()))),
    })
    .await;
    let users = users.lock().await;
    let counted = Account::keys_of(&users.given).await;
    println!("{} users, keys of each: {counted:?}", users.given.len());
    assert_eq!(counted, [1]);
}
