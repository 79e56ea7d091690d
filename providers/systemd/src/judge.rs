//! What the state of a unit shows about the value that its process holds. Pure.

use crate::sight::Sight;
use crate::unit::Told;
use keywheel_contract::{Error, Holding, Observation, Question, Result, Strength};

/// A service that fails on what it read mostly does so at once: what is active for less is not yet believed.
const SETTLED_MS: i64 = 2_000;
/// One that systemd had to start anew has to stay up for longer.
const SETTLED_AGAIN_MS: i64 = 60_000;

/// A unit that began to start after the newest value was published has read it, if it reads it when it starts. One
/// that runs since before that has read it if it was told by a reload and every command of that ended well after; what
/// else may have had a process read again, systemd does not know.
///
/// # Errors
/// `NotFound`, `Invalid`, `Unavailable`: it does not run, or not for long enough to tell.
pub(crate) fn judge(
    unit: &str,
    machine: &str,
    told: Told,
    sight: &Sight,
    question: &Question<'_>,
) -> Result<Observation> {
    runs(unit, sight)?;
    let (holding, strength, detail) = match (question.held.first(), after(told, sight, question)) {
        (Some(newest), Some(how)) => (
            Holding::Credential(newest.credential.clone()),
            Strength::Restarted,
            how,
        ),
        _ => (Holding::Unknown, Strength::Delivered, since_before(told)),
    };
    Ok(Observation {
        instance: format!("{unit} on {machine}"),
        holding,
        strength,
        started_at_ms: sight.started_ms,
        seen_at_ms: None,
        detail: detail.to_owned(),
    })
}

/// How it came to read the value after that was published, as far as systemd knows.
fn after(told: Told, sight: &Sight, question: &Question<'_>) -> Option<&'static str> {
    let is_after = |at: Option<i64>| at.is_some_and(|at| at > question.published_at_ms);
    if is_after(sight.started_ms) {
        return Some("started after that");
    }
    (told == Told::Reload && is_after(sight.reloaded_ms)).then_some(
        "reloaded after that, by commands that ended well; whether the program then took the value over, \
         systemd does not see",
    )
}

fn since_before(told: Told) -> &'static str {
    match told {
        Told::Restart => {
            "runs since before that, or since a time that cannot be told; a reload does not count, for it is told by a \
             restart"
        }
        Told::Reload => {
            "runs since before that, and systemd knows of no reload after it whose commands ended well: cannot tell \
             whether it read again. Restart it, or have it prove itself by the handshake"
        }
    }
}

/// Whether it runs, and for long enough not to be one that starts over and over.
fn runs(unit: &str, sight: &Sight) -> Result<()> {
    sight.exists(unit)?;
    let status = format!("`systemctl status {unit}`");
    let why = match sight.active.as_str() {
        "active" => return settled(unit, sight),
        "failed" => format!("{unit} failed: {status}"),
        "inactive" => format!(
            "{unit} does not run, and nobody can be seen: start it, take it out of the inventory, or vouch for it"
        ),
        "activating" if sight.restarts > 0 => format!(
            "{unit} does not stay up: systemd started it anew {} times: {status}",
            sight.restarts
        ),
        changing => format!("{unit} is {changing} just now: {status}"),
    };
    Err(Error::unavailable(why))
}

fn settled(unit: &str, sight: &Sight) -> Result<()> {
    let needed_ms = match sight.restarts {
        0 => SETTLED_MS,
        _ => SETTLED_AGAIN_MS,
    };
    if sight.active_for_ms >= needed_ms {
        return Ok(());
    }
    let seconds = needed_ms / 1000;
    let anew = match sight.restarts {
        0 => String::new(),
        times => format!(", and systemd had to start it anew {times} times"),
    };
    Err(Error::unavailable(format!(
        "{unit} is up for less than {seconds} s{anew}: too early to tell whether it stays"
    )))
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::sight::Sight;
    use crate::unit::Told;
    use keywheel_contract::{
        CredentialId, Error, ErrorKind, Held, Holding, Observation, Question, Result, SecretValue,
        Strength,
    };

    const PUBLISHED: i64 = 100;

    /// A unit that runs well since long before the publication.
    fn usual() -> Sight {
        Sight {
            load: "loaded".to_owned(),
            active: "active".to_owned(),
            started_ms: Some(PUBLISHED),
            active_for_ms: 3_600_000,
            restarts: 0,
            reloaded_ms: None,
            can_reload: true,
        }
    }

    fn seen(told: Told, sight: &Sight, credentials: &[&str]) -> Result<Observation> {
        let names: Vec<CredentialId> = credentials.iter().map(|c| CredentialId::new(*c)).collect();
        let value = SecretValue::from("example".to_owned());
        let held: Vec<Held<'_>> = names
            .iter()
            .map(|credential| Held {
                credential,
                issuer_ref: None,
                version: None,
                value: &value,
                strong: true,
            })
            .collect();
        let question = Question {
            id: &"production/db".parse().unwrap(),
            consumer: "web",
            destination: "main:db",
            held: &held,
            published_at_ms: PUBLISHED,
            instances: 1,
        };
        judge("web.service", "example-host", told, sight, &question)
    }

    fn shown(told: Told, sight: &Sight) -> (Holding, Strength) {
        let seen = seen(told, sight, &["new", "old"]).unwrap();
        assert_eq!(seen.instance, "web.service on example-host");
        (seen.holding, seen.strength)
    }

    fn new() -> (Holding, Strength) {
        let new = Holding::Credential(CredentialId::new("new"));
        (new, Strength::Restarted)
    }

    const CANNOT_TELL: (Holding, Strength) = (Holding::Unknown, Strength::Delivered);

    #[test]
    fn only_a_start_after_the_publication_shows_the_new_one() {
        for (started_ms, expected) in [
            (Some(PUBLISHED + 1), new()),
            (Some(PUBLISHED), CANNOT_TELL),
            (None, CANNOT_TELL),
        ] {
            let sight = Sight {
                started_ms,
                ..usual()
            };
            for told in [Told::Restart, Told::Reload] {
                assert_eq!(shown(told, &sight), expected, "{started_ms:?}");
            }
        }
    }

    #[test]
    fn a_reload_counts_for_whom_is_told_by_it() {
        for (reloaded_ms, told, expected) in [
            (Some(PUBLISHED + 1), Told::Reload, new()),
            (Some(PUBLISHED + 1), Told::Restart, CANNOT_TELL),
            (Some(PUBLISHED), Told::Reload, CANNOT_TELL),
            (None, Told::Reload, CANNOT_TELL),
        ] {
            let sight = Sight {
                reloaded_ms,
                ..usual()
            };
            assert_eq!(shown(told, &sight), expected, "{reloaded_ms:?} {told:?}");
        }
    }

    #[test]
    fn where_nothing_is_asked_about_nothing_is_named() {
        let sight = Sight {
            started_ms: Some(PUBLISHED + 1),
            ..usual()
        };
        let seen = seen(Told::Restart, &sight, &[]).unwrap();
        assert_eq!(seen.holding, Holding::Unknown);
    }

    /// Asked about a unit in this state, which started after the publication.
    fn refused(load: &str, active: &str, restarts: u32, active_for_ms: i64) -> Error {
        let sight = Sight {
            load: load.to_owned(),
            active: active.to_owned(),
            started_ms: Some(PUBLISHED + 1),
            active_for_ms,
            restarts,
            ..usual()
        };
        seen(Told::Restart, &sight, &["new"]).unwrap_err()
    }

    #[test]
    fn what_is_not_there_shows_nothing() {
        for (load, kind, words) in [
            ("not-found", ErrorKind::NotFound, "no unit"),
            ("masked", ErrorKind::Invalid, "unmask"),
            ("bad-setting", ErrorKind::Invalid, "file of web"),
        ] {
            let error = refused(load, "inactive", 0, 0);
            assert_eq!(error.kind, kind, "{load}");
            assert!(error.message.contains(words), "{}", error.message);
        }
    }

    #[test]
    fn what_does_not_run_or_stay_shows_nothing() {
        for (active, restarts, active_for_ms, words) in [
            ("failed", 0, 0, "failed"),
            ("inactive", 0, 0, "vouch"),
            ("activating", 0, 0, "activating"),
            ("reloading", 0, 9_000, "reloading"),
            ("activating", 3, 0, "anew 3 times"),
            ("active", 0, 1_999, "too early"),
            ("active", 2, 59_000, "anew 2 times"),
        ] {
            let error = refused("loaded", active, restarts, active_for_ms);
            assert_eq!(error.kind, ErrorKind::Unavailable, "{active}");
            assert!(error.message.contains(words), "{}", error.message);
        }
        let stays = Sight {
            restarts: 2,
            active_for_ms: 60_000,
            ..usual()
        };
        assert!(seen(Told::Restart, &stays, &["new"]).is_ok());
    }
}
