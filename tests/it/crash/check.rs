//! The invariants, checked at rest: the world's truth against the journal, and the journal against itself.

use super::rig::Bench;
use super::scenario::StoreKind;
use super::world::truth::{Key, Life};
use base64::Engine as _;
use keywheel::journal::audit::{self, AuditRow};
use keywheel::journal::rotations::{self, Run};
use keywheel::journal::{self, ledger, secrets};
use keywheel::rotation::facts::Effect;
use keywheel::rotation::phase::{EVENTS, Phase, next};
use keywheel::rotation::words::{KINDS, Kind, Status};
use keywheel_contract::Place;
use std::collections::BTreeMap;

/// Repeating these does no harm, so that one of which nothing is known may have happened.
const REPEATABLE: [Kind; 7] = [
    Kind::Notify,
    Kind::NotifyAgain,
    Kind::NotifyBack,
    Kind::NotifyDropped,
    Kind::EndSessions,
    Kind::Activate,
    Kind::ApplyBack,
];

/// Undoing what an earlier effect did.
const COMPENSATIONS: [Kind; 7] = [
    Kind::EnableCredential,
    Kind::EnableVersion,
    Kind::ApplyBack,
    Kind::Republish,
    Kind::NotifyBack,
    Kind::DestroyCandidate,
    Kind::DestroyCandidateVersion,
];

/// The journal's account of a run.
struct Account {
    runs: Vec<Run>,
    effects: Vec<(String, Effect)>,
    audit: Vec<AuditRow>,
    current_ref: Option<String>,
}

/// Checks every invariant that can be seen at rest.
pub(crate) async fn everything(bench: &Bench<'_>, violations: &mut Vec<String>) {
    bench.settle_down();
    if let Some(native) = &bench.world.native {
        native.tells_the_truth(&bench.world).await;
    }
    let account = read(bench).await;
    at_rest(bench, &account, violations);
    counts(bench, &account, violations);
    for run in &account.runs {
        let rows: Vec<&AuditRow> = account
            .audit
            .iter()
            .filter(|row| row.rotation_id == run.id.as_str())
            .collect();
        history(run, &rows, violations);
        meaning(&rows, violations);
    }
    ends(bench, &account, violations);
    leases(bench, violations).await;
    canaries(bench, &account, violations).await;
    violations.append(&mut bench.world.truth().violations);
}

async fn read(bench: &Bench<'_>) -> Account {
    let secret = bench.secret.clone();
    let read = bench.lane.journal.read(async move |tx| {
        let mut runs = rotations::newest(tx, &secret, 10).await?;
        runs.reverse();
        let mut effects = Vec::new();
        for run in &runs {
            let id = run.id.as_str();
            let of_run = ledger::effects(tx, id).await?;
            effects.extend(of_run.into_iter().map(|effect| (id.to_owned(), effect)));
        }
        let filter = audit::Filter {
            secret_id: Some(secret.clone()),
            limit: 10_000,
            ..audit::Filter::default()
        };
        let current = secrets::by_id(tx, &secret)
            .await?
            .and_then(|s| s.current_credential);
        let current_ref = match &current {
            Some(id) => ledger::credential(tx, id)
                .await?
                .and_then(|row| row.issuer_ref),
            None => None,
        };
        Ok(Account {
            runs,
            effects,
            audit: audit::list(tx, &filter).await?,
            current_ref,
        })
    });
    read.await.unwrap()
}

/// I2 and I3: one credential lives, it is the recorded one, and everything shows and holds it.
fn at_rest(bench: &Bench<'_>, account: &Account, violations: &mut Vec<String>) {
    let truth = bench.world.truth();
    let live: Vec<_> = truth
        .made
        .iter()
        .filter(|made| made.life == Life::Active)
        .collect();
    let wanted = match (truth.has_issuer, live.as_slice()) {
        (false, _) => truth.shown.values().next().map(|shown| shown.value.clone()),
        (true, [one]) => {
            // An issuer that holds one value needs no name for it.
            let nameless = account.current_ref.is_none() && truth.suspended.pointer;
            if account.current_ref.as_ref() != Some(&one.id) && !nameless {
                let recorded = account.current_ref.as_deref().unwrap_or("nothing");
                violations.push(format!("I2: {} lives, {recorded} is recorded", one.id));
            }
            Some(one.value.clone())
        }
        (true, many) => {
            violations.push(format!("I2: {} credentials live at rest", many.len()));
            None
        }
    };
    let Some(wanted) = wanted else { return };
    for (name, shown) in &truth.shown {
        if shown.value != wanted {
            violations.push(format!(
                "I3: {name} shows another value than the one in use"
            ));
        }
    }
    for instance in &truth.instances {
        if instance.holds.value != wanted && !instance.polls {
            violations.push(format!(
                "I1: {} holds another value at the end",
                instance.name
            ));
        }
    }
}

/// Whether the store of a version that was to be ended cannot end one: its answer says so, and nothing happens. One that
/// keeps no versions has ended it by the write over it.
fn ends_nothing(bench: &Bench<'_>, account: &Account, effect: &Effect) -> bool {
    let destination = bench.scenario().destinations.iter();
    let real = destination
        .filter(|one| one.name == effect.target)
        .any(|one| one.kind == StoreKind::Real);
    let ends = matches!(
        effect.kind,
        Kind::DestroyVersion | Kind::DestroyCandidateVersion
    );
    if ends
        && real
        && !bench
            .world
            .real(&Place::default())
            .0
            .capabilities()
            .versions
    {
        return true;
    }
    let mut all = account.effects.iter().map(|(_, other)| other);
    all.any(|other| {
        (other.kind, &other.target) == (effect.kind, &effect.target) && other.word == "impossible"
    })
}

/// Whether disabling a credential left nothing of it to be revoked.
fn forgotten(bench: &Bench<'_>, account: &Account, effect: &Effect) -> bool {
    let native = bench.world.scenario.native.as_ref();
    let disabled = |other: &Effect| {
        other.kind == Kind::DisableCredential
            && other.target == effect.target
            && other.status == Status::Applied
    };
    effect.kind == Kind::Revoke
        && native.is_some_and(|native| native.forgets)
        && account.effects.iter().any(|(_, other)| disabled(other))
}

/// I4 and I5: every effect of the world has its intent, and took effect exactly as often as recorded.
fn counts(bench: &Bench<'_>, account: &Account, violations: &mut Vec<String>) {
    let truth = bench.world.truth();
    let mut took: BTreeMap<&Key, usize> = BTreeMap::new();
    for key in &truth.took {
        *took.entry(key).or_default() += 1;
    }
    for (rotation, effect) in &account.effects {
        let key = Key {
            rotation: rotation.clone(),
            kind: effect.kind,
            target: effect.target.clone(),
            attempt: effect.attempt,
        };
        let times = took.remove(&key).unwrap_or(0);
        // A store that can end a version by disabling only has nothing left to do once that is done.
        let ended_before = effect.kind == Kind::DestroyVersion && effect.word == "disabled";
        let nothing_to_do = effect.result.detail == "nothing was there"
            || ended_before
            || forgotten(bench, account, effect);
        let right = match effect.status {
            Status::Applied => times == 1 || (times == 0 && nothing_to_do),
            Status::Orphaned => times == 1,
            Status::Absent | Status::Failed => {
                let harmless =
                    REPEATABLE.contains(&effect.kind) || ends_nothing(bench, account, effect);
                times == 0 || (times == 1 && harmless)
            }
            Status::Intent | Status::Pending => false,
        };
        if !right {
            let (kind, status) = (effect.kind.word(), effect.status.word());
            violations.push(format!(
                "I5: {kind} {} try {} is {status} and took effect {times} times",
                effect.target, effect.attempt
            ));
        }
    }
    for (key, times) in took {
        violations.push(format!(
            "I4: {} {} took effect {times} times without an intent",
            key.kind.word(),
            key.target
        ));
    }
}

/// I6 and I11: the audit's moves are legal, and replaying them gives the row's phase.
fn history(run: &Run, rows: &[&AuditRow], violations: &mut Vec<String>) {
    let mut phase = Phase::Planned;
    for row in rows.iter().filter(|row| row.entry.action == "phase") {
        let to = Phase::from_word(&row.entry.outcome);
        let legal = EVENTS.iter().any(|event| next(phase, *event).ok() == to);
        match to {
            Some(to) if legal => phase = to,
            _ => violations.push(format!(
                "I6: {phase} cannot be followed by {}",
                row.entry.outcome
            )),
        }
    }
    if phase != run.phase {
        violations.push(format!(
            "I11: the audit says {phase}, the row says {}",
            run.phase
        ));
    }
    let mut before = String::new();
    for (index, row) in rows.iter().enumerate() {
        let chained = index == 0 || row.chain_prev == before;
        let whole = row.leaf == row.expected_leaf() && row.hash == row.expected_hash();
        if !chained || !whole || row.n != i64::try_from(index).unwrap() + 1 {
            violations.push(format!("I11: the audit row {} is not in its chain", row.n));
        }
        before.clone_from(&row.leaf);
    }
}

/// I8, and every intent has an outcome.
fn meaning(rows: &[&AuditRow], violations: &mut Vec<String>) {
    let mut open: BTreeMap<(Kind, &str), usize> = BTreeMap::new();
    let mut returned = false;
    for row in rows {
        let Some(kind) = KINDS
            .into_iter()
            .find(|kind| kind.word() == row.entry.action)
        else {
            continue;
        };
        if row.entry.outcome != "intent" {
            open.remove(&(kind, row.entry.destination.as_str()));
            continue;
        }
        let before = open.insert((kind, row.entry.destination.as_str()), 1);
        if before.is_some() {
            violations.push(format!(
                "I5: a second intent of {} beside an open one",
                kind.word()
            ));
        }
        if returned && COMPENSATIONS.contains(&kind) {
            violations.push(format!("I8: {} after the point of no return", kind.word()));
        }
        returned |= kind.is_final();
    }
    for (kind, target) in open.keys() {
        violations.push(format!(
            "I5: the intent of {} {target} has no outcome",
            kind.word()
        ));
    }
}

/// Every rotation ended as the scenario says, whatever happened to its workers; their number is exact (I7).
fn ends(bench: &Bench<'_>, account: &Account, violations: &mut Vec<String>) {
    let ended: Vec<Phase> = account.runs.iter().map(|run| run.phase).collect();
    if ended != bench.scenario().ends {
        violations.push(format!(
            "I9: it ended as {ended:?}, not as {:?}",
            bench.scenario().ends
        ));
    }
    let taken_over = account
        .audit
        .iter()
        .filter(|row| row.entry.action == "takeover")
        .count();
    if taken_over > 1 {
        violations.push(format!("I11: one emergency took over {taken_over} times"));
    }
}

/// I7: whoever held a lease of an earlier life can write nothing.
async fn leases(bench: &Bench<'_>, violations: &mut Vec<String>) {
    for lease in bench.leases() {
        let old = lease.clone();
        let held = bench
            .lane
            .journal
            .write(async move |tx| rotations::hold(tx, &old, 1_000).await);
        if !matches!(held.await, Err(journal::Error::Lost)) {
            violations.push(format!(
                "I7: a lease with fence {} still writes",
                lease.fence
            ));
        }
    }
}

/// I10: no value is found in the journal's files, in any usual form.
async fn canaries(bench: &Bench<'_>, account: &Account, violations: &mut Vec<String>) {
    bench.lane.journal.checkpoint().await.unwrap();
    let values = bench.world.truth().values.clone();
    let mut places: Vec<(String, String)> = Vec::new();
    for file in bench.lane.files() {
        let bytes = std::fs::read(&file).unwrap_or_default();
        // What is not text becomes a mark; text stays as it is.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        places.push((file.display().to_string(), text));
    }
    let rows: String = account.audit.iter().map(|row| format!("{row:?}")).collect();
    places.push(("the audit".to_owned(), rows));
    for form in values.iter().flat_map(|value| forms(value.as_bytes())) {
        for (place, text) in &places {
            if text.contains(&form) {
                violations.push(format!("I10: a value is in {place}"));
            }
        }
    }
}

/// Raw, hexadecimal, Base64 at each of three offsets, UTF-16.
fn forms(value: &[u8]) -> Vec<String> {
    let base64 = |skip: usize| {
        let whole = (value.len() - skip) / 3 * 3;
        let part = &value[skip..skip + whole];
        base64::engine::general_purpose::STANDARD.encode(part)
    };
    let wide: Vec<u8> = value.iter().flat_map(|byte| [*byte, 0]).collect();
    let plain = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    vec![
        plain(value),
        hex::encode(value),
        base64(0),
        base64(1),
        base64(2),
        plain(&wide),
    ]
}
