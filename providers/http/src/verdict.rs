//! What an answer means (pure). The service's words are recognised, never passed on.

use crate::body::Body;
use crate::pack::{Outcome, Rule};
use keywheel_contract::{Error, ErrorKind, Liveness};
use keywheel_http_client::Effect;
use std::time::Duration;

/// Clocks that differ by more seconds are told of when a signed call is refused: a little less than what is signed is
/// dated back.
const CLOCKS_DIFFER: u64 = 25;

/// What came back, with its body where that is JSON.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// The service says that no call is left for now.
    pub(crate) spent: bool,
    /// By how many seconds the service's clock is ahead of ours, where the call was signed with a moment in it.
    pub(crate) clock: Option<i64>,
    /// The address of the next page, by the header `Link`.
    pub(crate) next: Option<String>,
    /// Whether there was no body at all.
    pub(crate) empty: bool,
    pub(crate) body: Option<Body>,
}

impl Answer {
    /// Whether there is a body and it is none of the service's.
    fn is_page(&self) -> bool {
        self.body.is_none() && !self.empty
    }

    /// Whether it says that there were too many calls, should it be a refusal.
    fn is_limit(&self) -> bool {
        self.spent || self.retry_after.is_some()
    }

    /// By how much clocks differ, where that may be why it is a refusal.
    fn refused_by_clock(&self, told: Option<Outcome>) -> Option<i64> {
        let refused = match (told, self.status) {
            (None, 403) => !self.is_limit(),
            (Some(Outcome::Dead) | None, 400 | 401 | 403) => true,
            _ => false,
        };
        self.clock
            .filter(|ahead| refused && ahead.unsigned_abs() > CLOCKS_DIFFER)
    }
}

/// What it means; `None` where no rule is about it and its status says it all.
pub(crate) fn judge<'r>(
    answer: &Answer,
    rules: impl IntoIterator<Item = &'r Rule>,
) -> Option<Outcome> {
    let body = answer.body.as_ref().map(Body::value);
    let mut rules = rules.into_iter();
    rules
        .find(|rule| rule.fits(answer.status, body))
        .map(|rule| rule.is)
}

/// Whether the credential that asked works. A page of somebody on the way decides nothing.
pub(crate) fn liveness(answer: &Answer, told: Option<Outcome>) -> Liveness {
    let speaks = answer.body.is_some();
    match (told, answer.status) {
        _ if answer.refused_by_clock(told).is_some() => Liveness::Unknown,
        (Some(Outcome::Ok | Outcome::Narrow), _) => Liveness::Alive,
        (Some(Outcome::Dead | Outcome::Gone), _) => Liveness::Dead,
        (Some(_), _) => Liveness::Unknown,
        (None, 200..300) if speaks => Liveness::Alive,
        // This status says by itself that there is no body; an empty 200 may be anybody's.
        (None, 204) if answer.empty => Liveness::Alive,
        (None, 401) if speaks => Liveness::Dead,
        (None, _) => Liveness::Unknown,
    }
}

/// The error that an answer is; `None` where it was done. `what` names the call for people. Somebody's page on the way
/// neither did anything nor knows that something is not there.
pub(crate) fn error(
    answer: &Answer,
    told: Option<Outcome>,
    what: &str,
    effect: Effect,
) -> Option<Error> {
    let status = answer.status;
    let said = |words: &str| format!("{what}: {words}");
    if let Some(ahead) = answer.refused_by_clock(told) {
        return Some(out_of_time(what, ahead));
    }
    Some(match (told, status) {
        (Some(Outcome::Ok | Outcome::Narrow), _) => return None,
        (Some(Outcome::Gone), _) => Error::not_found(said("there is no such credential")),
        (Some(Outcome::Dead), _) | (None, 401) => Error::denied(said(
            "our own credential is refused: put a new one where `credentials` points",
        )),
        // GitHub's way to say so: <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>.
        (None, 403) if answer.is_limit() => busy(answer, what),
        (None, 403) => Error::denied(said("our own credential may not do this")),
        (Some(Outcome::Full), _) => Error::invalid(said(
            "there is no room for another credential: end one that nobody uses, by hand",
        )),
        (Some(Outcome::Busy), _) | (None, 429) => busy(answer, what),
        (Some(Outcome::Wrong), _) => {
            Error::invalid(said("refused for what it says: check `parameters`"))
        }
        (None, 200..300 | 404) if answer.is_page() => unreadable(what, "JSON", effect),
        (None, 200..300) => return None,
        (None, 404) => Error::not_found(said("there is no such thing, or not for our credential")),
        (None, 409) => Error::conflict(None, said("somebody else changes it just now")),
        (None, 300..400) => {
            Error::unavailable(said("we are sent elsewhere, which is never followed"))
        }
        (None, 400..500) => Error::invalid(said(&format!(
            "refused with status {status}: check `parameters`"
        ))),
        (Some(Outcome::Unclear), _) | (None, _) => broken(what, status, effect),
    })
}

/// Nothing was done, and the next try may do it: clocks are set by programs.
fn out_of_time(what: &str, ahead: i64) -> Error {
    let (seconds, which) = (
        ahead.unsigned_abs(),
        if ahead > 0 { "behind" } else { "ahead of" },
    );
    Error::unavailable(format!(
        "{what}: what we sign is refused, and our clock is {seconds} seconds {which} the service's: set it right"
    ))
}

fn busy(answer: &Answer, what: &str) -> Error {
    let after = answer.retry_after;
    Error::new(
        ErrorKind::Throttled { after },
        format!("{what}: too many calls"),
    )
}

fn broken(what: &str, status: u16, effect: Effect) -> Error {
    match effect {
        Effect::Reads => Error::unavailable(format!("{what}: failed with status {status}")),
        Effect::Changes => Error::unknown_outcome(format!(
            "{what}: failed with status {status}, perhaps after it was done"
        )),
    }
}

/// An answer that says it was done and is not of the form that the pack describes.
pub(crate) fn unreadable(what: &str, missing: &str, effect: Effect) -> Error {
    let message = format!("{what}: the answer has no {missing}, is this the right address?");
    match effect {
        Effect::Reads => Error::unavailable(message),
        Effect::Changes => Error::unknown_outcome(message),
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, error, judge, liveness};
    use crate::body::Body;
    use crate::pack::Rule;
    use keywheel_contract::{ErrorKind, Liveness};
    use keywheel_http_client::Effect;
    use std::time::Duration;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            retry_after: None,
            spent: false,
            clock: None,
            next: None,
            empty: body.is_empty(),
            body: Body::parse(body.as_bytes()),
        }
    }

    #[test]
    fn trouble_on_the_way_is_never_dead() {
        for (status, body, expected) in [
            (200, "{}", Liveness::Alive),
            (204, "", Liveness::Alive),
            (401, "{}", Liveness::Dead),
            (200, "<html>", Liveness::Unknown),
            (200, "", Liveness::Unknown),
            (401, "<html>", Liveness::Unknown),
            (403, "{}", Liveness::Unknown),
            (404, "{}", Liveness::Unknown),
            (302, "", Liveness::Unknown),
            (429, "{}", Liveness::Unknown),
            (503, "{}", Liveness::Unknown),
        ] {
            assert_eq!(
                liveness(&answer(status, body), None),
                expected,
                "{status} {body}"
            );
        }
        let narrow: Rule = toml::from_str("is = 'narrow'\nstatus = [403]").unwrap();
        let refused = answer(403, "{}");
        let told = judge(&refused, [&narrow]);
        assert_eq!(liveness(&refused, told), Liveness::Alive);
        let page = answer(403, "<html>");
        assert_eq!(liveness(&page, judge(&page, [&narrow])), Liveness::Unknown);
    }

    #[test]
    fn each_status_has_its_kind() {
        for (status, reads, changes) in [
            (400, "invalid", "invalid"),
            (401, "denied", "denied"),
            (403, "denied", "denied"),
            (404, "not_found", "not_found"),
            (409, "conflict", "conflict"),
            (302, "unavailable", "unavailable"),
            (429, "throttled", "throttled"),
            (502, "unavailable", "unknown_outcome"),
        ] {
            let body = r#""example-body""#;
            let word = |effect| error(&answer(status, body), None, "x", effect).unwrap();
            assert_eq!(word(Effect::Reads).word(), reads, "{status}");
            assert_eq!(word(Effect::Changes).word(), changes, "{status}");
            assert!(!word(Effect::Reads).message.contains("example-body"));
        }
        for (status, body) in [(201, "{}"), (204, ""), (202, "")] {
            assert!(error(&answer(status, body), None, "x", Effect::Changes).is_none());
        }
    }

    #[test]
    fn a_refused_signature_is_blamed_on_the_clock_only_where_clocks_differ() {
        for (status, clock, kind, words) in [
            (401, Some(26), "unavailable", "26 seconds behind"),
            (400, Some(-3600), "unavailable", "3600 seconds ahead of"),
            (401, Some(25), "denied", "our own credential is refused"),
            (401, None, "denied", "our own credential is refused"),
            (404, Some(3600), "not_found", "no such thing"),
            (500, Some(3600), "unknown_outcome", "failed with status"),
        ] {
            let mut refused = answer(status, "{}");
            refused.clock = clock;
            let said = error(&refused, None, "x", Effect::Changes).unwrap();
            assert_eq!(said.word(), kind, "{status} {clock:?}");
            assert!(said.message.contains(words), "{said}");
            let dead = status == 401 && kind == "denied";
            assert_eq!(
                liveness(&refused, None) == Liveness::Dead,
                dead,
                "{status} {clock:?}"
            );
        }
    }

    #[test]
    fn a_limit_of_calls_is_no_refusal_of_ours() {
        for (status, seconds, spent) in
            [(429, None, false), (403, Some(7), false), (403, None, true)]
        {
            let busy = Answer {
                retry_after: seconds.map(Duration::from_secs),
                spent,
                clock: Some(3600),
                ..answer(status, "{}")
            };
            let after = busy.retry_after;
            let said = error(&busy, None, "x", Effect::Changes).unwrap();
            assert_eq!(
                said.kind,
                ErrorKind::Throttled { after },
                "{status} {spent}"
            );
        }
    }

    #[test]
    fn a_page_for_people_neither_did_nor_misses_anything() {
        for status in [200, 202, 404] {
            let page = answer(status, "<html>example-page");
            let word = |effect| error(&page, None, "x", effect).unwrap();
            assert_eq!(word(Effect::Reads).word(), "unavailable", "{status}");
            assert_eq!(word(Effect::Changes).word(), "unknown_outcome", "{status}");
            assert!(!word(Effect::Changes).message.contains("example-page"));
        }
        // A pack may know better.
        let plain: Rule = toml::from_str("is = 'ok'\nstatus = [200]\nplain = true").unwrap();
        let page = answer(200, "done");
        let told = judge(&page, [&plain]);
        assert!(error(&page, told, "x", Effect::Changes).is_none());
    }
}
