//! AWS's IAM and STS: `moto` with its checks of signatures and rights switched on, behind a shim for what it leaves out.
//! `moto` accepts an inactive key, accepts a signature of any age, knows every key at once and words some refusals in its
//! own way; the shim refuses the first two in AWS's words, and refuses new keys for as long as a test wants. Where this still differs from AWS is listed in
//! `providers/aws/tests/it/iam/deviations.toml`, and a test checks the list. It was not compared with AWS itself.

use super::{Emulator, boto3};
use crate::faults::Faults;
use crate::proxy::pass_on;
use crate::python::Packages;
use crate::serve::{Served, serve};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use chrono::Timelike as _;
use reqwest::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// The policy of the manual; `moto` looks at its actions only.
const POLICY: &str = include_str!("../../../../providers/aws/iam-policy.json");

/// Makes, as the one who may do all, users with a key in use and for each one who may rotate it.
const FURNISH: &str = "
import boto3, json, sys
address, root, secret, users, policy = sys.argv[1:]
policy = json.loads(policy)
policy['Statement'][0]['Resource'] = '*'
c = boto3.client('iam', region_name='us-east-1', endpoint_url=address, aws_access_key_id=root,
    aws_secret_access_key=secret)
def key(user):
    made = c.create_access_key(UserName=user)['AccessKey']
    return {'id': made['AccessKeyId'], 'secret': made['SecretAccessKey']}
def furnish(user):
    c.create_user(UserName=user, Path='/team/')
    c.create_user(UserName='keywheel-' + user)
    c.put_user_policy(UserName='keywheel-' + user, PolicyName='rotate', PolicyDocument=json.dumps(policy))
    return {'key': key(user), 'admin': key('keywheel-' + user)}
print(json.dumps([furnish(user) for user in users.split()]))
";

/// How many keys users have, each number once.
const COUNT: &str = "
import boto3, json, sys
address, root, secret, users = sys.argv[1:]
c = boto3.client('iam', region_name='us-east-1', endpoint_url=address, aws_access_key_id=root,
    aws_secret_access_key=secret)
print(json.dumps(sorted({len(c.list_access_keys(UserName=user)['AccessKeyMetadata']) for user in users.split()})))
";

/// Makes the one who may do all, while nobody is asked who they are.
const ROOT: &str = "
import boto3, json, sys
c = boto3.client('iam', region_name='us-east-1', endpoint_url=sys.argv[1], aws_access_key_id='EXAMPLE',
    aws_secret_access_key='example')
c.create_user(UserName='root')
c.put_user_policy(UserName='root', PolicyName='all', PolicyDocument=json.dumps({
    'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': '*'}]}))
made = c.create_access_key(UserName='root')['AccessKey']
print(json.dumps({'id': made['AccessKeyId'], 'secret': made['SecretAccessKey']}))
";

/// An access key.
#[derive(Debug, Clone, Deserialize)]
pub struct Pair {
    /// Its id.
    pub id: String,
    /// What proves it.
    pub secret: String,
}

/// What was made for one user.
#[derive(Deserialize)]
struct Made {
    key: Pair,
    admin: Pair,
}

/// One `moto` for a whole test binary.
struct Moto {
    emulator: Emulator,
    root: Pair,
    witness: Packages,
}

static MOTO: OnceCell<Option<Moto>> = OnceCell::const_new();

/// A user with one key in use, and who may rotate it; behind a shim of its own.
pub struct Account {
    /// Where IAM and STS are called.
    pub address: String,
    /// The user's name.
    pub user: String,
    /// The key in use.
    pub key: Pair,
    /// The key of the one who may rotate it, and nothing else.
    pub admin: Pair,
    /// What may do everything.
    pub root: Pair,
    /// What the shim does wrong.
    pub faults: Faults,
    shim: Shim,
    _served: Served,
}

/// How the shim behaves; copies share it.
#[derive(Clone)]
struct Shim {
    emulator: String,
    client: Client,
    habits: Arc<Mutex<Habits>>,
}

#[derive(Default)]
struct Habits {
    /// Keys that were made, or made inactive, and when.
    made: HashMap<String, Instant>,
    ended: HashMap<String, Instant>,
    /// How long a new key is refused, and an inactive one still accepted.
    refused_for: Duration,
    lives_for: Duration,
    /// How far its clock is ahead of ours, in seconds.
    ahead: i64,
    /// Uses from that second on are dated so much later.
    later: Option<(chrono::NaiveDateTime, chrono::TimeDelta)>,
}

impl Account {
    /// One more user of that name; `None` where the emulator cannot be installed, with the reason printed.
    pub async fn with(user: &str) -> Option<Self> {
        Self::several(&[user.to_owned()]).await?.pop()
    }

    /// One more user of each name.
    pub async fn several(users: &[String]) -> Option<Vec<Self>> {
        let moto = MOTO.get_or_init(Moto::start).await.as_ref()?;
        let made: Vec<Made> = moto.asked(FURNISH, &[&users.join(" "), POLICY]);
        let mut accounts = Vec::new();
        for (user, made) in users.iter().zip(made) {
            accounts.push(Self::of(moto, user, made).await);
        }
        Some(accounts)
    }

    /// How many keys these users have by the word of AWS's own client, each number once.
    pub async fn keys_of(accounts: &[Self]) -> Vec<usize> {
        let users: Vec<&str> = accounts.iter().map(|one| one.user.as_str()).collect();
        let moto = MOTO.get_or_init(Moto::start).await.as_ref();
        moto.map_or_else(Vec::new, |moto| moto.asked(COUNT, &[&users.join(" ")]))
    }

    async fn of(moto: &Moto, user: &str, made: Made) -> Self {
        let shim = Shim {
            emulator: moto.emulator.address.clone(),
            client: Client::new(),
            habits: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(shim.clone());
        let served = serve(router, None).await;
        Self {
            address: served.address.clone(),
            user: user.to_owned(),
            key: made.key,
            admin: made.admin,
            root: moto.root.clone(),
            faults: served.faults.clone(),
            shim,
            _served: served,
        }
    }

    /// From now on a new key is refused for this long.
    pub fn refuse_new_for(&self, long: Duration) {
        self.shim.habits.lock().unwrap().refused_for = long;
    }

    /// From now on an inactive key is accepted for this long.
    pub fn inactive_lives_for(&self, long: Duration) {
        self.shim.habits.lock().unwrap().lives_for = long;
    }

    /// From now on its clock is this far ahead of ours, or behind; seconds.
    pub fn clock_ahead(&self, seconds: i64) {
        self.shim.habits.lock().unwrap().ahead = seconds;
    }
}

impl Account {
    /// As if so much time went by: uses from this second on are dated that much later.
    pub fn uses_are_later_by(&self, seconds: i64) {
        let now = chrono::Utc::now().naive_utc();
        let second = now.with_nanosecond(0).unwrap_or(now);
        let later = chrono::TimeDelta::seconds(seconds);
        self.shim.habits.lock().unwrap().later = Some((second, later));
    }
}

impl Moto {
    async fn start() -> Option<Self> {
        let (emulator, witness) = (Emulator::moto().await?, boto3()?);
        let root = witness.run(ROOT, &[&emulator.address], "");
        let enforce = format!("{}/moto-api/reset-auth", emulator.address);
        let asked = Client::new().post(enforce).body("0").send().await;
        assert!(asked.unwrap().status().is_success());
        Some(Self {
            emulator,
            root: serde_json::from_str(&root).unwrap(),
            witness,
        })
    }

    /// What a script says, run as the one who may do all.
    fn asked<T: DeserializeOwned>(&self, script: &str, more: &[&str]) -> T {
        let root = [&self.emulator.address, &self.root.id, &self.root.secret];
        let mut arguments = root.map(String::as_str).to_vec();
        arguments.extend(more);
        serde_json::from_str(&self.witness.run(script, &arguments, "")).unwrap()
    }
}

async fn answer(State(shim): State<Shim>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let objection = shim.habits.lock().unwrap().objects(&head.headers);
    if let Some(code) = objection {
        return shim.refuse(code);
    }
    let asked = Request::from_parts(head, Body::from(body.clone()));
    let upstream = (shim.emulator.clone(), shim.client.clone());
    let (mut head, told) = pass_on(State(upstream), asked).await.into_parts();
    let told = axum::body::to_bytes(told, usize::MAX).await.unwrap();
    if head.status.is_success() {
        shim.habits.lock().unwrap().notice(&body, &told);
    }
    head.headers.insert("date", shim.date().parse().unwrap());
    let told = shim.habits.lock().unwrap().dated(unwrapped(&told));
    Response::from_parts(head, Body::from(told))
}

/// `moto` wraps what it refuses for who one is once more than AWS does, so that only lenient clients find the code.
fn unwrapped(told: &Bytes) -> String {
    let told = String::from_utf8_lossy(told);
    told.replace("<Errors>", "").replace("</Errors>", "")
}

impl Shim {
    fn date(&self) -> String {
        let ahead = self.habits.lock().unwrap().ahead;
        let date = chrono::Utc::now() + chrono::TimeDelta::seconds(ahead);
        date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    fn refuse(&self, code: &str) -> Response<Body> {
        let told = format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>refused</Message></Error><RequestId>example</RequestId></ErrorResponse>"
        );
        let response = Response::builder().status(403).header("date", self.date());
        let response = response.header("content-type", "text/xml");
        response.body(Body::from(told)).unwrap()
    }
}

impl Habits {
    /// The code that a request is refused with before `moto` sees it.
    fn objects(&self, headers: &HeaderMap) -> Option<&'static str> {
        let text = |name: &str| headers.get(name).and_then(|text| text.to_str().ok());
        let signed = text("x-amz-date")
            .and_then(|at| chrono::NaiveDateTime::parse_from_str(at, "%Y%m%dT%H%M%SZ").ok());
        let theirs = chrono::Utc::now().naive_utc() + chrono::TimeDelta::seconds(self.ahead);
        if signed.is_some_and(|at| (theirs - at).num_seconds().abs() > 300) {
            return Some("SignatureDoesNotMatch");
        }
        let key = between(text("authorization")?, "Credential=", "/")?;
        let younger = |since: &Instant, limit| since.elapsed() < limit;
        let new = self.made.get(key);
        let ended = self.ended.get(key);
        let refused = new.is_some_and(|since| younger(since, self.refused_for))
            || ended.is_some_and(|since| !younger(since, self.lives_for));
        refused.then_some("InvalidClientTokenId")
    }

    /// The last use of a key as it would be told if time had gone by.
    fn dated(&self, told: String) -> String {
        let date = between(&told, "<LastUsedDate>", "</LastUsedDate>");
        let (Some(date), Some((since, later))) = (date, self.later) else {
            return told;
        };
        let read = chrono::DateTime::parse_from_rfc3339(date).unwrap();
        match read.naive_utc() >= since {
            true => told.replace(
                date,
                &(read + later).to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            ),
            false => told.clone(),
        }
    }

    /// What was done.
    fn notice(&mut self, asked: &Bytes, told: &Bytes) {
        let (asked, told) = (
            String::from_utf8_lossy(asked),
            String::from_utf8_lossy(told),
        );
        match between(&asked, "Action=", "&") {
            Some("CreateAccessKey") => {
                let id = between(&told, "<AccessKeyId>", "</AccessKeyId>").unwrap();
                self.made.insert(id.to_owned(), Instant::now());
            }
            Some("UpdateAccessKey") => {
                let id = parameter(&asked, "AccessKeyId").to_owned();
                match parameter(&asked, "Status") {
                    "Inactive" => {
                        self.ended.entry(id).or_insert_with(Instant::now);
                    }
                    _ => {
                        self.ended.remove(&id);
                    }
                }
            }
            _ => {}
        }
    }
}

fn between<'t>(text: &'t str, from: &str, to: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(from)?;
    Some(rest.split_once(to).map_or(rest, |(inside, _)| inside))
}

/// A parameter of a form; what these tests send needs no decoding.
fn parameter<'t>(form: &'t str, name: &str) -> &'t str {
    let found = form.split('&').find_map(|part| {
        let (key, value) = part.split_once('=')?;
        (key == name).then_some(value)
    });
    found.unwrap_or_default()
}
