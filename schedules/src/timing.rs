//! Every duration and window of one secret's schedule, after the layers have been put together.

use crate::Span;
use chrono_tz::Tz;
use keywheel_contract::Strength;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a secret is rotated and how long each wait lasts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// Period; exactly one of `every` and `cron` is set.
    pub every: Option<Span>,
    /// Five-field cron expression.
    pub cron: Option<String>,
    /// Starts up to this much earlier than due, stable per secret.
    #[serde(default)]
    pub jitter: Span,
    /// Shown as due soon this long before it is due.
    #[serde(default)]
    pub due_soon: Span,
    /// The weakest evidence accepted from each instance.
    #[serde(default)]
    pub proof: Strength,
    /// How long consumers may take to be proven before one more notify, then blocked.
    pub prove_within: Span,
    /// Both credentials stay valid at least this long after the last proof.
    #[serde(default)]
    pub overlap: Span,
    /// No use of the old credential may be seen for this long, where the issuer can tell.
    #[serde(default)]
    pub quiet: Span,
    /// Disabled, not yet ended for good.
    #[serde(default)]
    pub undo: Span,
    /// Zone of windows, cron and blackouts.
    #[serde(default = "utc")]
    pub time_zone: Tz,
    /// Gates minting, publishing and notifying; empty: always.
    #[serde(default)]
    pub window: Vec<String>,
    /// Gates disabling and revoking; empty: always.
    #[serde(default)]
    pub disable_window: Vec<String>,
    /// Gates all of these.
    #[serde(default)]
    pub blackout: Vec<Blackout>,
    /// Not before this local date, where the secret has never been rotated.
    #[serde(default)]
    pub first_due: Option<String>,
    /// Names of secrets of the same environment that must not rotate at the same time.
    #[serde(default)]
    pub apart_from: Vec<String>,
}

/// A time in which nothing starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Blackout {
    /// First local date.
    pub from: String,
    /// Last local date, included.
    pub to: String,
    /// Why.
    pub why: String,
}

const fn utc() -> Tz {
    Tz::UTC
}
