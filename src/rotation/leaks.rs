//! Which credentials a report of a leak names, and whether one rotation ends them all.

use super::phase::Phase;
use crate::inventory::Definition;
use crate::journal::ledger::CredentialRow;
use crate::journal::rotations::Run;
use crate::journal::{Result, Tx, ledger, secrets};

/// Our ids of the credentials that a word names: `all` (every one that may still be honoured), `current`,
/// `previous`, or an id, ours or the issuer's. A word that names none counts as `all`.
pub async fn named(tx: &mut Tx, plan: &Definition, word: &str) -> Result<Vec<String>> {
    let rows = ledger::credentials(tx, plan.id.as_str()).await?;
    let current = in_use(tx, plan).await?;
    let one = match word {
        "all" => None,
        "current" => current.clone(),
        word => find(&rows, word, current.as_deref()).map(|row| row.id.clone()),
    };
    Ok(match one {
        Some(id) => vec![id],
        None => {
            let alive = rows
                .into_iter()
                .filter(|row| !is_over(row) && row.state != "candidate");
            let mut ids: Vec<String> = alive.map(|row| row.id).collect();
            ids.extend(current.filter(|id| !ids.contains(id)));
            ids
        }
    })
}

/// The credential that `previous` or an id names. The previous one is the youngest that is neither in use nor
/// still to come, one that may be honoured before one that is over.
pub fn find<'a>(
    rows: &'a [CredentialRow],
    word: &str,
    current: Option<&str>,
) -> Option<&'a CredentialRow> {
    if word != "previous" {
        return rows
            .iter()
            .find(|row| row.id == word || row.issuer_ref.as_deref() == Some(word));
    }
    let earlier = || {
        let other =
            |row: &&CredentialRow| Some(row.id.as_str()) != current && row.state != "candidate";
        rows.iter().filter(other)
    };
    earlier()
        .find(|row| !is_over(row))
        .or_else(|| earlier().next())
}

/// Whether a credential is ended for good.
pub fn is_over(row: &CredentialRow) -> bool {
    matches!(row.state.as_str(), "refused" | "replaced" | "destroyed")
}

/// Whether what leaked outlives this rotation, so that another one has to follow it: its candidate was published
/// before the report, or it goes back to what leaked.
pub fn needs_another(run: &Run, leaked: &[String]) -> bool {
    let leaks = |id: &Option<String>| id.as_ref().is_some_and(|id| leaked.contains(id));
    match run.phase {
        Phase::Restoring => true,
        _ => leaks(&run.candidate),
    }
}

/// The credential that the main destination shows, by our own writes; else the one recorded.
pub async fn in_use(tx: &mut Tx, plan: &Definition) -> Result<Option<String>> {
    if let Some(main) = plan.destinations.first() {
        let shown = ledger::shown(tx, plan.id.as_str(), &main.name()).await?;
        if shown.is_some() {
            return Ok(shown);
        }
    }
    let secret = secrets::by_id(tx, plan.id.as_str()).await?;
    let recorded = secret.and_then(|secret| secret.current_credential);
    match &recorded {
        Some(id) => Ok(ledger::credential(tx, id).await?.map(|row| row.id)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::journal::ledger::CredentialRow;

    fn row(id: &str, state: &str) -> CredentialRow {
        CredentialRow {
            id: id.to_owned(),
            secret_id: "test/example".to_owned(),
            rotation_id: None,
            issuer_ref: Some(format!("key-{id}")),
            fingerprint: None,
            state: state.to_owned(),
            born_ms: 0,
            published_ms: None,
        }
    }

    fn found<'a>(rows: &'a [CredentialRow], word: &str) -> Option<&'a str> {
        find(rows, word, Some("b")).map(|row| row.id.as_str())
    }

    #[test]
    fn previous_is_neither_in_use_nor_still_to_come() {
        let rows = [
            row("c", "candidate"),
            row("b", "current"),
            row("x", "destroyed"),
            row("a", "previous"),
        ];
        assert_eq!(found(&rows, "previous"), Some("a"));
        assert_eq!(found(&rows[..3], "previous"), Some("x"));
        assert_eq!(found(&rows[..2], "previous"), None);
        assert_eq!(found(&rows, "key-c"), Some("c"));
        assert_eq!(found(&rows, "b"), Some("b"));
        assert_eq!(found(&rows, "nobody"), None);
    }
}
