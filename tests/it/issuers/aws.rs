//! Rotations of IAM access keys under load.

use super::load::{Door, Guarded, Held, Load};
use async_trait::async_trait;
use keywheel_test_servers::aws::boto3;
use keywheel_test_servers::aws::iam::Account;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// AWS's own client: for each line a login over a connection of its own, asking who the key is.
const LOGS_IN: &str = "
import boto3, sys
from botocore.config import Config
session, once = boto3.session.Session(), Config(retries={'total_max_attempts': 1})
for line in sys.stdin:
    id, secret = line.split()
    try:
        client = session.client('sts', region_name='us-east-1', endpoint_url=sys.argv[1], aws_access_key_id=id,
            aws_secret_access_key=secret, config=once)
        client.get_caller_identity()
        print('in', flush=True)
    except Exception as refused:
        print(repr(refused), flush=True)
";

const FIELDS: &[(&str, &str)] = &[
    ("AWS_ACCESS_KEY_ID", "{access_key_id}"),
    ("AWS_SECRET_ACCESS_KEY", "{secret_access_key}"),
];
const SECRETS: usize = 4;
const ROUNDS: usize = 50;
const CLIENTS: usize = 1;

/// Processes of AWS's own client, as many as log in at once.
struct Clients {
    running: Vec<Arc<Mutex<Running>>>,
    next: AtomicUsize,
    // The emulator's shims.
    _accounts: Vec<Account>,
}

struct Running {
    child: Child,
    asked: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Running {
    fn start(address: &str) -> Self {
        let mut command = boto3().unwrap().command("python3");
        command.args(["-c", LOGS_IN, address]);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        Self {
            asked: child.stdin.take().unwrap(),
            told: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn log_in(&mut self, line: &str) -> Result<(), String> {
        writeln!(self.asked, "{line}").unwrap();
        let mut told = String::new();
        self.told.read_line(&mut told).unwrap();
        match told.trim() {
            "in" => Ok(()),
            other => Err(other.to_owned()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[async_trait]
impl Door for Clients {
    async fn log_in(&self, held: &Held) -> Result<(), String> {
        let key = |name: &str| held[name].as_str();
        let line = FIELDS.iter().map(|(name, _)| key(name));
        let line = line.collect::<Vec<_>>().join(" ");
        let number = self.next.fetch_add(1, Ordering::Relaxed) % self.running.len();
        let client = Arc::clone(&self.running[number]);
        let asked = tokio::task::spawn_blocking(move || client.lock().unwrap().log_in(&line));
        asked.await.unwrap()
    }
}

fn issuer(account: &Account) -> String {
    format!(
        "issuer = {{ kind = \"aws-iam-key\", user = \"{0}\", endpoint = \"{1}\", sts_endpoint = \"{1}\", \
         access_key = {{ id = {{ file = \"{0}-id\" }}, secret = {{ file = \"{0}-secret\" }} }} }}",
        account.user, account.address
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_rotations_cost_no_client_a_login() {
    let (mut secrets, mut files, mut accounts) = (Vec::new(), Vec::new(), Vec::new());
    for name in ["one", "two", "three", "four"] {
        let Some(account) = Account::with(name).await else {
            return;
        };
        files.push((format!("{name}-id"), account.admin.id.clone()));
        files.push((format!("{name}-secret"), account.admin.secret.clone()));
        let old = [
            ("AWS_ACCESS_KEY_ID", account.key.id.clone()),
            ("AWS_SECRET_ACCESS_KEY", account.key.secret.clone()),
        ];
        secrets.push(Guarded {
            name: name.to_owned(),
            issuer: issuer(&account),
            old: old.map(|(key, value)| (key.to_owned(), value)).into(),
        });
        accounts.push(account);
    }
    let start = |account: &Account| Arc::new(Mutex::new(Running::start(&account.address)));
    let door = Clients {
        running: accounts.iter().map(start).collect(),
        next: AtomicUsize::new(0),
        _accounts: accounts,
    };
    let load = Load {
        title: "AWS IAM access keys, at an emulator",
        fields: FIELDS,
        proof: "AWS_SECRET_ACCESS_KEY",
        secrets,
        rounds: ROUNDS,
        clients: CLIENTS,
        pause: Duration::from_millis(50),
        door: Arc::new(door),
        refusals: &["InvalidClientTokenId"],
        config: String::new(),
        files,
    };
    load.run().await.misses_nothing(SECRETS * ROUNDS, SECRETS);
}
