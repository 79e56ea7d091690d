//! The closed sets of words that a rotation is described with.

use serde::{Deserialize, Serialize};

/// How a rotation is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everything is kept: overlap, quiet, undo.
    #[default]
    Normal,
    /// Overlap, quiet and undo are skipped; evidence is still asked for.
    Cutover,
    /// The leaked credential is ended first; the outage is accepted.
    Contain,
}

impl Mode {
    /// The word in journal, audit and on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Cutover => "cutover",
            Self::Contain => "contain",
        }
    }

    /// Whether this mode already skips all that the other one does.
    pub fn is_at_least(self, other: Self) -> bool {
        let rank = |mode| match mode {
            Self::Normal => 0,
            Self::Cutover => 1,
            Self::Contain => 2,
        };
        rank(self) >= rank(other)
    }

    /// Reads [`word`](Self::word) back.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Normal, Self::Cutover, Self::Contain]
            .into_iter()
            .find(|mode| mode.word() == word)
    }
}

/// Who or what asked for a rotation; `trigger` on screens and in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The schedule.
    Scheduled,
    /// A leak.
    Emergency,
    /// A person, without a leak.
    Manual,
    /// The value was changed outside our hands.
    Drift,
}

impl Cause {
    /// The word in journal, audit and on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Emergency => "emergency",
            Self::Manual => "manual",
            Self::Drift => "drift",
        }
    }

    /// Reads [`word`](Self::word) back.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Scheduled, Self::Emergency, Self::Manual, Self::Drift]
            .into_iter()
            .find(|cause| cause.word() == word)
    }
}

/// Whether a rotation moves by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// There is something to do now.
    Active,
    /// It waits for a moment, a consumer, a window.
    Waiting,
    /// It asks a person one question.
    Blocked,
    /// It is over.
    Ended,
}

impl State {
    /// The word in journal, audit and on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
            Self::Ended => "ended",
        }
    }

    /// Reads [`word`](Self::word) back.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Waiting, Self::Blocked, Self::Ended]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

/// What a person asked a rotation under way to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Nothing: go on.
    #[default]
    None,
    /// Go back to the old credential.
    Rollback,
    /// Make the old credential work again, then hold.
    Reenable,
    /// Re-enabled by a person; nothing is ended until `retry`.
    Held,
}

impl Wish {
    /// The word in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Rollback => "rollback",
            Self::Reenable => "reenable",
            Self::Held => "held",
        }
    }

    /// Reads [`word`](Self::word) back.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::None, Self::Rollback, Self::Reenable, Self::Held]
            .into_iter()
            .find(|wish| wish.word() == word)
    }
}

/// Every kind of effect on an outside system. The crash sweep is generated from this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The issuer makes a credential and chooses its value.
    Mint,
    /// The issuer is made to honour a value we chose.
    Apply,
    /// A credential that a lost answer left behind is ended.
    RevokeOrphan,
    /// An issuer that presents the value itself starts to.
    Activate,
    /// A destination gets the candidate without showing it.
    Stage,
    /// A destination comes to serve the candidate.
    Publish,
    /// A consumer is told of the candidate.
    Notify,
    /// A consumer is told once more.
    NotifyAgain,
    /// The old credential is ended reversibly at its issuer.
    DisableCredential,
    /// A destination's old version is made unreadable.
    DisableVersion,
    /// The old credential is brought back.
    EnableCredential,
    /// A destination's old version is made readable again.
    EnableVersion,
    /// A destination stops showing the previous value beside the new one.
    DropPrevious,
    /// A consumer is told of that.
    NotifyDropped,
    /// The old credential is ended for good at its issuer.
    Revoke,
    /// Sessions of the old credential are ended.
    EndSessions,
    /// A destination's old version is ended for good, as far as the store can.
    DestroyVersion,
    /// The old value is applied again at an issuer that holds only one.
    ApplyBack,
    /// A destination comes to serve the old value again, as a new version.
    Republish,
    /// A consumer is told of that.
    NotifyBack,
    /// The candidate is ended at its issuer, after every consumer is proven back.
    DestroyCandidate,
    /// A destination's candidate version is ended for good.
    DestroyCandidateVersion,
}

/// Whose system a call goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Who honours the credential.
    Issuer,
    /// A destination's store.
    Store,
    /// Who uses it.
    Consumer,
}

/// Every kind, in the order in which a run meets them.
pub const KINDS: [Kind; 22] = [
    Kind::Mint,
    Kind::Apply,
    Kind::RevokeOrphan,
    Kind::Activate,
    Kind::Stage,
    Kind::Publish,
    Kind::Notify,
    Kind::NotifyAgain,
    Kind::DisableCredential,
    Kind::DisableVersion,
    Kind::EnableCredential,
    Kind::EnableVersion,
    Kind::DropPrevious,
    Kind::NotifyDropped,
    Kind::Revoke,
    Kind::EndSessions,
    Kind::DestroyVersion,
    Kind::ApplyBack,
    Kind::Republish,
    Kind::NotifyBack,
    Kind::DestroyCandidate,
    Kind::DestroyCandidateVersion,
];

impl Kind {
    /// The word in journal, audit and on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mint => "mint",
            Self::Apply => "apply",
            Self::RevokeOrphan => "revoke_orphan",
            Self::Activate => "activate",
            Self::Stage => "stage",
            Self::Publish => "publish",
            Self::Notify => "notify",
            Self::NotifyAgain => "notify_again",
            Self::DisableCredential => "disable_credential",
            Self::DisableVersion => "disable_version",
            Self::EnableCredential => "enable_credential",
            Self::EnableVersion => "enable_version",
            Self::DropPrevious => "drop_previous",
            Self::NotifyDropped => "notify_dropped",
            Self::Revoke => "revoke",
            Self::EndSessions => "end_sessions",
            Self::DestroyVersion => "destroy_version",
            Self::ApplyBack => "apply_back",
            Self::Republish => "republish",
            Self::NotifyBack => "notify_back",
            Self::DestroyCandidate => "destroy_candidate",
            Self::DestroyCandidateVersion => "destroy_candidate_version",
        }
    }

    /// Reads [`word`](Self::word) back.
    pub fn from_word(word: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.word() == word)
    }

    /// Effects that end a credential or a copy of it: each needs evidence before its intent.
    pub fn ends_old(self) -> bool {
        matches!(
            self,
            Self::DisableCredential
                | Self::DisableVersion
                | Self::DropPrevious
                | Self::Revoke
                | Self::EndSessions
                | Self::DestroyVersion
        )
    }

    /// Whether it ends the candidate, or a published version of it.
    pub fn ends_candidate(self) -> bool {
        matches!(self, Self::DestroyCandidate | Self::DestroyCandidateVersion)
    }

    /// Effects after which there is no way back.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Revoke | Self::DestroyVersion | Self::DropPrevious | Self::EndSessions
        )
    }

    /// Puts a value into a destination.
    pub fn writes(self) -> bool {
        matches!(
            self,
            Self::Stage | Self::Publish | Self::Republish | Self::DropPrevious
        )
    }

    /// Whose system is called.
    pub fn side(self) -> Side {
        match self {
            Self::Stage
            | Self::Publish
            | Self::Republish
            | Self::DropPrevious
            | Self::DisableVersion
            | Self::EnableVersion
            | Self::DestroyVersion
            | Self::DestroyCandidateVersion => Side::Store,
            Self::Notify | Self::NotifyAgain | Self::NotifyBack | Self::NotifyDropped => {
                Side::Consumer
            }
            _ => Side::Issuer,
        }
    }

    /// Asking a second time does no harm, so that a lost call needs no reading and no waiting.
    pub fn is_harmless(self) -> bool {
        matches!(
            self,
            Self::Notify
                | Self::NotifyAgain
                | Self::NotifyBack
                | Self::NotifyDropped
                | Self::EndSessions
        )
    }
}

/// What became of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Committed, its outcome not known: after a crash, *in doubt*.
    Intent,
    /// It took effect.
    Applied,
    /// It did not, and can no longer: proven by reading after its deadline.
    Absent,
    /// It was refused and did not take effect.
    Failed,
    /// It waits for a person in the outside system.
    Pending,
    /// It took effect and its answer is lost for good: what it made is to be removed.
    Orphaned,
}

/// Every status, for reading words back and for comparing with the tables.
pub const STATUSES: [Status; 6] = [
    Status::Intent,
    Status::Applied,
    Status::Absent,
    Status::Failed,
    Status::Pending,
    Status::Orphaned,
];

impl Status {
    /// The word in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Applied => "applied",
            Self::Absent => "absent",
            Self::Failed => "failed",
            Self::Pending => "pending",
            Self::Orphaned => "orphaned",
        }
    }

    /// Reads [`word`](Self::word) back.
    pub fn from_word(word: &str) -> Option<Self> {
        STATUSES.into_iter().find(|status| status.word() == word)
    }
}

/// Every kind of reading, which changes nothing outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// What stands in a destination, its version and value.
    Inspect,
    /// Which credential the old value is.
    Identify,
    /// A new value was chosen and sealed.
    Propose,
    /// A spare was tried and taken.
    TakeSpare,
    /// The candidate works.
    TestCandidate,
    /// A destination serves what we published.
    Served,
    /// A consumer was asked.
    Observe,
    /// When the old credential was last used.
    LastUse,
    /// Who was refused with the old credential since it is disabled.
    RefusedUses,
    /// Who used the candidate since it is published.
    NewUse,
    /// The old credential works.
    TestOld,
    /// The old credential is refused.
    RefusedOld,
    /// An effect in doubt was looked up.
    Settle,
}

/// Every kind of reading.
pub const LOOKS: [Look; 13] = [
    Look::Inspect,
    Look::Identify,
    Look::Propose,
    Look::TakeSpare,
    Look::TestCandidate,
    Look::Served,
    Look::Observe,
    Look::LastUse,
    Look::RefusedUses,
    Look::NewUse,
    Look::TestOld,
    Look::RefusedOld,
    Look::Settle,
];

impl Look {
    /// The word in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inspect => "inspect",
            Self::Identify => "identify",
            Self::Propose => "propose",
            Self::TakeSpare => "take_spare",
            Self::TestCandidate => "test_candidate",
            Self::Served => "served",
            Self::Observe => "observe",
            Self::LastUse => "last_use",
            Self::RefusedUses => "refused_uses",
            Self::NewUse => "new_use",
            Self::TestOld => "test_old",
            Self::RefusedOld => "refused_old",
            Self::Settle => "settle",
        }
    }

    /// Reads [`word`](Self::word) back.
    pub fn from_word(word: &str) -> Option<Self> {
        LOOKS.into_iter().find(|look| look.word() == word)
    }
}
