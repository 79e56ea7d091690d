//! The plan and its blast radius, on stderr, before anything is asked for.

use crate::actions::{Asked, Radius};
use crate::rotation::words::Mode;

/// Prints what each rotation would touch.
pub(super) fn plan(radii: &[Radius], asked: &Asked) {
    for radius in radii {
        one(radius);
    }
    let consumers: usize = radii.iter().map(|radius| radius.consumers.len()).sum();
    anstream::eprintln!(
        "{} secret{}, {consumers} consumer{}, mode {}",
        radii.len(),
        plural(radii.len()),
        plural(consumers),
        asked.mode.word()
    );
    if asked.mode == Mode::Contain {
        compare();
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn one(radius: &Radius) {
    anstream::eprintln!("{}   owner {}", radius.id, radius.owner);
    if let Some(impact) = &radius.impact {
        anstream::eprintln!("  impact     {impact}");
    }
    anstream::eprintln!("  published  {}", radius.destinations.join(", "));
    let consumers: Vec<String> = radius
        .consumers
        .iter()
        .map(|(name, instances)| format!("{name} x{instances}"))
        .collect();
    anstream::eprintln!("  used by    {}", or_dash(&consumers.join(", ")));
    anstream::eprintln!("  undo       {}", radius.undo);
    let outage = if radius.outage.is_empty() {
        "none expected"
    } else {
        &radius.outage
    };
    anstream::eprintln!("  outage     {outage}");
    if let Some(phase) = &radius.under_way {
        anstream::eprintln!(
            "  under way  {phase}: an emergency takes it over, anything else joins it"
        );
    }
    if let Some(why) = radius.another {
        anstream::eprintln!("  rotations  two: {why}");
    }
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// No times are promised here: they depend on the consumers.
fn compare() {
    anstream::eprintln!("           leaked key is dead           outage");
    anstream::eprintln!(
        "  contain  first, before a new one      until every consumer has the new one"
    );
    anstream::eprintln!("  cutover  once every consumer is       none expected");
    anstream::eprintln!("           proven on the new one");
}
