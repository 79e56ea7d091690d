//! First starts: which secrets a spread gives one, so that going live starts nothing at once.
//!
//! A first start delays or fills in what the schedule says, until the first rotation has completed. It is decided by
//! the transaction that enrols a secret: a daemon at work never sees it without.

use super::enrol;
use super::error::Result;
use super::sql::{Arg, Row, Tx, marks};
use crate::inventory::{Definition, Manage};
use keywheel_schedules::{First, History, Next, Spread, next_rotation};
use std::collections::{BTreeMap, BTreeSet};

/// What the journal knows of a secret where its dates are computed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// What the schedule counts from.
    pub(super) history: History,
    /// The first start it was given.
    pub(super) first: Option<First>,
    /// Whether the schedule follows it: in service, and more than tracked.
    is_managed: bool,
    is_busy: bool,
}

impl Known {
    /// Nothing has happened since.
    pub(super) fn enrolled(enrolled_ms: i64) -> Self {
        Self {
            history: History {
                last_rotated_ms: None,
                credential_expires_ms: None,
                enrolled_ms,
            },
            first: None,
            is_managed: false,
            is_busy: false,
        }
    }

    fn read(row: &Row) -> Result<Self> {
        let spread = row.maybe_int("first_span_ms")?.and_then(Spread::of_millis);
        let first = row.maybe_int("first_ms")?.zip(spread);
        let is_retired = row.maybe_int("retired_ms")?.is_some();
        let mut known = Self::enrolled(row.int("enrolled_ms")?);
        known.history.last_rotated_ms = row.maybe_int("last_rotated_ms")?;
        known.history.credential_expires_ms = row.maybe_int("expires_ms")?;
        Ok(Self {
            first: first.map(|(at_ms, spread)| First { at_ms, spread }),
            is_managed: !is_retired && row.text("manage")? != "track",
            is_busy: row.int("busy")? == 1,
            ..known
        })
    }
}

/// Those secrets that are known.
pub(super) async fn known(tx: &mut Tx, ids: &[Arg]) -> Result<BTreeMap<String, Known>> {
    let marks = marks(ids.len());
    let sql = format!(
        "SELECT s.id AS id, s.manage AS manage, s.enrolled_ms AS enrolled_ms, s.last_rotated_ms AS last_rotated_ms, \
         s.retired_ms AS retired_ms, s.busy AS busy, s.first_ms AS first_ms, s.first_span_ms AS first_span_ms, \
         c.expires_ms AS expires_ms \
         FROM secret s LEFT JOIN credential c ON c.id = s.current_credential WHERE s.id IN ({marks})"
    );
    let rows = tx.rows(sql, ids).await?;
    let read = |row: &Row| Ok((row.text("id")?, Known::read(row)?));
    rows.iter().map(read).collect()
}

/// A spread, and what deciding about these secrets has to know.
pub(super) struct Spreading {
    spread: Spread,
    now_ms: i64,
    /// Those of which a rotation was ever opened.
    begun: BTreeSet<String>,
}

impl Spreading {
    /// For these secrets, at most 500 of them.
    pub(super) async fn of(tx: &mut Tx, ids: &[Arg], spread: Spread) -> Result<Self> {
        let marks = marks(ids.len());
        let sql = format!("SELECT DISTINCT secret_id FROM rotation WHERE secret_id IN ({marks})");
        let rows = tx.rows(sql, ids).await?;
        let begun: Result<_> = rows.iter().map(|row| row.text("secret_id")).collect();
        Ok(Self {
            spread,
            now_ms: tx.now_ms(),
            begun: begun?,
        })
    }

    /// The first start that a secret is given now; none where it keeps what it has.
    pub(super) fn gives(&self, definition: &Definition, known: &Known) -> Option<First> {
        let id = definition.id.as_str();
        let next = next_rotation(&definition.timing, id, &known.history);
        if !self.is_chosen(id, definition.manage, known, &next) {
            return None;
        }
        self.spread
            .first(&definition.timing, id, self.now_ms, &next)
    }

    /// What the schedule begins to follow; what has a first start to come from another spread; and what never began,
    /// where nothing says when it starts or it would start at once.
    fn is_chosen(&self, id: &str, manage: Manage, known: &Known, next: &Next) -> bool {
        if manage == Manage::Track || known.is_busy {
            return false;
        }
        if !known.is_managed {
            return true;
        }
        match known.first {
            // Said again, the same spread moves nothing, so that it may be said with every apply.
            Some(first) if first.at_ms > self.now_ms => first.spread != self.spread,
            _ => {
                let at_once = next.start_ms.is_none_or(|start| start <= self.now_ms);
                at_once && !self.begun.contains(id)
            }
        }
    }
}

/// Those of these definitions that a spread would give a first start and whose period is shorter, with that period.
pub async fn too_short(
    tx: &mut Tx,
    definitions: &[Definition],
    spread: Spread,
) -> Result<Vec<(Definition, Spread)>> {
    let mut found = Vec::new();
    for batch in definitions.chunks(enrol::BATCH) {
        let ids: Vec<Arg> = batch.iter().flat_map(names).map(Arg::from).collect();
        let known = known(tx, &ids).await?;
        let spreading = Spreading::of(tx, &ids, spread).await?;
        let new = Known::enrolled(tx.now_ms());
        for definition in batch {
            let known = names(definition).find_map(|id| known.get(id));
            let given = spreading.gives(definition, known.unwrap_or(&new));
            let period = shorter(definition, spread, tx.now_ms());
            found.extend(given.and(period).map(|period| (definition.clone(), period)));
        }
    }
    Ok(found)
}

/// Its period, where that is shorter than the spread.
fn shorter(definition: &Definition, spread: Spread, now_ms: i64) -> Option<Spread> {
    let period = definition.timing.period_ms(now_ms).ok().flatten()?;
    Spread::of_millis(period).filter(|period| period.millis() < spread.millis())
}

/// Its id, and those it had.
fn names(definition: &Definition) -> impl Iterator<Item = &str> {
    let ids = std::iter::once(&definition.id).chain(&definition.formerly);
    ids.map(keywheel_contract::SecretId::as_str)
}

/// Secrets in force by id, after `after`, that a spread may give a first start although their entries did not change:
/// undated, to start at once, or with a first start to come.
pub async fn candidates(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Definition>> {
    let sql = "SELECT d.body AS body FROM secret s JOIN secret_definition d ON d.secret_id = s.id \
         WHERE s.id > $1 AND s.retired_ms IS NULL AND s.manage <> 'track' AND s.busy = 0 \
         AND (s.start_ms IS NULL OR s.start_ms <= $2 OR s.first_ms > $2) ORDER BY s.id LIMIT $3";
    let args = [after.into(), tx.now_ms().into(), limit.into()];
    let rows = tx.rows(sql, &args).await?;
    rows.iter().map(|row| row.json("body")).collect()
}

/// Gives first starts to those of these secrets, at most 400, that are to have one; says how many.
pub async fn give(tx: &mut Tx, definitions: &[Definition], spread: Spread) -> Result<usize> {
    let ids: Vec<Arg> = definitions
        .iter()
        .map(|one| one.id.as_str().into())
        .collect();
    let known = known(tx, &ids).await?;
    let spreading = Spreading::of(tx, &ids, spread).await?;
    let mut given = 0;
    for definition in definitions {
        let Some(known) = known.get(definition.id.as_str()) else {
            continue;
        };
        if let Some(first) = spreading.gives(definition, known) {
            enrol::redate(tx, definition, &known.history, Some(first)).await?;
            given += 1;
        }
    }
    Ok(given)
}
