//! Time walked forward in many zones: no slot skipped, none doubled, no start late if avoidable.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use keywheel_schedules::{Gate, History, Opening, Timing, Windows, next_rotation};
use proptest::prelude::*;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Both hemispheres, a change of half an hour, changes at midnight, a quarter-hour offset, none.
const ZONES: [Tz; 8] = [
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::Australia__Lord_Howe,
    Tz::America__Santiago,
    Tz::Africa__Cairo,
    Tz::Pacific__Chatham,
    Tz::Asia__Kolkata,
    Tz::UTC,
];

fn shown(at_ms: i64, zone: Tz) -> NaiveDateTime {
    DateTime::from_timestamp_millis(at_ms)
        .unwrap()
        .with_timezone(&zone)
        .naive_local()
}

/// The first minute at which the clock shows `time` or later: what a person at the wall would do.
fn first_shown(time: NaiveDateTime, zone: Tz) -> i64 {
    let from = time.and_utc().timestamp_millis() - 15 * HOUR_MS;
    (0..)
        .map(|minute| from + minute * MINUTE_MS)
        .find(|at_ms| shown(*at_ms, zone) >= time)
        .unwrap()
}

/// Every day on which a rotation is wanted.
#[derive(Debug, Clone, Copy)]
enum Days {
    Every,
    Weekday(u32),
    DayOfMonth(u32),
}

impl Days {
    fn cron(self, hour: u32, minute: u32) -> String {
        match self {
            Self::Every => format!("{minute} {hour} * * *"),
            Self::Weekday(day) => format!("{minute} {hour} * * {day}"),
            Self::DayOfMonth(day) => format!("{minute} {hour} {day} * *"),
        }
    }

    fn includes(self, date: NaiveDate) -> bool {
        use chrono::Datelike;
        match self {
            Self::Every => true,
            Self::Weekday(day) => date.weekday().num_days_from_sunday() == day % 7,
            Self::DayOfMonth(day) => date.day() == day,
        }
    }
}

fn days() -> impl Strategy<Value = Days> {
    prop_oneof![
        3 => Just(Days::Every),
        1 => (0_u32..=7).prop_map(Days::Weekday),
        1 => (28_u32..=31).prop_map(Days::DayOfMonth),
    ]
}

fn zone() -> impl Strategy<Value = Tz> {
    prop::sample::select(ZONES.to_vec())
}

fn timing(text: &str, zone: Tz) -> Timing {
    toml::from_str(&format!(
        "prove_within = \"1h\"\ntime_zone = \"{zone}\"\n{text}"
    ))
    .unwrap()
}

fn rotated(at_ms: i64) -> History {
    History {
        last_rotated_ms: Some(at_ms),
        ..History::default()
    }
}

/// Rotates whenever the clock says it is time; the clock is wrong by one of `jumps`, changing at
/// each rotation. Gives the slots that were served.
fn served(timing: &Timing, from_ms: i64, until_ms: i64, jumps: &[i64]) -> Vec<i64> {
    let mut jumps = jumps.iter().cycle();
    let (mut last_ms, mut slots) = (from_ms, Vec::new());
    loop {
        let next = next_rotation(timing, "production/example", &rotated(last_ms));
        let (due_ms, start_ms) = (next.due_ms.unwrap(), next.start_ms.unwrap());
        assert!(start_ms > last_ms && start_ms <= due_ms, "{next:?}");
        if due_ms > until_ms {
            return slots;
        }
        slots.push(due_ms);
        // A clock an hour ahead meets the start early but records what it shows; after a jump
        // back it shows the start a second time, when the slot has been served.
        last_ms = start_ms + jumps.next().unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_slot_is_served_once(
        zone in zone(), days in days(), hour in 0_u32..24, minute in 0_u32..60,
        jitter_hours in 0_u32..20, year in 2024..2031, lags in prop::collection::vec(0_i64..HOUR_MS, 1..9),
    ) {
        let text = format!("cron = \"{}\"\njitter = \"{jitter_hours}h\"", days.cron(hour, minute));
        let timing = timing(&text, zone);
        let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        let slots: Vec<i64> = (0..400)
            .map(|day| first + TimeDelta::days(day))
            .filter(|date| days.includes(*date))
            .map(|date| first_shown(date.and_hms_opt(hour, minute, 0).unwrap(), zone))
            .collect();
        prop_assert_eq!(served(&timing, slots[0], *slots.last().unwrap(), &lags), &slots[1..]);
    }

    #[test]
    fn a_clock_set_back_or_ahead_by_an_hour_repeats_and_skips_nothing(
        zone in zone(), hour in 0_u32..24, at in 0_i64..400, jump in prop::sample::select(vec![-HOUR_MS, HOUR_MS]),
    ) {
        let timing = timing(&format!("cron = \"30 {hour} * * *\""), zone);
        let start_ms = 1_767_225_600_000 + at * DAY_MS;
        let (mut last_ms, mut offset, mut slots) = (start_ms, 0, Vec::new());
        for tick in 0..20 * 24 * 4 {
            // The clock is wrong for every other stretch of 31 hours.
            if tick % 124 == 0 {
                offset = jump - offset;
            }
            let now_ms = start_ms + tick * 15 * MINUTE_MS + offset;
            let next = next_rotation(&timing, "staging/example", &rotated(last_ms));
            if next.start_ms.unwrap() <= now_ms {
                slots.push(next.due_ms.unwrap());
                last_ms = now_ms;
            }
        }
        let expected: Vec<i64> = (0..22)
            .map(|day| (shown(start_ms, zone).date() + TimeDelta::days(day)).and_hms_opt(hour, 30, 0).unwrap())
            .map(|time| first_shown(time, zone))
            .filter(|slot| *slot > start_ms)
            .take(slots.len())
            .collect();
        prop_assert!(slots.len() >= 19, "{}", slots.len());
        prop_assert_eq!(slots, expected);
    }

    #[test]
    fn a_start_is_late_only_if_nothing_was_open_before(
        zone in zone(), last_hour in 0_i64..20_000, every_days in 2_i64..20, jitter_hours in 0_i64..40,
        from_day in 0_u32..7, length in 0_u32..4, from_hour in 0_u32..24, hours in 1_u32..20,
        dark_from in 0_i64..20, dark_days in 0_i64..20, number in 0_u32..50,
    ) {
        const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let last_ms = 1_767_225_600_000 + last_hour * HOUR_MS;
        let to_day = (from_day + length) % 7;
        let to_hour = (from_hour + hours) % 24;
        let dark = shown(last_ms, zone).date() + TimeDelta::days(dark_from);
        let text = format!(
            "every = \"{every_days}d\"\njitter = \"{jitter_hours}h\"\n\
             window = [\"{}-{} {from_hour:02}:00-{to_hour:02}:00\"]\n\
             blackout = [{{ from = \"{dark}\", to = \"{}\", why = \"move\" }}]",
            NAMES[from_day as usize], NAMES[to_day as usize], dark + TimeDelta::days(dark_days),
        );
        let timing = timing(&text, zone);
        let next = next_rotation(&timing, &format!("production/{number}"), &rotated(last_ms));
        let (due_ms, start_ms) = (next.due_ms.unwrap(), next.start_ms.unwrap());
        let open = |at_ms: i64| timing.open(Gate::Start, at_ms) == Opening::Now;
        let floor_ms = last_ms + every_days * DAY_MS / 10;
        prop_assert_eq!(due_ms, last_ms + every_days * DAY_MS);
        prop_assert!(start_ms >= floor_ms.min(due_ms) && open(start_ms), "{}: {:?}", text, next);
        let closed_from_ms = if start_ms > due_ms { floor_ms } else { start_ms };
        let mut quarters = (closed_from_ms..start_ms).step_by(15 * MINUTE_MS as usize);
        prop_assert!(!quarters.any(open), "{}: {:?}", text, next);
        prop_assert_eq!(start_ms > due_ms, next.reason.contains("; late: "));
    }

    #[test]
    fn jitter_is_stable_and_never_after_due(last_ms in 0_i64..4_000_000_000_000, id in "[a-z]{1,9}/[a-z-]{1,20}") {
        let timing = timing("every = \"30d\"\njitter = \"3d\"", Tz::UTC);
        let early = |last_ms| {
            let next = next_rotation(&timing, &id, &rotated(last_ms));
            next.due_ms.unwrap() - next.start_ms.unwrap()
        };
        prop_assert!((0..=3 * DAY_MS).contains(&early(last_ms)));
        prop_assert_eq!(early(last_ms), early(0));
    }

    #[test]
    fn the_next_opening_is_open_and_nothing_before_it_is(
        zone in zone(), at_ms in 1_700_000_000_000_i64..1_900_000_000_000, day in 0_usize..7, from in 0_u32..1440, length in 1_u32..1440,
    ) {
        const NAMES: [&str; 7] = ["mon", "Tuesday", "WED", "Thu", "Fri", "Sat", "Sun"];
        let to = (from + length) % 1440;
        let text = format!("{} {:02}:{:02}-{:02}:{:02}", NAMES[day], from / 60, from % 60, to / 60, to % 60);
        let windows = Windows::parse(&[text]).unwrap();
        let opens_ms = windows.next_open(at_ms, zone);
        prop_assert!(opens_ms >= at_ms && opens_ms < at_ms + 15 * DAY_MS);
        prop_assert!(windows.contains(opens_ms, zone));
        let mut before = (at_ms..opens_ms).step_by(20 * MINUTE_MS as usize);
        prop_assert!(!before.any(|at_ms| windows.contains(at_ms, zone)));
    }

    #[test]
    fn no_text_and_no_time_breaks_anything(cron in "[0-9*/,A-Z ?-]{0,30}", window in "[A-Za-z0-9:, -]{0,20}", at_ms in any::<i64>(), expires in any::<i64>()) {
        for text in [format!("cron = \"{cron}\""), format!("every = \"4000000000w\"\nwindow = [\"{window}\"]"), "every = \"1s\"\nwindow = [\"Sun 22:00-02:00\"]".to_owned()] {
            let timing = timing(&text, Tz::Europe__Berlin);
            let history = History { last_rotated_ms: Some(at_ms), credential_expires_ms: Some(expires), enrolled_ms: at_ms };
            next_rotation(&timing, "a/b", &history);
            timing.open(Gate::Start, at_ms);
            keywheel_schedules::check(&timing);
        }
    }
}
