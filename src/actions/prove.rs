//! `prove`: tries every consumer's proof on the value in use, and changes nothing.

use super::notify::read_by;
use super::ours::Ours;
use super::tools::Tools;
use super::{ActionError, Refused, known};
use crate::inventory::{ConsumerSpec, Definition, Destination, VerifySpec};
use crate::journal::{Journal, secrets};
use crate::providers::Outside;
use crate::rotation::values::{proof_field, recover};
use keywheel_contract::{
    CredentialId, Document, Error, Held, Holding, Observation, Question, Result as ProviderResult,
    Strength,
};

/// Below this many bits a proof could be guessed from, so that it counts as a claim only.
const STRONG_BITS: u32 = 80;

/// What one consumer showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The secret.
    pub id: String,
    /// The consumer.
    pub consumer: String,
    /// The destination it reads, and the version served there.
    pub reads: String,
    /// The weakest evidence accepted.
    pub asked: Strength,
    /// How many distinct instances must answer.
    pub instances: u32,
    /// One for each instance that answered.
    pub shown: Vec<Shown>,
    /// What is wrong with the consumer as a whole; empty where it is proven.
    pub wrong: String,
}

/// What one instance showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Which running copy.
    pub instance: String,
    /// How we know.
    pub evidence: Strength,
    /// What is wrong; empty where it is proven.
    pub wrong: String,
}

impl Proof {
    /// Whether enough instances showed the value in use.
    pub fn is_proven(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// Asks every consumer of a secret for its proof of the value served now.
///
/// # Errors
/// The secret is not in force, its systems cannot be reached, or the journal failed. A consumer that does not
/// prove is no error: see [`Proof::is_proven`].
pub async fn prove(journal: &Journal, tools: &Tools, id: &str) -> Result<Vec<Proof>, ActionError> {
    let named = id.to_owned();
    let judged = journal
        .read(async move |tx| {
            if let Err(refused) = known(tx, &named).await? {
                return Ok(Err(refused));
            }
            let definition = secrets::definition(tx, &named).await?;
            Ok(definition
                .ok_or_else(|| Refused::new(format!("{named} is retired; nobody is asked"))))
        })
        .await?;
    let definition = judged?;
    let outside = tools.outside(&definition, None).await?;
    let ours = Ours::of(journal, tools, id).await?;
    let mut proofs = Vec::with_capacity(definition.consumers.len());
    for (name, spec) in &definition.consumers {
        proofs.push(one(&definition, &outside, &ours, name, spec).await);
    }
    Ok(proofs)
}

async fn one(
    plan: &Definition,
    outside: &Outside,
    ours: &Ours,
    name: &str,
    spec: &ConsumerSpec,
) -> Proof {
    let mut proof = Proof {
        id: plan.id.to_string(),
        consumer: name.to_owned(),
        reads: String::new(),
        asked: spec.proof.unwrap_or(plan.timing.proof),
        instances: spec.instances.max(1),
        shown: Vec::new(),
        wrong: String::new(),
    };
    if let VerifySpec::None { why } = &spec.verify {
        proof.wrong =
            format!("it cannot be seen ({why}); a rotation waits until a person vouches for it");
        return proof;
    }
    let Some(destination) = read_by(plan, spec) else {
        proof.wrong = "it reads no destination of this secret".to_owned();
        return proof;
    };
    proof.reads = destination.name();
    match asked(plan, outside, ours, destination, &mut proof).await {
        Ok(seen) => judge(&mut proof, seen),
        Err(error) => proof.wrong = error.message,
    }
    proof
}

async fn asked(
    plan: &Definition,
    outside: &Outside,
    ours: &Ours,
    destination: &Destination,
    proof: &mut Proof,
) -> ProviderResult<Vec<Observation>> {
    let (consumer, name) = (proof.consumer.as_str(), destination.name());
    let target = &outside.destinations[&name];
    let seen = target.store.inspect(&target.place).await?;
    let nothing = || Error::not_found(format!("{name} is empty: there is no value to prove"));
    let version = seen.current.ok_or_else(nothing)?;
    proof.reads = format!("{name} {version}");
    let document = target.store.read(&target.place, &version).await?;
    let value = document
        .proof_value(proof_field(destination))
        .ok_or_else(nothing)?;
    let issuer_ref = named_by_issuer(plan, outside, consumer, destination, &document).await?;
    let found = ours.found(value);
    // Another secret in the same document may have been written since.
    let published_ms = found
        .and_then(|row| row.published_ms)
        .or(seen.written_at_ms);
    let held = [Held {
        credential: &CredentialId::new(found.map_or("current", |row| row.id.as_str())),
        issuer_ref: issuer_ref.as_ref(),
        version: Some(&version),
        value,
        strong: is_strong(outside),
    }];
    let question = Question {
        id: &plan.id,
        consumer,
        destination: &name,
        held: &held,
        published_at_ms: published_ms.unwrap_or(0),
        instances: proof.instances,
    };
    let asked = outside.consumers.get(consumer);
    let asked = asked.ok_or_else(|| Error::invalid(format!("{consumer} is not configured")))?;
    asked.observe(&question).await
}

/// What the issuer calls the value in use, where the consumer is seen by that name.
async fn named_by_issuer(
    plan: &Definition,
    outside: &Outside,
    consumer: &str,
    destination: &Destination,
    document: &Document,
) -> ProviderResult<Option<CredentialId>> {
    let spec = plan.consumers.get(consumer);
    match spec.map(|spec| &spec.verify) {
        Some(VerifySpec::Sessions { .. }) => {
            let fields = recover(destination, document);
            outside.issuer.identify(&fields).await
        }
        _ => Ok(None),
    }
}

fn is_strong(outside: &Outside) -> bool {
    let bits = outside.issuer.capabilities().entropy_bits;
    bits.is_some_and(|bits| bits >= STRONG_BITS)
}

fn judge(proof: &mut Proof, seen: Vec<Observation>) {
    let asked = proof.asked;
    proof.shown = seen.into_iter().map(|one| shown(one, asked)).collect();
    let proven = proof
        .shown
        .iter()
        .filter(|one| one.wrong.is_empty())
        .count();
    let wanted = usize::try_from(proof.instances).unwrap_or(usize::MAX);
    if proof.shown.is_empty() {
        proof.wrong = "nobody answered".to_owned();
    } else if proven < wanted {
        proof.wrong = format!("{proven} of {wanted} instances prove the value in use");
    }
}

fn shown(seen: Observation, asked: Strength) -> Shown {
    let wrong = match seen.holding {
        Holding::Credential(_) if seen.strength >= asked => String::new(),
        Holding::Credential(_) => {
            format!("{} is weaker than {}", seen.strength.word(), asked.word())
        }
        Holding::Other => "it holds another value".to_owned(),
        Holding::Unknown => format!("cannot be told: {}", seen.detail),
    };
    Shown {
        instance: seen.instance,
        evidence: seen.strength,
        wrong,
    }
}
