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
    /// Overlap, and what it made cannot be found again.
    Unfindable,
}

pub(super) const MAKES: [Make; 10] = [
    Make::Overlap,
    Make::Chosen,
    Make::TwoSlots,
    Make::Alternating,
    Make::Assisted,
    Make::Previous,
    Make::Generated,
    Make::InPlace,
    Make::InPlaceReuse,
    Make::Unfindable,
];

impl Make {
    pub(super) fn style(self) -> Style {
        match self {
            Self::Overlap | Self::Chosen | Self::Unfindable => Style::Overlap,
            Self::TwoSlots => Style::TwoSlots,
            Self::Alternating => Style::Alternating,
            Self::Assisted => Style::Assisted,
            Self::Previous | Self::Generated => Style::Generated,
            Self::InPlace | Self::InPlaceReuse => Style::InPlace,
        }
    }

    fn chosen_by(self) -> ChosenBy {
        match self {
            Self::Overlap | Self::TwoSlots | Self::Unfindable => ChosenBy::Issuer,
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
    /// Its issuer has to see the new credential used.
    pub(super) new_used: bool,
    pub(super) activates: bool,
    /// How long after a mint the issuer's list shows it.
    pub(super) lists_after: Duration,
    pub(super) stores: Vec<StoreSetting>,
    pub(super) consumers: Vec<ConsumerSetting>,
    pub(super) overlap: Span,
    pub(super) quiet: Span,
    pub(super) undo: Span,
    /// Only at certain hours.
    pub(super) windowed: bool,
    /// Whoever reports a leak accepts the outage in so many words.
    pub(super) accepts: bool,
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
            new_used: false,
            activates: false,
            lists_after: Duration::ZERO,
            stores: vec![StoreSetting::plain()],
            consumers: vec![ConsumerSetting::plain()],
            overlap: Span::seconds(60),
            quiet: Span::ZERO,
            undo: Span::seconds(7_200),
            windowed: false,
            accepts: true,
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
            Make::TwoSlots | Make::Alternating | Make::Overlap | Make::Chosen | Make::Unfindable
        ) {
            self.revokes |= !self.reversible;
        }
        if matches!(
            self.make,
            Make::Overlap | Make::TwoSlots | Make::Alternating | Make::Chosen | Make::Unfindable
        ) {
            // What such an issuer makes it can also take away: else no orphan could ever be ended.
            self.revokes = true;
        }
        self.new_used &= self.last_use || self.sessions;
        if self.make == Make::Unfindable && self.cause == Cause::Scheduled {
            // Begun attended only.
            self.cause = Cause::Manual;
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
                standby: 0,
            },
            in_place: Some("an example".to_owned()),
            no_consumers: Some("an example".to_owned()),
            new_used: self.new_used,
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
            window: self
                .windowed
                .then(|| "06:00-16:00".to_owned())
                .into_iter()
                .collect(),
            disable_window: self
                .windowed
                .then(|| "Sat 06:00-22:00".to_owned())
                .into_iter()
                .collect(),
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
            find: match self.make {
                Make::Unfindable => Find::None,
                _ => Find::ByTag,
            },
            lists_after: self.lists_after,
            idempotent_mint: false,
            identifies: true,
            tests: self.tests,
            reversible: self.reversible,
            revokes: self.revokes,
            activates: self.activates,
            reports_last_use: self.last_use,
            sessions: self.sessions,
            reuse: self.make == Make::InPlaceReuse,
            expires: false,
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
        Self {
            stages: false,
            compare_and_set: true,
            versions: true,
            reversible: false,
        }
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
