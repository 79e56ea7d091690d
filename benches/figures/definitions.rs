//! Secrets as an inventory would define them, for as many as a cell wants.

use anyhow::Result;
use keywheel::inventory::{
    ConsumerSpec, Definition, Destination, IssuerSpec, Manage, NotifySpec, Origin, StoreSpec,
    VerifySpec,
};
use keywheel_contract::{SecretId, Strength};
use keywheel_schedules::{Span, Timing};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Secrets per file: a large team's.
pub(crate) const PER_FILE: usize = 1_000;

/// The secret with this number, published below `store`.
pub(crate) fn definition(number: usize, store: &Path, manage: Manage) -> Result<Definition> {
    let name = name(number);
    Ok(Definition {
        id: SecretId::new("production", &name)?,
        owner: "team".to_owned(),
        impact: Some("one of many services is down".to_owned()),
        tags: vec!["figures".to_owned()],
        manage,
        issuer: IssuerSpec {
            name: "random".to_owned(),
            kind: "random".to_owned(),
            options: object(json!({ "length": 48 })),
            standby: 0,
        },
        in_place: None,
        no_consumers: None,
        new_used: false,
        current_id: None,
        destinations: vec![Destination {
            store: StoreSpec {
                name: "main".to_owned(),
                kind: "files".to_owned(),
                options: object(json!({ "root": store })),
            },
            path: path(number),
            fields: BTreeMap::from([("TOKEN".to_owned(), "{value}".to_owned())]),
            selector: None,
            proof_field: None,
        }],
        consumers: BTreeMap::from([("app".to_owned(), consumer())]),
        schedule: "figures".to_owned(),
        timing: timing(),
        formerly: Vec::new(),
        origin: Origin {
            file: format!("inventory/production/team-{:04}.toml", number / PER_FILE),
            line: u32::try_from(number % PER_FILE)? + 1,
        },
    })
}

/// Its name.
pub(crate) fn name(number: usize) -> String {
    format!("token-{number:07}")
}

/// Where it is published. Folders of 1,000, as people would have them.
pub(crate) fn path(number: usize) -> String {
    format!("{:04}/{}", number / PER_FILE, name(number))
}

fn consumer() -> ConsumerSpec {
    ConsumerSpec {
        canary: false,
        role: None,
        reads: None,
        notify: NotifySpec::Http {
            url: "http://127.0.0.1/-/reload".to_owned(),
            bearer: None,
        },
        verify: VerifySpec::Http {
            url: "http://127.0.0.1/.well-known/keywheel".to_owned(),
            bearer: None,
        },
        instances: 1,
        proof: None,
    }
}

/// Every 30 days, and each wait of a rotation at zero.
fn timing() -> Timing {
    Timing {
        every: Some(Span::days(30)),
        cron: None,
        jitter: Span::ZERO,
        due_soon: Span::days(7),
        proof: Strength::Proven,
        prove_within: Span::seconds(3_600),
        overlap: Span::ZERO,
        quiet: Span::ZERO,
        undo: Span::ZERO,
        time_zone: chrono_tz::UTC,
        window: Vec::new(),
        disable_window: Vec::new(),
        blackout: Vec::new(),
        first_due: None,
        apart_from: Vec::new(),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
