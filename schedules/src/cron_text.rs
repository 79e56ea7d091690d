//! The five fields people write, turned into the fields of the `cron` crate.
//!
//! The crate wants seconds first, counts weekdays from Sunday = 1 where everybody else counts from
//! Sunday = 0, and fires only when day of month *and* weekday fit. crontab(5) fires when *either*
//! fits if both are restricted, so that case becomes two expressions.

use std::collections::BTreeSet;

const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// Expressions for the `cron` crate; a time fits if it fits one of them.
pub(crate) fn translated(text: &str) -> Result<Vec<String>, String> {
    let [minute, hour, day, month, weekday] = text.split_whitespace().collect::<Vec<_>>()[..]
    else {
        return Err(format!(
            "`{text}` does not have five fields: minute, hour, day of month, month, day of week"
        ));
    };
    let weekdays = weekdays(weekday).ok_or_else(|| {
        format!("`{weekday}` is not a day of week; write 0 to 7 or SUN to SAT, as lists and ranges")
    })?;
    let expression =
        |day: &str, weekdays: &str| format!("0 {minute} {hour} {day} {month} {weekdays}");
    let restricted = |field: &str| !field.starts_with(['*', '?']);
    if restricted(day) && restricted(weekday) {
        return Ok(vec![expression(day, "*"), expression("*", &weekdays)]);
    }
    Ok(vec![expression(day, &weekdays)])
}

/// A day-of-week field as a list of names.
fn weekdays(field: &str) -> Option<String> {
    let mut days = BTreeSet::new();
    for part in field.split(',') {
        days.extend(part_of_weekdays(part)?);
    }
    if days.len() == DAYS.len() {
        return Some("*".to_owned());
    }
    let names: Option<Vec<&str>> = days.into_iter().map(|day| DAYS.get(day).copied()).collect();
    names.map(|names| names.join(","))
}

/// `*`, `2`, `MON-FRI`, `5-7`, each with an optional `/step`, as days from Sunday = 0.
fn part_of_weekdays(part: &str) -> Option<Vec<usize>> {
    let (days, step) = match part.split_once('/') {
        Some((days, step)) => (
            days,
            Some(step.parse::<usize>().ok().filter(|step| *step > 0)?),
        ),
        None => (part, None),
    };
    let (first, last) = match (days, days.split_once('-')) {
        ("*" | "?", _) => (0, 6),
        (_, Some((first, last))) => (weekday(first)?, weekday(last)?),
        // `2/3` starts at 2 and goes on to the end of the week.
        (day, None) => (
            weekday(day)?,
            if step.is_some() { 6 } else { weekday(day)? },
        ),
    };
    // FRI-MON goes over the end of the week.
    let last = if last < first { last + 7 } else { last };
    Some(
        (first..=last)
            .step_by(step.unwrap_or(1))
            .map(|day| day % 7)
            .collect(),
    )
}

fn weekday(text: &str) -> Option<usize> {
    let named = DAYS.iter().position(|name| name.eq_ignore_ascii_case(text));
    named.or_else(|| text.parse().ok().filter(|day| *day <= 7))
}

#[cfg(test)]
mod tests {
    use super::{translated, weekdays};

    #[test]
    fn weekdays_count_from_sunday_as_zero_or_seven() {
        for (written, names) in [
            ("0", "SUN"),
            ("7", "SUN"),
            ("2", "TUE"),
            ("1-5", "MON,TUE,WED,THU,FRI"),
            ("5-7", "SUN,FRI,SAT"),
            ("FRI-MON", "SUN,MON,FRI,SAT"),
            ("tue,4", "TUE,THU"),
            ("*/2", "SUN,TUE,THU,SAT"),
            ("1/2", "MON,WED,FRI"),
            ("0-7", "*"),
            ("*", "*"),
            ("1-5/2", "MON,WED,FRI"),
        ] {
            assert_eq!(weekdays(written).as_deref(), Some(names), "{written}");
        }
        for wrong in ["8", "-1", "MONDAY", "", "1-", "1/0", "5#2", "L"] {
            assert_eq!(weekdays(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn day_of_month_or_weekday_is_two_expressions() {
        assert_eq!(
            translated("0 3 1 * MON").unwrap(),
            ["0 0 3 1 * *", "0 0 3 * * MON"]
        );
        assert_eq!(translated("0 3 * * 2").unwrap(), ["0 0 3 * * TUE"]);
        assert!(translated("@daily").unwrap_err().contains("five fields"));
    }
}
