//! When a secret is due and when it starts, by example.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use chrono::{NaiveDateTime, TimeZone};
use chrono_tz::Europe::Berlin;
use keywheel_schedules::{Gate, History, Next, Opening, Timing, next_rotation};

const ID: &str = "production/example";
const HOUR_MS: i64 = 3_600_000;

/// A moment by the clock in Berlin.
fn at(text: &str) -> i64 {
    let shown: NaiveDateTime = text.parse().unwrap();
    Berlin
        .from_local_datetime(&shown)
        .earliest()
        .unwrap()
        .timestamp_millis()
}

fn timing(text: &str) -> Timing {
    let base = "prove_within = \"1h\"\ntime_zone = \"Europe/Berlin\"\n";
    toml::from_str(&format!("{base}{text}")).unwrap()
}

fn rotated(at_ms: i64) -> History {
    History {
        last_rotated_ms: Some(at_ms),
        ..History::default()
    }
}

/// The next rotation of a secret last rotated at a local time.
fn after(text: &str, last: &str) -> Next {
    next_rotation(&timing(text), ID, &rotated(at(last)))
}

fn starts_at(next: &Next, moment: &str) {
    assert_eq!(next.start_ms, Some(at(moment)), "{next:?}");
}

#[test]
fn a_period_counts_from_the_last_rotation() {
    let next = after("every = \"30d\"", "2026-01-01T12:00:00");
    assert_eq!(
        (next.due_ms, next.start_ms),
        (Some(at("2026-01-31T12:00:00")), next.due_ms)
    );
    assert_eq!(next.reason, "30d after the last rotation");
}

#[test]
fn cron_takes_the_first_slot_after_the_last_rotation() {
    let next = after("cron = \"0 3 * * 2\"", "2026-11-24T03:00:00");
    starts_at(&next, "2026-12-01T03:00:00");
    assert_eq!(next.reason, "cron `0 3 * * 2` in Europe/Berlin");
    starts_at(
        &after("cron = \"0 3 * * 2\"", "2026-11-24T02:59:59"),
        "2026-11-24T03:00:00",
    );
}

#[test]
fn missed_slots_are_served_once() {
    let daily = timing("cron = \"0 3 * * *\"");
    let missed = next_rotation(&daily, ID, &rotated(at("2026-11-01T04:00:00")));
    assert_eq!(missed.due_ms, Some(at("2026-11-02T03:00:00")));
    let caught_up = next_rotation(&daily, ID, &rotated(at("2026-11-20T12:00:00")));
    assert_eq!(caught_up.due_ms, Some(at("2026-11-21T03:00:00")));
}

#[test]
fn a_slot_served_early_because_of_jitter_is_not_served_again() {
    let weekly = timing("cron = \"0 3 * * TUE\"\njitter = \"3d\"");
    let next = next_rotation(&weekly, ID, &rotated(at("2026-11-24T03:00:00")));
    assert_eq!(next.due_ms, Some(at("2026-12-01T03:00:00")));
    assert!(next.start_ms < next.due_ms);
    let early = next_rotation(&weekly, ID, &rotated(next.start_ms.unwrap()));
    assert_eq!(early.due_ms, Some(at("2026-12-08T03:00:00")));
}

#[test]
fn unknown_age_waits_for_a_date_or_a_person() {
    let undated = next_rotation(&timing("every = \"30d\""), ID, &History::default());
    assert_eq!((undated.due_ms, undated.start_ms), (None, None));
    assert_eq!(
        undated.reason,
        "never rotated and undated: adopt it or give first_due"
    );
    let dated = next_rotation(
        &timing("every = \"30d\"\nfirst_due = \"2026-12-01\""),
        ID,
        &History::default(),
    );
    starts_at(&dated, "2026-12-01T00:00:00");
    assert_eq!(dated.due_ms, Some(at("2026-12-02T00:00:00") - 1));
    assert_eq!(dated.reason, "first rotation, on 2026-12-01");
}

#[test]
fn a_date_no_longer_matters_once_rotated() {
    let next = after(
        "every = \"30d\"\nfirst_due = \"2026-12-01\"",
        "2026-01-01T12:00:00",
    );
    assert_eq!(next.due_ms, Some(at("2026-01-31T12:00:00")));
}

#[test]
fn expiry_less_a_margin_comes_before_the_policy() {
    let quarterly = timing("every = \"90d\"\noverlap = \"24h\"\nundo = \"72h\"");
    let last_ms = at("2026-01-01T12:00:00");
    let expires_ms = last_ms + 60 * 24 * HOUR_MS;
    let history = History {
        credential_expires_ms: Some(expires_ms),
        ..rotated(last_ms)
    };
    let next = next_rotation(&quarterly, ID, &history);
    // A tenth of 90 days is more than 1 + 24 + 72 hours.
    assert_eq!(next.due_ms, Some(expires_ms - 9 * 24 * HOUR_MS));
    assert!(
        next.reason
            .starts_with("the credential expires Mon 2026-03-02 12:00 Europe/Berlin"),
        "{}",
        next.reason
    );
}

#[test]
fn expiry_is_known_even_where_age_is_not() {
    let history = History {
        credential_expires_ms: Some(200 * HOUR_MS),
        ..History::default()
    };
    let next = next_rotation(&timing("every = \"10d\""), ID, &history);
    assert_eq!(next.due_ms, Some(176 * HOUR_MS));
}

#[test]
fn a_credential_that_lives_shorter_than_the_margin_does_not_rotate_without_end() {
    let timing = timing("every = \"30d\"\noverlap = \"24h\"\nundo = \"72h\"");
    let history = History {
        credential_expires_ms: Some(HOUR_MS),
        ..rotated(0)
    };
    assert_eq!(
        next_rotation(&timing, ID, &history).start_ms,
        Some(HOUR_MS / 2)
    );
    // One whose end was over before it was new, as a plugin says that counts in seconds.
    let over = History {
        credential_expires_ms: Some(0),
        ..rotated(HOUR_MS)
    };
    assert_eq!(
        next_rotation(&timing, ID, &over).start_ms,
        Some(2 * HOUR_MS)
    );
}

#[test]
fn a_closed_due_time_moves_to_the_last_opening_before_it() {
    // Due on Saturday the 31st.
    let next = after(
        "every = \"30d\"\nwindow = [\"Mon-Thu 06:00-16:00\"]",
        "2026-01-01T12:00:00",
    );
    starts_at(&next, "2026-01-29T06:00:00");
    assert_eq!(
        next.reason,
        "30d after the last rotation; moved to where the window is open"
    );
    assert!(!next.outside_window);
}

#[test]
fn with_nothing_open_before_due_it_is_late_and_says_why() {
    let blackout = "blackout = [{ from = \"2026-01-02\", to = \"2026-02-10\", why = \"move\" }]";
    let next = after(
        &format!("every = \"30d\"\n{blackout}"),
        "2026-01-01T12:00:00",
    );
    starts_at(&next, "2026-02-11T00:00:00");
    assert_eq!(next.due_ms, Some(at("2026-01-31T12:00:00")));
    assert_eq!(
        next.reason,
        "30d after the last rotation; late: blackout until 2026-02-10: move"
    );
}

#[test]
fn a_credential_that_would_expire_in_a_blackout_is_rotated_outside_the_window() {
    let text = "every = \"30d\"\nblackout = [{ from = \"2026-01-02\", to = \"2026-03-10\", why = \"move\" }]";
    let history = History {
        credential_expires_ms: Some(at("2026-02-20T12:00:00")),
        ..rotated(at("2026-01-01T12:00:00"))
    };
    let next = next_rotation(&timing(text), ID, &history);
    assert!(next.outside_window);
    // The policy was due earlier and would have waited; the expiry decides the start.
    assert_eq!(next.due_ms, Some(at("2026-01-31T12:00:00")));
    starts_at(&next, "2026-02-17T12:00:00");
    assert!(
        next.reason.contains("so it is rotated outside the window"),
        "{}",
        next.reason
    );
}

#[test]
fn a_narrow_window_does_not_rotate_twice_in_one_opening() {
    let daily = timing("every = \"1d\"\nwindow = [\"Sat 06:00-08:00\"]");
    let next = next_rotation(&daily, ID, &rotated(at("2026-11-21T06:00:00")));
    starts_at(&next, "2026-11-28T06:00:00");
    assert_eq!(
        daily.open(Gate::Start, next.start_ms.unwrap()),
        Opening::Now
    );
}

#[test]
fn a_schedule_that_cannot_be_used_never_starts() {
    for text in [
        "",
        "every = \"1d\"\ncron = \"0 3 * * *\"",
        "cron = \"no\"",
        "every = \"1d\"\nwindow = [\"no\"]",
    ] {
        let next = after(text, "2026-01-01T12:00:00");
        assert_eq!(next.start_ms, None, "{text}");
        assert!(
            next.reason.starts_with("the schedule cannot be used: "),
            "{}",
            next.reason
        );
    }
}
