//! Scenarios that together meet every kind of effect.

use super::world::issuer::capable;
use super::world::native::NativeIssuer;
use super::world::shelf::Abilities;
use super::world::{Loss, Lost, Real};
use keywheel::inventory::{
    ConsumerSpec, Definition, Destination, IssuerSpec, Manage, NotifySpec, Origin, Role, StoreSpec,
    VerifySpec,
};
use keywheel::rotation::phase::Phase;
use keywheel::rotation::words::{Cause, Kind, Mode, Wish};
use keywheel_contract::{ChosenBy, IssuerCapabilities, Strength, Style};
use serde_json::Map;

/// Which store a destination is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreKind {
    /// A store of a provider: `files`, or the scenario's own.
    Real,
    /// A scripted one.
    Scripted(Abilities),
}

#[derive(Debug, Clone)]
pub(crate) struct PlannedDestination {
    pub(crate) name: &'static str,
    pub(crate) kind: StoreKind,
    /// Our fields there, by what they show; none for a whole value.
    pub(crate) fields: &'static [(&'static str, &'static str)],
}

#[derive(Debug, Clone)]
pub(crate) struct PlannedConsumer {
    pub(crate) name: &'static str,
    pub(crate) reads: &'static str,
    pub(crate) instances: u32,
    pub(crate) canary: bool,
    pub(crate) role: Option<Role>,
    pub(crate) polls: bool,
    /// Its first instance takes no new value.
    pub(crate) deaf: bool,
}

/// What happens outside and in which order people act.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// `None`: the real `random` issuer.
    pub(crate) issuer: Option<IssuerCapabilities>,
    pub(crate) destinations: Vec<PlannedDestination>,
    pub(crate) consumers: Vec<PlannedConsumer>,
    pub(crate) mode: Mode,
    pub(crate) cause: Cause,
    /// What a person asks once, when the rotation rests in this phase.
    pub(crate) person: Option<(Phase, Wish)>,
    /// An instance goes back once, when the rotation rests in this phase.
    pub(crate) goes_back: Option<Phase>,
    /// A leak is reported once, when the rotation rests in this phase.
    pub(crate) leak: Option<Phase>,
    pub(crate) losses: Vec<Loss>,
    /// The store of its real destinations; `files` where it names none.
    pub(crate) real: Option<Real>,
    /// The issuer of a provider, instead of a scripted one.
    pub(crate) native: Option<NativeIssuer>,
    /// How every rotation of it ends.
    pub(crate) ends: Vec<Phase>,
}

/// Longer than two leases, so that people still come in time; short enough for few looks.
const TIMING: &str = r#"
every        = "30d"
prove_within = "15s"
overlap      = "15s"
undo         = "15s"
"#;
pub(super) const MAIN: &str = "main:app";
const FOLDER: &str = "folder:app";
const BOTH: [(&str, &str); 2] = [("TOKEN", "{value}"), ("TOKEN_OLD", "{previous.value}")];
pub(crate) const PLAIN: Abilities = Abilities {
    stages: false,
    readable: true,
};

fn destination(name: &'static str, kind: StoreKind) -> PlannedDestination {
    PlannedDestination {
        name,
        kind,
        fields: &[],
    }
}

fn consumer(name: &'static str, reads: &'static str) -> PlannedConsumer {
    PlannedConsumer {
        name,
        reads,
        instances: 1,
        canary: false,
        role: None,
        polls: false,
        deaf: false,
    }
}

/// Mint, two destinations, a canary, two more consumers.
pub(crate) fn overlap() -> Scenario {
    let can = IssuerCapabilities {
        sessions: true,
        ..capable(Style::Overlap, ChosenBy::Issuer)
    };
    Scenario {
        name: "overlap",
        issuer: Some(can),
        destinations: vec![
            destination(MAIN, StoreKind::Scripted(PLAIN)),
            destination(FOLDER, StoreKind::Real),
        ],
        consumers: vec![
            PlannedConsumer {
                canary: true,
                ..consumer("canary", MAIN)
            },
            PlannedConsumer {
                instances: 2,
                ..consumer("app", MAIN)
            },
            PlannedConsumer {
                polls: true,
                ..consumer("cron", FOLDER)
            },
        ],
        mode: Mode::Normal,
        cause: Cause::Manual,
        person: None,
        goes_back: None,
        leak: None,
        losses: Vec::new(),
        real: None,
        native: None,
        ends: vec![Phase::Completed],
    }
}

/// One scripted destination, one consumer.
fn small(name: &'static str, style: Style, chosen_by: ChosenBy) -> Scenario {
    Scenario {
        name,
        issuer: Some(capable(style, chosen_by)),
        destinations: vec![destination(MAIN, StoreKind::Scripted(PLAIN))],
        consumers: vec![consumer("app", MAIN)],
        ..overlap()
    }
}

fn minted(name: &'static str) -> Scenario {
    small(name, Style::Overlap, ChosenBy::Issuer)
}

/// Applied and staged, at an issuer that presents the value itself.
fn staged() -> Scenario {
    let can = IssuerCapabilities {
        activates: true,
        ..capable(Style::Alternating, ChosenBy::Keywheel)
    };
    let stages = Abilities {
        stages: true,
        readable: true,
    };
    Scenario {
        issuer: Some(can),
        destinations: vec![destination(MAIN, StoreKind::Scripted(stages))],
        ..minted("staged")
    }
}

/// Honoured by its consumers, who take two values: real issuer, real store.
fn generated() -> Scenario {
    let side = |name, role| PlannedConsumer {
        role: Some(role),
        ..consumer(name, FOLDER)
    };
    Scenario {
        issuer: None,
        destinations: vec![PlannedDestination {
            fields: &BOTH,
            ..destination(FOLDER, StoreKind::Real)
        }],
        consumers: vec![
            side("gateway", Role::Accepts),
            side("nightly", Role::Presents),
        ],
        ..minted("generated")
    }
}

/// A consumer goes back after the old credential was disabled.
fn relapse() -> Scenario {
    Scenario {
        destinations: vec![
            destination(MAIN, StoreKind::Scripted(PLAIN)),
            destination(FOLDER, StoreKind::Real),
        ],
        ..relapse_named("relapse")
    }
}

fn relapse_named(name: &'static str) -> Scenario {
    Scenario {
        goes_back: Some(Phase::Observing),
        ..minted(name)
    }
}

/// A consumer goes back while both are valid.
pub(crate) fn unsteady() -> Scenario {
    Scenario {
        goes_back: Some(Phase::Overlapping),
        ..minted("unsteady")
    }
}

pub(crate) fn rollback() -> Scenario {
    Scenario {
        name: "rollback",
        person: Some((Phase::Overlapping, Wish::Rollback)),
        ends: vec![Phase::RolledBack],
        ..overlap()
    }
}

/// A person turns back after the old credential was disabled.
fn late_rollback() -> Scenario {
    Scenario {
        person: Some((Phase::Observing, Wish::Rollback)),
        ends: vec![Phase::RolledBack],
        ..small("late rollback", Style::Alternating, ChosenBy::Keywheel)
    }
}

fn staged_rollback() -> Scenario {
    Scenario {
        name: "staged rollback",
        person: Some((Phase::Overlapping, Wish::Rollback)),
        ends: vec![Phase::RolledBack],
        ..staged()
    }
}

fn in_place() -> Scenario {
    small("in place", Style::InPlace, ChosenBy::Keywheel)
}

/// A consumer does not take the new value, and a person turns back.
fn in_place_rollback() -> Scenario {
    Scenario {
        name: "in place rollback",
        consumers: vec![PlannedConsumer {
            deaf: true,
            ..consumer("app", MAIN)
        }],
        person: Some((Phase::Verifying, Wish::Rollback)),
        ends: vec![Phase::RolledBack],
        ..in_place()
    }
}

/// The first minted credential's answer is lost.
fn orphan() -> Scenario {
    Scenario {
        losses: vec![Loss {
            kind: Kind::Mint,
            target: String::new(),
            how: Lost::Answer,
        }],
        ..minted("orphan")
    }
}

fn idempotent() -> Scenario {
    let can = IssuerCapabilities {
        idempotent_mint: true,
        reversible: false,
        ..capable(Style::TwoSlots, ChosenBy::Issuer)
    };
    Scenario {
        issuer: Some(can),
        ..minted("idempotent")
    }
}

fn cutover() -> Scenario {
    Scenario {
        mode: Mode::Cutover,
        cause: Cause::Emergency,
        ..minted("cutover")
    }
}

fn contain() -> Scenario {
    Scenario {
        mode: Mode::Contain,
        cause: Cause::Emergency,
        ..minted("contain")
    }
}

/// A leak is reported while both credentials are valid.
fn leak() -> Scenario {
    Scenario {
        leak: Some(Phase::Overlapping),
        ends: vec![Phase::Completed, Phase::Completed],
        ..minted("leak")
    }
}

/// The same with a value that both rotations write to one destination.
fn generated_leak() -> Scenario {
    Scenario {
        name: "generated leak",
        leak: Some(Phase::Overlapping),
        ends: vec![Phase::Completed, Phase::Completed],
        ..generated()
    }
}

/// A person turns back while both are accepted.
fn generated_rollback() -> Scenario {
    Scenario {
        name: "generated rollback",
        person: Some((Phase::Overlapping, Wish::Rollback)),
        ends: vec![Phase::RolledBack],
        ..generated()
    }
}

/// One destination in a provider's store; a consumer goes back after the old credential was disabled.
pub(crate) fn forth(real: &Real) -> Scenario {
    Scenario {
        destinations: vec![PlannedDestination {
            fields: &[("TOKEN", "{value}")],
            ..destination(MAIN, StoreKind::Real)
        }],
        real: Some(real.clone()),
        ..relapse_named(real.name)
    }
}

/// The same store; a person turns back while both are valid.
pub(crate) fn and_back(real: &Real) -> Scenario {
    Scenario {
        goes_back: None,
        person: Some((Phase::Overlapping, Wish::Rollback)),
        ends: vec![Phase::RolledBack],
        ..forth(real)
    }
}

/// A provider's issuer: a consumer goes back after the old credential was disabled; a person turns back while both are
/// valid; a person turns back after the old one was disabled.
pub(crate) fn of_issuer(native: &NativeIssuer) -> Vec<Scenario> {
    let back = |phase| Scenario {
        goes_back: None,
        person: Some((phase, Wish::Rollback)),
        ends: vec![Phase::RolledBack],
        ..of_native(native)
    };
    let forth = of_native(native);
    vec![forth, back(Phase::Overlapping), back(Phase::Observing)]
}

fn of_native(native: &NativeIssuer) -> Scenario {
    Scenario {
        issuer: Some(native.can.clone()),
        native: Some(native.clone()),
        ..relapse_named(native.name)
    }
}

/// Every scenario of the sweep.
pub(crate) fn all() -> Vec<Scenario> {
    vec![
        overlap(),
        staged(),
        generated(),
        relapse(),
        unsteady(),
        rollback(),
        late_rollback(),
        staged_rollback(),
        in_place(),
        in_place_rollback(),
        orphan(),
        idempotent(),
        cutover(),
        contain(),
        leak(),
        generated_leak(),
        generated_rollback(),
    ]
}

impl Scenario {
    /// The inventory entry of it, for a secret of that id.
    pub(crate) fn definition(&self, secret: &str) -> Definition {
        let timing = toml::from_str(TIMING).unwrap();
        let consumers = self
            .consumers
            .iter()
            .map(|c| (c.name.to_owned(), spec_of(c)));
        let in_place = self
            .issuer
            .as_ref()
            .is_some_and(|can| can.style == Style::InPlace);
        Definition {
            id: secret.to_owned().try_into().unwrap(),
            owner: "ml".into(),
            impact: None,
            tags: Vec::new(),
            manage: Manage::Approve,
            issuer: IssuerSpec {
                name: "issuer".into(),
                kind: "scripted".into(),
                options: Map::new(),
                standby: 0,
            },
            in_place: in_place.then(|| "an example".to_owned()),
            no_consumers: self.consumers.is_empty().then(|| "an example".to_owned()),
            new_used: false,
            current_id: None,
            destinations: self.destinations.iter().map(destination_of).collect(),
            consumers: consumers.collect(),
            schedule: "production".into(),
            timing,
            formerly: Vec::new(),
            origin: Origin {
                file: "inventory/production/ml.toml".into(),
                line: 1,
            },
        }
    }
}

fn destination_of(planned: &PlannedDestination) -> Destination {
    let (store, path) = planned.name.split_once(':').unwrap();
    let field = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    Destination {
        store: StoreSpec {
            name: store.to_owned(),
            kind: "scripted".into(),
            options: Map::new(),
        },
        path: path.to_owned(),
        fields: planned.fields.iter().map(field).collect(),
        selector: None,
        proof_field: None,
    }
}

fn spec_of(planned: &PlannedConsumer) -> ConsumerSpec {
    let why = "an example".to_owned();
    ConsumerSpec {
        canary: planned.canary,
        role: planned.role,
        reads: Some(planned.reads.to_owned()),
        notify: match planned.polls {
            true => NotifySpec::None { why },
            false => NotifySpec::Exec {
                program: "example".into(),
            },
        },
        verify: VerifySpec::Exec {
            program: "example".into(),
        },
        instances: planned.instances,
        proof: Some(Strength::Proven),
    }
}
