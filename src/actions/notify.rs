//! `notify`: tells one consumer to read again, now; the commonest cure at night.

use super::ours::Ours;
use super::tools::Tools;
use super::vouch::no_such_consumer;
use super::{ActionError, Person, Refused, known, record, under_way};
use crate::inventory::{ConsumerSpec, Definition, Destination};
use crate::journal::audit::Entry;
use crate::journal::rotations::{self, Run};
use crate::journal::{self, Journal, Tx, secrets};
use crate::providers::Outside;
use crate::rotation::values::proof_field;
use keywheel_contract::{Consumer, CredentialId, Notice, RotationId, VersionId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A consumer that was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notified {
    /// The destination it reads, `store:path`.
    pub destination: String,
    /// The version served there.
    pub version: String,
    /// The phase of the rotation that waits for it, where one is under way.
    pub phase: Option<String>,
}

/// Tells a consumer to read again. What is asked and what came of it are two audit rows.
///
/// # Errors
/// There is no such consumer or no way to tell it, the call failed, or the journal did.
pub async fn notify(
    journal: &Journal,
    tools: &Tools,
    id: &str,
    consumer: &str,
    person: &Person,
) -> Result<Notified, ActionError> {
    let (plan, run) = subject(journal, id, consumer).await?;
    let outside = tools.outside(&plan, None).await?;
    let spec = &plan.consumers[consumer];
    let told = outside
        .consumers
        .get(consumer)
        .filter(|c| c.capabilities().notifies);
    let Some(told) = told else {
        let why = format!("there is no way to tell {consumer} of {id}: its `notify` is none");
        return Err(Refused::new(why)
            .next(format!("restart it, then keywheel prove {id}"))
            .into());
    };
    let ours = Ours::of(journal, tools, id).await?;
    let (destination, version, credential) = served(&plan, spec, &outside, &ours).await?;
    let rotation = run.as_ref().map(|run| run.id.clone());
    let notice = Notice {
        id: plan.id.clone(),
        consumer: consumer.to_owned(),
        destination: destination.clone(),
        version: VersionId::new(&version),
        credential,
        rotation: by_hand(),
    };
    let mut entry = person.entry(run.as_ref(), "notify_by_hand", "asked");
    consumer.clone_into(&mut entry.destination);
    entry.evidence.clone_from(&version);
    call(journal, id, rotation, told.as_ref(), &notice, entry).await?;
    Ok(Notified {
        destination,
        version,
        phase: run.map(|run| run.phase.word().to_owned()),
    })
}

/// Another name for each notice of a person: a workload restarts each time, and never takes the rotation's own notice
/// for one that it had already.
fn by_hand() -> RotationId {
    RotationId::new(format!("by-hand-{}", uuid::Uuid::now_v7()))
}

/// The plan that names the consumer today, and the rotation under way.
async fn subject(
    journal: &Journal,
    id: &str,
    consumer: &str,
) -> Result<(Arc<Definition>, Option<Run>), ActionError> {
    let (id, consumer) = (id.to_owned(), consumer.to_owned());
    let judged = journal
        .read(async move |tx| {
            if let Err(refused) = known(tx, &id).await? {
                return Ok(Err(refused));
            }
            let run = under_way(tx, &id).await?;
            let today = secrets::definition(tx, &id).await?;
            let today = today.map(Arc::new);
            let Some(plan) = today.or_else(|| run.as_ref().map(|run| run.plan.clone())) else {
                return Ok(Err(Refused::new(format!(
                    "{id} is retired; nobody is told"
                ))));
            };
            if !plan.consumers.contains_key(&consumer) {
                let listed: BTreeSet<&String> = plan.consumers.keys().collect();
                return Ok(Err(no_such_consumer(&id, &consumer, &listed)));
            }
            Ok(Ok((plan, run)))
        })
        .await?;
    Ok(judged?)
}

/// The destination that a consumer reads: named by it, else the main one.
pub(super) fn read_by<'a>(plan: &'a Definition, spec: &ConsumerSpec) -> Option<&'a Destination> {
    let named = |d: &&Destination| {
        let reads = spec.reads.as_deref();
        reads.is_none_or(|name| d.name() == name || d.store.name == name)
    };
    plan.destinations.iter().find(named)
}

/// The destination that it reads, the version served there, and what that holds, where it can be read.
async fn served(
    plan: &Definition,
    spec: &ConsumerSpec,
    outside: &Outside,
    ours: &Ours,
) -> Result<(String, String, Option<CredentialId>), ActionError> {
    let Some(destination) = read_by(plan, spec) else {
        return Ok((String::new(), String::new(), None));
    };
    let name = destination.name();
    let target = &outside.destinations[&name];
    let seen = target.store.inspect(&target.place).await;
    let seen = seen.map_err(|error| ActionError::Outside {
        what: format!("looking at {name}"),
        error,
    })?;
    let Some(version) = seen.current else {
        return Ok((name, String::new(), None));
    };
    // Who cannot read there can still say that there is something new.
    let document = target.store.read(&target.place, &version).await.ok();
    let value = document
        .as_ref()
        .and_then(|d| d.proof_value(proof_field(destination)));
    let found = value.and_then(|value| ours.found(value));
    let credential = found.map(|row| CredentialId::new(&row.id));
    Ok((name, version.as_str().to_owned(), credential))
}

/// The intent, the call with no transaction open, the outcome.
async fn call(
    journal: &Journal,
    id: &str,
    rotation: Option<RotationId>,
    consumer: &dyn Consumer,
    notice: &Notice,
    asked: Entry,
) -> Result<(), ActionError> {
    noted(journal, id, rotation.clone(), asked.clone()).await?;
    let told = consumer.notify(notice).await;
    let outcome = match &told {
        Ok(()) => "applied",
        Err(error) => error.word(),
    };
    let ended = Entry {
        outcome: outcome.to_owned(),
        ..asked
    };
    noted(journal, id, rotation, ended).await?;
    told.map_err(|error| ActionError::Outside {
        what: format!("{} was asked to read again and did not", notice.consumer),
        error,
    })
}

async fn noted(
    journal: &Journal,
    id: &str,
    rotation: Option<RotationId>,
    entry: Entry,
) -> Result<(), journal::Error> {
    let id = id.to_owned();
    journal
        .write(async move |tx: &mut Tx| {
            let mut run = match &rotation {
                Some(rotation) => rotations::touch(tx, rotation).await?,
                None => None,
            };
            record(tx, &id, run.as_mut(), entry.clone()).await
        })
        .await
}
