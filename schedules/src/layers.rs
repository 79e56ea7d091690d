//! Schedules in layers: preset < defaults < environment < team file < template < secret.

use crate::check::{Problem, check};
use crate::span::Span;
use crate::timing::{Blackout, Timing};
use chrono_tz::Tz;
use keywheel_contract::Strength;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// When a secret is rotated and how long each wait lasts. Every key is optional; a later layer wins
/// key by key.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartialTiming {
    /// Period between two rotations, like "30d". Instead of `cron`, and takes the place of one set
    /// in an earlier layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// Times of rotations as the usual five fields in `time_zone`, like "0 3 * * TUE". Instead of
    /// `every`, and takes the place of one set in an earlier layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// Starts up to this much earlier than due, stable per secret, so that not all start at once.
    /// Smaller than the period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Span>,
    /// Shown as due soon this long before it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_soon: Option<Span>,
    /// The weakest evidence accepted from each instance of a consumer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "proof_schema")]
    pub proof: Option<Strength>,
    /// How long consumers may take to be proven before one more notify, then blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prove_within: Option<Span>,
    /// Both credentials stay valid at least this long after the last proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Span>,
    /// No use of the old credential may be seen for this long, where the issuer can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Span>,
    /// How long the old credential is disabled before it is ended for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<Span>,
    /// Time zone of windows, cron, blackouts and dates, like "Europe/Berlin". UTC if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub time_zone: Option<Tz>,
    /// When minting, publishing and notifying may happen, like ["Mon-Thu 06:00-16:00"]. Empty:
    /// always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Vec<String>>,
    /// When disabling and revoking may happen, like ["Sat 06:00-22:00"]. Empty: always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_window: Option<Vec<String>>,
    /// Dates on which none of these happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blackout: Option<Vec<Blackout>>,
    /// Local date of the first rotation, like "2026-12-01", where the secret has never been rotated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_due: Option<String>,
    /// Names of secrets of the same environment that must not rotate at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apart_from: Option<Vec<String>>,
}

impl PartialTiming {
    /// This layer over a lower one: each key set here wins. `every` and `cron` are one choice, so
    /// setting either here drops both of the lower layer.
    #[must_use]
    pub fn over(self, lower: Self) -> Self {
        let policy_here = self.every.is_some() || self.cron.is_some();
        let policy = if policy_here {
            (self.every, self.cron)
        } else {
            (lower.every, lower.cron)
        };
        Self {
            every: policy.0,
            cron: policy.1,
            jitter: self.jitter.or(lower.jitter),
            due_soon: self.due_soon.or(lower.due_soon),
            proof: self.proof.or(lower.proof),
            prove_within: self.prove_within.or(lower.prove_within),
            overlap: self.overlap.or(lower.overlap),
            quiet: self.quiet.or(lower.quiet),
            undo: self.undo.or(lower.undo),
            time_zone: self.time_zone.or(lower.time_zone),
            window: self.window.or(lower.window),
            disable_window: self.disable_window.or(lower.disable_window),
            blackout: self.blackout.or(lower.blackout),
            first_due: self.first_due.or(lower.first_due),
            apart_from: self.apart_from.or(lower.apart_from),
        }
    }

    /// The whole schedule: keys that no layer has set take their defaults.
    ///
    /// # Errors
    /// Everything [`check`] finds, and a missing `prove_within`, which has no default.
    pub fn resolve(self) -> Result<Timing, Vec<Problem>> {
        let prove_within = self.prove_within;
        let timing = Timing {
            every: self.every,
            cron: self.cron,
            jitter: self.jitter.unwrap_or_default(),
            due_soon: self.due_soon.unwrap_or_default(),
            proof: self.proof.unwrap_or_default(),
            prove_within: prove_within.unwrap_or_default(),
            overlap: self.overlap.unwrap_or_default(),
            quiet: self.quiet.unwrap_or_default(),
            undo: self.undo.unwrap_or_default(),
            time_zone: self.time_zone.unwrap_or(Tz::UTC),
            window: self.window.unwrap_or_default(),
            disable_window: self.disable_window.unwrap_or_default(),
            blackout: self.blackout.unwrap_or_default(),
            first_due: self.first_due,
            apart_from: self.apart_from.unwrap_or_default(),
        };
        let mut problems = check(&timing);
        if prove_within.is_none() {
            let message = "nothing says how long consumers may take to be proven; set `prove_within`, like \"1h\"";
            problems.push(Problem {
                key: "prove_within",
                message: message.to_owned(),
            });
        }
        if problems.is_empty() {
            Ok(timing)
        } else {
            Err(problems)
        }
    }
}

fn proof_schema(_: &mut SchemaGenerator) -> Schema {
    let words = [
        Strength::Delivered,
        Strength::Restarted,
        Strength::Claimed,
        Strength::Proven,
    ]
    .map(Strength::word);
    json_schema!({ "type": ["string", "null"], "enum": [words[0], words[1], words[2], words[3], null] })
}

#[cfg(test)]
mod tests {
    use super::PartialTiming;
    use crate::Span;

    fn layer(text: &str) -> PartialTiming {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_later_layer_wins_key_by_key() {
        let lower = layer("every = \"30d\"\nprove_within = \"1h\"\nwindow = [\"06:00-08:00\"]");
        let timing = layer("overlap = \"2h\"\nwindow = []")
            .over(lower)
            .resolve()
            .unwrap();
        assert_eq!(
            (timing.every, timing.overlap),
            (Some(Span::days(30)), Span::seconds(7_200))
        );
        assert!(timing.window.is_empty());
    }

    #[test]
    fn a_later_every_clears_an_earlier_cron_and_the_other_way_round() {
        let (every, cron) = (layer("every = \"30d\""), layer("cron = \"0 3 * * *\""));
        assert_eq!(every.clone().over(cron.clone()), every);
        assert_eq!(cron.clone().over(every), cron);
    }

    #[test]
    fn both_in_one_layer_is_a_problem_and_so_is_a_missing_wait() {
        let problems = layer("every = \"30d\"\ncron = \"0 3 * * *\"")
            .resolve()
            .unwrap_err();
        let keys: Vec<_> = problems.iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["cron", "prove_within"]);
    }

    #[test]
    fn unknown_keys_are_refused_and_layers_print_what_was_set() {
        assert!(toml::from_str::<PartialTiming>("evry = \"30d\"").is_err());
        let text = "every = \"30d\"\nproof = \"proven\"\ntime_zone = \"Europe/Berlin\"\n";
        assert_eq!(toml::to_string(&layer(text)).unwrap(), text);
    }

    #[test]
    fn the_schema_describes_every_key_and_knows_the_words_of_proof() {
        let schema = serde_json::to_value(schemars::schema_for!(PartialTiming)).unwrap();
        let keys = schema["properties"].as_object().unwrap();
        assert_eq!(keys.len(), 15);
        assert!(
            keys.values().all(|key| key["description"].is_string()),
            "{keys:?}"
        );
        assert_eq!(keys["proof"]["enum"][2], "claimed");
        assert_eq!(schema["additionalProperties"], false);
    }
}
