//! Order, moments, bases and what new versions keep.

use super::{History, Kept, MARK, OVER, Shown};
use azure_core::time::OffsetDateTime;
use keywheel_contract::{Base, Mark, RotationId, VersionId};
use std::collections::HashMap;

fn at(second: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(second).unwrap()
}

fn kept(id: &str, second: i64, over: &str) -> Kept {
    let over = (!over.is_empty()).then(|| (OVER.to_owned(), over.to_owned()));
    Kept {
        id: id.to_owned(),
        enabled: true,
        created: Some(at(second)),
        expires: None,
        not_before: None,
        content_type: None,
        tags: over.into_iter().collect(),
        managed: false,
    }
}

fn ids(history: &History) -> Vec<&str> {
    let each = history.versions().iter();
    each.map(|kept| kept.id.as_str()).collect()
}

fn shown(id: &str) -> Shown {
    Shown::Version(id.to_owned())
}

fn mark() -> Mark {
    Mark {
        rotation: RotationId::new("example"),
        token: "a".repeat(64),
    }
}

#[test]
fn within_one_second_what_lies_over_what_tells_the_order() {
    let all = vec![
        kept("b", 5, "c"),
        kept("a", 5, "b"),
        kept("c", 5, "d"),
        kept("d", 4, ""),
    ];
    let history = History::new(all.clone(), shown("a"));
    assert_eq!(ids(&history), ["a", "b", "c", "d"]);
    assert!(history.is_of_one_moment());
    // What consumers see is the vault's word, whatever tags say.
    let history = History::new(all, shown("c"));
    assert_eq!(ids(&history)[0], "c");
}

#[test]
fn tags_that_lead_in_a_circle_do_no_harm() {
    let history = History::new(vec![kept("a", 5, "b"), kept("b", 5, "a")], shown("b"));
    assert_eq!(ids(&history), ["b", "a"]);
}

#[test]
fn two_readings_of_different_moments_are_noticed() {
    let two = || vec![kept("a", 5, ""), kept("b", 6, "")];
    assert!(History::new(two(), shown("b")).is_of_one_moment());
    for (versions, shown) in [
        (two(), shown("a")),
        (two(), shown("c")),
        (two(), Shown::Nothing),
        (two(), Shown::Disabled),
        (Vec::new(), shown("a")),
    ] {
        let history = History::new(versions, shown);
        assert!(!history.is_of_one_moment(), "{history:?}");
    }
    assert!(History::new(Vec::new(), Shown::Nothing).is_of_one_moment());
    let disabled = Kept {
        enabled: false,
        ..kept("b", 6, "")
    };
    let history = History::new(vec![kept("a", 6, ""), disabled], Shown::Disabled);
    assert!(history.is_of_one_moment());
    assert_eq!((ids(&history), history.current()), (vec!["b", "a"], None));
}

#[test]
fn a_base_is_what_is_newest_now_or_a_conflict() {
    let history = History::new(vec![kept("a", 5, ""), kept("b", 6, "")], shown("b"));
    let base = |version: Option<&str>, token: Option<&str>| Base {
        version: version.map(VersionId::new),
        token: token.map(str::to_owned),
    };
    assert!(history.expect("n", &base(Some("b"), Some("b"))).is_ok());
    for wrong in [
        base(None, None),
        base(Some("a"), Some("a")),
        base(Some("b"), Some("a")),
        base(None, Some("b")),
    ] {
        assert_eq!(
            history.expect("n", &wrong).unwrap_err().word(),
            "conflict",
            "{wrong:?}"
        );
    }
    let empty = History::new(Vec::new(), Shown::Nothing);
    assert!(empty.expect("n", &base(None, None)).is_ok());
    assert!(empty.expect("n", &base(Some("a"), Some("a"))).is_err());
}

#[test]
fn a_stranger_s_version_under_ours_is_noticed_now_and_later() {
    let before = History::new(vec![kept("a", 5, "")], shown("a"));
    let after = |versions: Vec<Kept>, id: &str| History::new(versions, shown(id));
    let ours = VersionId::new("c");
    let alone = after(vec![kept("a", 5, ""), kept("c", 7, "a")], "c");
    assert_eq!(alone.covered(&before, &ours), None);
    assert_eq!(alone.covered_later(), None);
    let three = || vec![kept("a", 5, ""), kept("b", 7, ""), kept("c", 7, "a")];
    let covering = after(three(), "c");
    assert_eq!(covering.covered(&before, &ours).unwrap().id, "b");
    assert_eq!(covering.covered_later().unwrap().id, "b");
    let below = after(three(), "b");
    assert_eq!(below.covered(&before, &ours), None);
}

#[test]
fn a_new_version_keeps_what_people_said_of_the_old_one_and_not_our_old_tags() {
    let mut old = kept("a", 5, "z");
    old.tags.insert("team".to_owned(), "example".to_owned());
    old.tags.insert(MARK.to_owned(), "b".repeat(64));
    old.expires = Some(at(100));
    let history = History::new(vec![old.clone()], shown("a"));
    let tags = history.tags("n", &mark()).unwrap();
    let expected = [
        ("team", "example"),
        ("keywheel-rotation", "example"),
        ("keywheel-mark", &"a".repeat(64)),
        ("keywheel-over", "a"),
    ];
    let expected: HashMap<_, _> = expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    assert_eq!(tags, expected);
    let attributes = history.attributes();
    assert_eq!(
        (attributes.enabled, attributes.expires),
        (Some(true), Some(at(100)))
    );
    let many = (0..13).map(|number| (format!("t{number}"), String::new()));
    old.tags.extend(many);
    let history = History::new(vec![old], shown("a"));
    assert!(history.tags("n", &mark()).is_err());
}

#[test]
fn an_expiry_is_told_ahead_and_refused_when_it_has_come() {
    let day = 86_400;
    let review = |expires: i64, now: i64| {
        let expiring = Kept {
            expires: Some(at(expires)),
            ..kept("a", 5, "")
        };
        History::new(vec![expiring], shown("a")).review("n", at(now))
    };
    assert_eq!(review(31 * day, 0).unwrap(), Vec::<String>::new());
    assert_eq!(review(29 * day, 0).unwrap().len(), 1);
    let refusal = review(day, day).unwrap_err();
    assert!(refusal.message.contains("--expires"), "{refusal}");
}
