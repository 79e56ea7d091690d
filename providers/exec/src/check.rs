//! `keywheel plugin check`: does a program keep the protocol and the contract?
//!
//! First the transport, as far as it can be seen from outside; then the conformance suite of its role. The
//! suite is real: an issuer mints and revokes, a store writes below `keywheel-check/`. Point the
//! configuration at a place for trying things out.

use crate::client::{Client, Config, Op};
use crate::launch::Launcher;
use crate::process::{End, Finished};
use crate::program::Program;
use crate::scrub::Scrub;
use crate::wire::{Done, Nothing, Role, Verdict};
use crate::{ExecConsumer, ExecIssuer, ExecStore};
use async_trait::async_trait;
use keywheel_contract::conformance::report::{Case, Outcome, Report};
use keywheel_contract::conformance::{consumer, issuer, store};
use keywheel_contract::{
    Consumer, Error, ErrorKind, Issuer, Place, Result, SecretId, SecretStore, SecretValue,
};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};

/// Checks a program in one role. Nothing panics; what is wrong is a failed case of the report.
pub async fn run(program: Program, role: Role, config: Config, launcher: Launcher) -> Report {
    let connected =
        Client::connect::<Value>(program.clone(), config.clone(), launcher.clone(), role).await;
    let mut report = Report::default();
    match connected {
        Ok((client, said)) => {
            transport(&mut report, &client, &said).await;
            let suite = suite(program, role, config, launcher).await;
            match suite {
                Ok(found) => report.cases.extend(found.cases),
                Err(error) => add(&mut report, "it keeps its promises", Err(error.into())),
            }
        }
        Err(error) => add(&mut report, "it describes itself", Err(error.into())),
    }
    report
}

async fn transport(report: &mut Report, client: &Client, said: &Value) {
    add(report, "it describes itself", Ok(()));
    add(
        report,
        "it describes itself alike each time, whatever else a request has",
        described_again(client, said).await,
    );
    add(
        report,
        "an operation that does not exist is invalid",
        unknown_operation(client).await,
    );
    add(
        report,
        "a request that is no JSON is not answered with ok",
        nonsense(client, b"{\"protocol\":").await,
    );
    add(
        report,
        "a request that is empty is not answered with ok",
        nonsense(client, b"").await,
    );
    add(
        report,
        "a value it was sent comes back on neither output",
        silent(client).await,
    );
}

type Found = std::result::Result<(), Wrong>;

enum Wrong {
    Skipped(&'static str),
    Failed(String),
}

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Self::Failed(format!("answered {}: {error}", error.word()))
    }
}

fn add(report: &mut Report, name: &'static str, found: Found) {
    let result = match found {
        Ok(()) => Outcome::Passed,
        Err(Wrong::Skipped(why)) => Outcome::Skipped(why.to_owned()),
        Err(Wrong::Failed(why)) => Outcome::Failed(why),
    };
    report.cases.push(Case { name, result });
}

fn ensure(holds: bool, otherwise: &str) -> Found {
    if holds {
        return Ok(());
    }
    Err(Wrong::Failed(otherwise.to_owned()))
}

async fn described_again(client: &Client, said: &Value) -> Found {
    let request = json!({ "a_field_of_a_later_version": [1] });
    let again = client
        .run::<_, Value>(Op::read("describe"), &request)
        .await?;
    let same = again.value.get("capabilities") == Some(said);
    ensure(same, "its capabilities are others the second time")
}

async fn unknown_operation(client: &Client) -> Found {
    let op = Op::read("keywheel_check_unknown");
    match client.run::<_, Done>(op, &Nothing {}).await {
        Ok(_) => ensure(false, "it answers ok to anything"),
        Err(error) => ensure(
            error.kind == ErrorKind::Invalid,
            &format!("it answers {} instead of invalid", error.word()),
        ),
    }
}

async fn nonsense(client: &Client, input: &[u8]) -> Found {
    let op = harmless(client)?;
    let Finished { end, stdout, .. } = client.exchange(op, input).await?;
    ensure(end != End::Deadline, "it waits for more until its deadline")?;
    let verdict = serde_json::from_slice::<Verdict>(&stdout);
    let taken = matches!(verdict, Ok(Verdict { ok: true, .. }))
        && matches!(end, End::Exited(status) if status.success());
    ensure(!taken, "it answers ok")
}

/// Sends a value in a question whose answer has no reason to repeat it. The question has what each of the
/// operations needs; what one does not know, it ignores.
async fn silent(client: &Client) -> Found {
    let op = first_offered(client, &["test", "identify", "observe", "find"])?;
    let value = json!({ "text": format!("example-{}", unique()?) });
    let question = json!({
        "id": "check/example",
        "fields": { "value": &value },
        "credential": { "id": "keywheel-check", "fields": { "value": &value } },
        "consumer": "example",
        "destination": "main:example",
        "held": [{ "credential": "keywheel-check", "version": null, "value": &value, "strong": true }],
        "published_at_ms": 0,
        "instances": 1,
        "place": at("keywheel-check/unused".to_owned()),
        "mark": { "rotation": "keywheel-check", "token": "0".repeat(64) },
        "payload": &value,
    });
    let request = client.request(op, &question)?;
    let Finished { stdout, stderr, .. } = client.exchange(op, &request).await?;
    let scrub = Scrub::of(&[&request]);
    ensure(!scrub.finds(&stdout), "the answer repeats it")?;
    ensure(!scrub.finds(&stderr.start), "stderr repeats it")
}

/// An operation that changes nothing, so that nonsense can be sent to it.
fn harmless(client: &Client) -> std::result::Result<Op, Wrong> {
    first_offered(client, &["inspect", "observe", "state", "test", "identify"])
}

fn first_offered(client: &Client, names: &[&'static str]) -> std::result::Result<Op, Wrong> {
    let mut ops = names.iter().map(|name| Op::read(name));
    ops.find(|op| client.offers(*op))
        .ok_or(Wrong::Skipped("it has no operation to try this with"))
}

async fn suite(program: Program, role: Role, config: Config, launcher: Launcher) -> Result<Report> {
    Ok(match role {
        Role::Issuer => {
            let issuer = ExecIssuer::connect(program, config, launcher).await?;
            issuer::suite(&TriedIssuer(issuer)).await
        }
        Role::Store => {
            let tried = TriedStore {
                store: ExecStore::connect(program, config, launcher).await?,
                directory: format!("keywheel-check/{}", unique()?),
                places: AtomicU32::new(0),
            };
            store::suite(&tried).await
        }
        Role::Consumer => {
            let consumer = ExecConsumer::connect(program, config, launcher).await?;
            let id = SecretId::new("check", "example")
                .map_err(|error| Error::invalid(error.to_string()))?;
            consumer::suite(&TriedConsumer { consumer, id }).await
        }
    })
}

struct TriedIssuer(ExecIssuer);

#[async_trait]
impl issuer::IssuerHarness for TriedIssuer {
    fn issuer(&self) -> &dyn Issuer {
        &self.0
    }
}

struct TriedStore {
    store: ExecStore,
    /// Unique to this run.
    directory: String,
    places: AtomicU32,
}

#[async_trait]
impl store::StoreHarness for TriedStore {
    fn store(&self) -> &dyn SecretStore {
        &self.store
    }

    async fn fresh_place(&self) -> Place {
        let number = self.places.fetch_add(1, Ordering::Relaxed);
        at(format!("{}/{number}", self.directory))
    }
}

struct TriedConsumer {
    consumer: ExecConsumer,
    id: SecretId,
}

#[async_trait]
impl consumer::ConsumerHarness for TriedConsumer {
    fn consumer(&self) -> &dyn Consumer {
        &self.consumer
    }

    fn id(&self) -> SecretId {
        self.id.clone()
    }

    async fn hold(&self, _: &SecretValue) -> bool {
        false
    }
}

/// A place that holds a whole value.
fn at(path: String) -> Place {
    Place {
        path,
        fields: Vec::new(),
        selector: None,
    }
}

fn unique() -> Result<String> {
    let mut bytes = [0_u8; 16];
    keywheel_contract::draw::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}
