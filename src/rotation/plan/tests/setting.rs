//! What is drawn once per case: the issuer, the destinations, the consumers, the durations.

use crate::inventory::{
    ConsumerSpec, Definition, Destination, IssuerSpec, Manage, NotifySpec, Origin, Role, StoreSpec,
    VerifySpec,
};
use crate::rotation::facts::Capabilities;
use crate::rotation::words::{Cause, Mode};
use keywheel_contract::{
    ChosenBy, ConsumerCapabilities, Find, IssuerCapabilities, SecretId, StoreCapabilities,
    Strength, Style,
};
use keywheel_schedules::{Span, Timing};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

/// Kinds of issuers, each with its own way through the phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Make {
    Overlap,
    Chosen,
    TwoSlots,
    Alternating,
    Assisted,
    /// Generated, with the previous value published beside the new one.
    Previous,
    Generated,
    InPlace,
    InPlaceReuse,
}

impl Make {
    pub(super) fn style(self) -> Style {
        match self {
            Self::Overlap | Self::Chosen => Style::Overlap,
            Self::TwoSlots => Style::TwoSlots,
            Self::Alternating => Style::Alternating,
            Self::Assisted => Style::Assisted,
            Self::Previous | Self::Generated => Style::Generated,
            Self::InPlace | Self::InPlaceReuse => Style::InPlace,
        }
    }

    fn chosen_by(self) -> ChosenBy {
        match self {
            Self::Overlap | Self::TwoSlots => ChosenBy::Issuer,
            Self::Assisted => ChosenBy::Person,
            _ => ChosenBy::Keywheel,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct StoreSetting {
    pub(super) stages: bool,
    pub(super) compare_and_set: bool,
    pub(super) versions: bool,
    pub(super) reversible: bool,
}

/// What a consumer does when it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    AtOnce,
    After(i64),
    Never,
}

#[derive(Debug, Clone)]
pub(super) struct ConsumerSetting {
    pub(super) canary: bool,
    pub(super) role: Option<Role>,
    pub(super) instances: u32,
    pub(super) reads: usize,
    pub(super) notifies: bool,
    /// What its evidence is worth; `None`: it cannot be seen.
    pub(super) strongest: Option<Strength>,
    pub(super) manner: Manner,
}

#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) make: Make,
    pub(super) mode: Mode,
    pub(super) cause: Cause,
    /// A credential is in use already.
    pub(super) has_old: bool,
    /// Its id at the issuer has to be asked for.
    pub(super) nameless: bool,
    pub(super) reversible: bool,
    pub(super) revokes: bool,
    pub(super) tests: bool,
    pub(super) last_use: bool,
    pub(super) sessions: bool,
    pub(super) activates: bool,
    pub(super) stores: Vec<StoreSetting>,
    pub(super) consumers: Vec<ConsumerSetting>,
    pub(super) overlap: Span,
    pub(super) quiet: Span,
    pub(super) undo: Span,
}

impl Setting {
    /// One destination that keeps versions, one consumer with one instance, an issuer that can do everything.
    pub(super) fn plain(make: Make) -> Self {
        let setting = Self {
            make,
            mode: Mode::Normal,
            cause: Cause::Manual,
            has_old: true,
            nameless: false,
            reversible: true,
            revokes: true,
            tests: true,
            last_use: false,
            sessions: false,
            activates: false,
            stores: vec![StoreSetting::plain()],
            consumers: vec![ConsumerSetting::plain()],
            overlap: Span::seconds(60),
            quiet: Span::ZERO,
            undo: Span::seconds(7_200),
        };
        setting.possible()
    }

    /// Takes away what this kind of issuer cannot do.
    pub(super) fn possible(mut self) -> Self {
        if matches!(self.make.style(), Style::Generated | Style::InPlace) {
            (self.reversible, self.revokes, self.nameless, self.activates) =
                (false, false, false, false);
            self.last_use = false;
            self.sessions = false;
        }
        if self.make.style() == Style::Generated {
            self.tests = false;
        }
        if matches!(
            self.make,
            Make::TwoSlots | Make::Alternating | Make::Overlap | Make::Chosen
        ) {
            self.revokes |= !self.reversible;
        }
        if matches!(
            self.make,
            Make::Overlap | Make::TwoSlots | Make::Alternating | Make::Chosen
        ) {
            // What such an issuer makes it can also take away: else no orphan could ever be ended.
            self.revokes = true;
        }
        self
    }

    pub(super) fn destination(index: usize) -> String {
        format!("s{index}:path")
    }

    pub(super) fn consumer(index: usize) -> String {
        format!("app{index}")
    }

    /// The inventory entry.
    pub(super) fn definition(&self) -> Definition {
        let consumers = self.consumers.iter().enumerate();
        Definition {
            id: SecretId::new("test", "example").unwrap(),
            owner: "team".to_owned(),
            impact: None,
            tags: Vec::new(),
            manage: Manage::Auto,
            issuer: IssuerSpec {
                name: "issuer".into(),
                kind: "imagined".into(),
                options: Default::default(),
            },
            in_place: Some("an example".to_owned()),
            no_consumers: Some("an example".to_owned()),
            current_id: None,
            destinations: (0..self.stores.len())
                .map(|index| self.place(index))
                .collect(),
            consumers: consumers
                .map(|(index, one)| (Self::consumer(index), one.spec()))
                .collect(),
            schedule: "test".to_owned(),
            timing: self.timing(),
            formerly: Vec::new(),
            origin: Origin {
                file: "example.toml".to_owned(),
                line: 1,
            },
        }
    }

    fn place(&self, index: usize) -> Destination {
        let mut fields = BTreeMap::from([("TOKEN".to_owned(), "{value}".to_owned())]);
        if self.make == Make::Previous {
            fields.insert("TOKEN_OLD".to_owned(), "{previous.value}".to_owned());
        }
        let options = Default::default();
        Destination {
            store: StoreSpec {
                name: format!("s{index}"),
                kind: "imagined".into(),
                options,
            },
            path: "path".to_owned(),
            fields,
            selector: None,
            proof_field: None,
        }
    }

    fn timing(&self) -> Timing {
        Timing {
            every: Some(Span::days(30)),
            cron: None,
            jitter: Span::ZERO,
            due_soon: Span::ZERO,
            proof: Strength::Claimed,
            prove_within: Span::seconds(3_600),
            overlap: self.overlap,
            quiet: self.quiet,
            undo: self.undo,
            time_zone: chrono_tz::Tz::UTC,
            window: Vec::new(),
            disable_window: Vec::new(),
            blackout: Vec::new(),
            first_due: None,
            apart_from: Vec::new(),
        }
    }

    /// What the outside systems can do.
    pub(super) fn capabilities(&self) -> Capabilities {
        let issuer = IssuerCapabilities {
            style: self.make.style(),
            chosen_by: self.make.chosen_by(),
            find: Find::ByTag,
            idempotent_mint: false,
            identifies: true,
            tests: self.tests,
            reversible: self.reversible,
            revokes: self.revokes,
            activates: self.activates,
            reports_last_use: self.last_use,
            sessions: self.sessions,
            reuse: self.make == Make::InPlaceReuse,
            host_bound: false,
            entropy_bits: Some(256),
        };
        let stores = self.stores.iter().enumerate();
        let consumers = self.consumers.iter().enumerate();
        Capabilities {
            issuer,
            stores: stores
                .map(|(index, one)| (Self::destination(index), one.capabilities()))
                .collect(),
            consumers: consumers
                .map(|(index, one)| (Self::consumer(index), one.capabilities()))
                .collect(),
        }
    }
}

impl StoreSetting {
    /// Compares and sets, keeps versions.
    pub(super) fn plain() -> Self {
        Self { stages: false, compare_and_set: true, versions: true, reversible: false }
    }

    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities {
            stages: self.stages,
            find: Find::ByTag,
            readable: true,
            idempotent_put: false,
            compare_and_set: self.compare_and_set,
            versions: self.versions,
            reversible: self.reversible,
            host_bound: false,
            max_bytes: None,
            converges_in: Duration::ZERO,
        }
    }
}

impl ConsumerSetting {
    pub(super) fn plain() -> Self {
        Self {
            canary: false,
            role: None,
            instances: 1,
            reads: 0,
            notifies: true,
            strongest: Some(Strength::Proven),
            manner: Manner::AtOnce,
        }
    }

    pub(super) fn spec(&self) -> ConsumerSpec {
        let verify = match self.strongest {
            Some(_) => VerifySpec::Exec {
                program: "check".to_owned(),
            },
            None => VerifySpec::None {
                why: "an example".to_owned(),
            },
        };
        ConsumerSpec {
            canary: self.canary,
            role: self.role,
            reads: Some(Setting::destination(self.reads)),
            notify: NotifySpec::None {
                why: "an example".to_owned(),
            },
            verify,
            instances: self.instances,
            proof: None,
        }
    }

    pub(super) fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities {
            strongest: self.strongest,
            notifies: self.notifies,
            host_bound: false,
        }
    }
}

/// Any setting with this kind of issuer.
pub(super) fn any_setting(make: Make) -> impl Strategy<Value = Setting> {
    let modes =
        prop_oneof![4 => Just(Mode::Normal), 1 => Just(Mode::Cutover), 1 => Just(Mode::Contain)];
    let flags = prop::array::uniform7(any::<bool>());
    let spans = prop::array::uniform3(prop_oneof![Just(0_u32), Just(60), Just(7_200)]);
    let has_old = prop::bool::weighted(0.9);
    let stores = prop::collection::vec(any_store(), 1..=3);
    let outside = stores.prop_flat_map(|stores| {
        let consumers = prop::collection::vec(any_consumer(stores.len()), 0..=4);
        (Just(stores), consumers)
    });
    (modes, flags, spans, has_old, outside).prop_map(
        move |(mode, flags, spans, has_old, outside)| {
            let [
                nameless,
                reversible,
                revokes,
                tests,
                last_use,
                sessions,
                activates,
            ] = flags;
            let [overlap, quiet, undo] = spans.map(Span::seconds);
            let cause = if mode == Mode::Contain {
                Cause::Emergency
            } else {
                Cause::Manual
            };
            let (stores, consumers) = outside;
            let setting = Setting {
                make,
                mode,
                cause,
                has_old,
                nameless,
                reversible,
                revokes,
                tests,
                last_use,
                sessions,
                activates: activates && make == Make::Chosen,
                stores,
                consumers,
                overlap,
                quiet,
                undo,
            };
            setting.possible()
        },
    )
}

fn any_store() -> impl Strategy<Value = StoreSetting> {
    prop::array::uniform4(any::<bool>()).prop_map(
        |[stages, compare_and_set, versions, reversible]| StoreSetting {
            stages: stages && versions,
            compare_and_set,
            versions,
            reversible: reversible && versions,
        },
    )
}

fn any_consumer(destinations: usize) -> impl Strategy<Value = ConsumerSetting> {
    let role = prop_oneof![
        Just(None),
        Just(Some(Role::Accepts)),
        Just(Some(Role::Presents))
    ];
    let manner = prop_oneof![
        5 => Just(Manner::AtOnce),
        2 => (1_i64..4_000_000).prop_map(Manner::After),
        1 => Just(Manner::Never)
    ];
    let strongest = prop_oneof![
        8 => Just(Some(Strength::Proven)),
        3 => Just(Some(Strength::Claimed)),
        1 => Just(Some(Strength::Restarted)),
        1 => Just(None)
    ];
    let bools = (any::<bool>(), prop::bool::weighted(0.8));
    (bools, role, 1_u32..=3, 0..destinations, strongest, manner).prop_map(
        |((canary, notifies), role, instances, reads, strongest, manner)| ConsumerSetting {
            canary,
            role,
            instances,
            reads,
            notifies,
            strongest,
            manner,
        },
    )
}
