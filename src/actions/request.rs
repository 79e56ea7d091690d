//! `rotate-now`: what a rotation would touch, whether it may be asked for, and the asking.

use super::tools::Tools;
use super::{ActionError, Judged, Person, Refused, known, under_way};
use crate::inventory::{Definition, Manage};
use crate::journal::ledger;
use crate::journal::requests::{self, Request};
use crate::journal::rotations::Run;
use crate::journal::secrets::Secret;
use crate::journal::{Journal, Tx, audit, secrets, spares};
use crate::rotation::leaks;
use crate::rotation::phase::Phase;
use crate::rotation::plan::long_outage;
use crate::rotation::words::{Cause, Kind, Mode};
use keywheel_contract::{IssuerCapabilities, Style};

/// What is asked for, alike for every secret of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// How it is to be run.
    pub mode: Mode,
    /// What leaked: `current`, `previous` or a credential's id; `None` where nothing was named.
    pub credential: Option<String>,
    /// An outage is accepted in so many words.
    pub accept_outage: bool,
    /// When the leak was reported, epoch milliseconds.
    pub reported_ms: i64,
}

impl Asked {
    /// A leak, or a way that only a leak justifies.
    pub fn is_emergency(&self) -> bool {
        self.mode != Mode::Normal || self.credential.is_some()
    }

    fn cause(&self) -> Cause {
        match self.is_emergency() {
            true => Cause::Emergency,
            false => Cause::Manual,
        }
    }
}

/// What one rotation would touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Radius {
    /// The secret.
    pub id: String,
    /// Its environment.
    pub environment: String,
    /// Who owns it.
    pub owner: String,
    /// What breaks when it does.
    pub impact: Option<String>,
    /// Where it is published.
    pub destinations: Vec<String>,
    /// Who uses it, with how many instances.
    pub consumers: Vec<(String, u32)>,
    /// What can be undone, and until when.
    pub undo: String,
    /// Why an outage is to be expected; empty where none is.
    pub outage: String,
    /// The phase of the rotation under way, where there is one.
    pub under_way: Option<String>,
    /// Why it takes a second rotation until everything that leaked is ended; `None` where one does it.
    pub another: Option<&'static str>,
}

/// Judges whether a rotation may be asked for, and what it would touch. Changes nothing.
///
/// # Errors
/// A rule forbids it, its issuer cannot be reached, or the journal failed.
pub async fn radius(
    journal: &Journal,
    tools: &Tools,
    id: &str,
    asked: &Asked,
) -> Result<Radius, ActionError> {
    let (named, wanted) = (id.to_owned(), asked.clone());
    let judged = journal
        .read(async move |tx| judge(tx, &named, &wanted).await)
        .await?;
    let Verdict {
        definition,
        run,
        another,
        has_next,
    } = judged?;
    let outside = tools.outside(&definition, None).await?;
    let can = outside.issuer.capabilities();
    if asked.mode == Mode::Contain
        && !asked.accept_outage
        && let Some(why) = long_outage(&can, has_next)
    {
        return Err(Refused::new(format!(
            "{id} cannot be contained without a longer outage: {why}; nothing was changed"
        ))
        .next(format!(
            "keywheel rotate-now {id} --mode cutover --reason \"…\"   (no outage), or add --accept-outage"
        ))
        .into());
    }
    let mut radius = described(&definition, run.as_ref(), &can, asked);
    radius.another = another;
    Ok(radius)
}

/// What the journal says of a request.
struct Verdict {
    definition: Definition,
    run: Option<Run>,
    another: Option<&'static str>,
    /// Whether nobody has to make the credential that is to follow: it is made already, or a spare is ready.
    has_next: bool,
}

fn is_made(run: &Run) -> bool {
    run.candidate.is_some() && run.phase < Phase::Completed && run.phase != Phase::Restoring
}

async fn judge(tx: &mut Tx, id: &str, asked: &Asked) -> Judged<Verdict> {
    let secret = match known(tx, id).await? {
        Ok(secret) => secret,
        Err(refused) => return Ok(Err(refused)),
    };
    let Some(definition) = secrets::definition(tx, id).await? else {
        return Ok(Err(Refused::new(format!(
            "{id} is retired; nothing of it is rotated any more"
        ))));
    };
    if let Some(refused) = held_back(tx.now_ms(), &secret, &definition, asked.mode) {
        return Ok(Err(refused));
    }
    if let Some(refused) = over_already(tx, &definition, asked).await? {
        return Ok(Err(refused));
    }
    let run = under_way(tx, id).await?;
    let another = match run
        .as_ref()
        .filter(|run| run.exclusive && asked.is_emergency())
    {
        Some(run) => another(tx, run, asked).await?,
        None => None,
    };
    let has_next =
        run.as_ref().is_some_and(is_made) || !tx.all(spares::ready(id)).await?.is_empty();
    Ok(Ok(Verdict {
        definition,
        run,
        another,
        has_next,
    }))
}

fn held_back(now_ms: i64, secret: &Secret, definition: &Definition, mode: Mode) -> Option<Refused> {
    let id = &secret.id;
    if definition.manage == Manage::Track {
        let origin = &definition.origin;
        let why = format!(
            "{id} is only tracked (`manage = \"track\"`, {}:{}); keywheel does not rotate it",
            origin.file, origin.line
        );
        return Some(
            Refused::new(why)
                .next("set `manage` to \"approve\" or \"auto\", then keywheel inventory apply"),
        );
    }
    if secret.is_paused(now_ms) && mode != Mode::Contain {
        let by = secret.paused_by.as_deref().unwrap_or_default();
        let reason = secret.paused_reason.as_deref().unwrap_or_default();
        let why =
            format!("{id} is paused by {by} ({reason}); only `--mode contain` overrides a pause");
        return Some(Refused::new(why).next(format!("keywheel resume {id}")));
    }
    None
}

/// A credential named as leaked that is over already, or that is not one of this secret's.
async fn over_already(
    tx: &mut Tx,
    plan: &Definition,
    asked: &Asked,
) -> crate::journal::Result<Option<Refused>> {
    let id = plan.id.as_str();
    let Some(word) = asked
        .credential
        .as_deref()
        .filter(|word| *word != "current")
    else {
        return Ok(None);
    };
    let all = ledger::credentials(tx, id).await?;
    let current = leaks::in_use(tx, plan).await?;
    let Some(leaked) = leaks::find(&all, word, current.as_deref()) else {
        let known: Vec<&str> = all
            .iter()
            .filter_map(|row| row.issuer_ref.as_deref())
            .collect();
        let why = format!(
            "{id} has no credential `{word}`; known at its issuer: {}",
            known.join(", ")
        );
        return Ok(Some(Refused::new(why)));
    };
    let over = leaks::is_over(leaked);
    let why = format!(
        "that credential of {id} is {} already; the one in use is another and is not touched",
        leaked.state
    );
    Ok(over.then(|| Refused::new(why).next(format!("keywheel history {id}"))))
}

/// Why the rotation under way does not end everything that leaked.
async fn another(
    tx: &mut Tx,
    run: &Run,
    asked: &Asked,
) -> crate::journal::Result<Option<&'static str>> {
    let word = asked.credential.as_deref().unwrap_or("all");
    let leaked = leaks::named(tx, &run.plan, word).await?;
    if !leaks::needs_another(run, &leaked) {
        return Ok(None);
    }
    let effects = ledger::effects(tx, run.id.as_str()).await?;
    let past_return = effects.iter().any(|effect| Kind::is_final(effect.kind));
    Ok(Some(match (run.phase, past_return) {
        (Phase::Restoring, _) => {
            "the one under way goes back to the credential that leaked; one of its own follows at once"
        }
        (_, true) => {
            "the one under way ends its old credential for good; one of its own starts beside it"
        }
        (_, false) => {
            "the one under way is hurried, but its new credential was published before the report and counts \
             as leaked; a second one follows it"
        }
    }))
}

fn described(
    plan: &Definition,
    run: Option<&Run>,
    can: &IssuerCapabilities,
    asked: &Asked,
) -> Radius {
    Radius {
        id: plan.id.to_string(),
        environment: plan.id.environment().to_owned(),
        owner: plan.owner.clone(),
        impact: plan.impact.clone(),
        destinations: plan.destinations.iter().map(|d| d.name()).collect(),
        consumers: plan
            .consumers
            .iter()
            .map(|(name, spec)| (name.clone(), spec.instances.max(1)))
            .collect(),
        undo: undo(plan, can, asked.mode),
        outage: outage(can, asked.mode).to_owned(),
        under_way: run.map(|run| run.phase.word().to_owned()),
        another: None,
    }
}

fn undo(plan: &Definition, can: &IssuerCapabilities, mode: Mode) -> String {
    match (mode, can.style) {
        (Mode::Contain, _) => "nothing: a leaked credential is not brought back".to_owned(),
        (_, Style::InPlace) if !can.reuse => {
            "nothing once the new value is applied: the issuer takes no old one again".to_owned()
        }
        (Mode::Normal, _) if can.reversible => format!(
            "everything until the old one is revoked: {} after its last proof, then {} disabled",
            plan.timing.overlap, plan.timing.undo
        ),
        _ => "everything until every consumer is proven on the new one".to_owned(),
    }
}

fn outage(can: &IssuerCapabilities, mode: Mode) -> &'static str {
    match (mode, can.style) {
        (Mode::Contain, _) => {
            "from the end of the leaked credential until every consumer has the new one"
        }
        (_, Style::InPlace) => "from applying the new value until every consumer has read it",
        _ => "",
    }
}

/// Writes the request and its audit row; answers with the request's id.
///
/// # Errors
/// A rule came to forbid it meanwhile, or the journal failed.
pub async fn ask(
    journal: &Journal,
    id: &str,
    asked: &Asked,
    person: &Person,
) -> Result<String, ActionError> {
    let (id, asked, person) = (id.to_owned(), asked.clone(), person.clone());
    let judged = journal
        .write(async move |tx| {
            if let Err(refused) = judge(tx, &id, &asked).await? {
                return Ok(Err(refused));
            }
            let request = request(&id, &asked, &person);
            requests::add(tx, &request).await?;
            let mut entry = person.entry(None, "request", asked.mode.word());
            entry.credential.clone_from(&request.credential);
            audit::append_apart(tx, &id, entry).await?;
            Ok(Ok(request.id))
        })
        .await?;
    Ok(judged?)
}

fn request(id: &str, asked: &Asked, person: &Person) -> Request {
    Request {
        id: uuid::Uuid::now_v7().to_string(),
        secret_id: id.to_owned(),
        cause: asked.cause(),
        mode: asked.mode,
        credential: asked.credential.clone().unwrap_or_else(|| "all".to_owned()),
        reason: person.reason.clone(),
        actor: person.actor.clone(),
        accept_outage: asked.accept_outage,
        reported_ms: asked.reported_ms,
    }
}
