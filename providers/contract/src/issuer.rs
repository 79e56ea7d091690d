//! The system that honours a credential.

use crate::{CredentialId, Error, Examination, Fields, Find, Finding, Result, Tag, Verdict};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How an issuer lets one credential follow another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Many credentials at once.
    Overlap,
    /// Exactly two at once.
    TwoSlots,
    /// Two principals in turn; the idle one gets a new value. Ending one takes its login and its value away.
    Alternating,
    /// A person mints it; everything else is automatic.
    Assisted,
    /// Nobody outside the consumers honours the value: they accept old and new side by side.
    Generated,
    /// The old value dies the moment the new one is applied.
    InPlace,
}

/// Who decides what the new value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChosenBy {
    /// We do: `propose`, seal, then `apply`.
    Keywheel,
    /// The issuer does, once, in the answer to `mint`.
    Issuer,
    /// A person does, with `keywheel provide`.
    Person,
}

/// What an issuer can do. The planner reads this before anything starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerCapabilities {
    /// How one credential follows another.
    pub style: Style,
    /// Who chooses the value.
    pub chosen_by: ChosenBy,
    /// How a minted credential is found again.
    pub find: Find,
    /// Longest time after a mint until `find` shows what it made; zero where that is at once. Not being found says
    /// nothing before.
    pub lists_after: Duration,
    /// `mint` with the same tag twice makes one credential.
    pub idempotent_mint: bool,
    /// `identify` can name the credential that a value belongs to.
    pub identifies: bool,
    /// `test` can tell alive from dead.
    pub tests: bool,
    /// `disable` and `enable` exist.
    pub reversible: bool,
    /// `revoke` exists.
    pub revokes: bool,
    /// The issuer itself presents the value and must be told when to start: `activate`.
    pub activates: bool,
    /// `last_used` exists.
    pub reports_last_use: bool,
    /// `sessions` and `end_sessions` exist, and tell one credential from another: where two passwords of one user are
    /// honoured and sessions are known by user alone, they do not. Nothing is ended while a session is seen.
    pub sessions: bool,
    /// A value that was ended may be set again.
    pub reuse: bool,
    /// Its credentials may end by themselves: `expires_at` says when.
    pub expires: bool,
    /// Exists on one machine only.
    pub host_bound: bool,
    /// Entropy of the values, in bits, where it is known.
    pub entropy_bits: Option<u32>,
}

/// One credential: the issuer's name for it, and its secret fields.
pub struct Credential {
    /// Immutable at the issuer.
    pub id: CredentialId,
    /// `value`, or `user` and `password`, and so on.
    pub fields: Fields,
}

impl Credential {
    /// Copies the values too, asked for by name.
    pub fn duplicate(&self) -> Self {
        Self {
            id: self.id.clone(),
            fields: self.fields.duplicate(),
        }
    }
}

/// Whether a credential works. Trouble on the way is always `Unknown`, never `Dead`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Liveness {
    /// Accepted, with the rights it needs.
    Alive,
    /// Refused by the issuer itself.
    Dead,
    /// Cannot be told now.
    Unknown,
}

/// What an issuer says of a credential it made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialState {
    /// Honoured.
    Active,
    /// Ended reversibly.
    Disabled,
    /// Not there (any more).
    Absent,
    /// The issuer cannot tell.
    Unknown,
}

/// When a credential was last used, and how much that figure can really say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    /// Last use, epoch milliseconds; `None` when no use was seen.
    pub at_ms: Option<i64>,
    /// The figure is complete up to this moment, epoch milliseconds.
    pub as_of_ms: i64,
    /// The coarsest unit of `at_ms`.
    pub granularity: Duration,
}

/// A refused use of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// When, epoch milliseconds.
    pub at_ms: i64,
    /// From where, as the issuer tells it.
    pub from: String,
}

/// Something logged in with a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The issuer's name for it.
    pub id: String,
    /// From where, under which application name: a person looks for them by it.
    pub from: String,
    /// The address alone, where the issuer shows it.
    pub address: Option<String>,
    /// What the client calls itself, where it does; [`OURS`](Self::OURS) where that is us.
    pub application: Option<String>,
}

impl Session {
    /// What keywheel calls itself where it logs in, so that nobody takes its tests for a consumer.
    pub const OURS: &'static str = "keywheel";
}

/// An issuer of credentials. A method that the capabilities rule out is not written: it answers
/// [`Invalid`](crate::ErrorKind::Invalid), and the engine never calls it.
#[async_trait]
pub trait Issuer: Send + Sync {
    /// What this issuer can do; constant for the life of the value.
    fn capabilities(&self) -> IssuerCapabilities;

    /// Which credential this value is, where the issuer can say.
    async fn identify(&self, fields: &Fields) -> Result<Option<CredentialId>>;

    /// Chooses a new value, changing nothing anywhere. `current` lets two principals take turns.
    async fn propose(&self, _current: Option<&CredentialId>) -> Result<Credential> {
        Err(ruled_out("choose a value"))
    }

    /// Whether a value has the format this issuer expects; `previous` must not come again.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) with the rule that is broken, never the value.
    async fn check_format(&self, candidate: &Fields, previous: Option<&Fields>) -> Result<()>;

    /// Has the issuer make a credential that carries `tag`.
    async fn mint(&self, _tag: &Tag) -> Result<Credential> {
        Err(ruled_out("make a credential by itself"))
    }

    /// Makes the issuer honour a value that we chose. Applying the same twice equals once.
    async fn apply(&self, _tag: &Tag, _candidate: &Credential) -> Result<()> {
        Err(ruled_out("take a value that we chose"))
    }

    /// Tells an issuer that presents the value itself to use this one from now on.
    async fn activate(&self, _candidate: &Credential) -> Result<()> {
        Err(ruled_out("present a credential"))
    }

    /// Uses the credential as a consumer would.
    async fn test(&self, credential: &Credential) -> Result<Liveness>;

    /// What the issuer says of it.
    async fn state(&self, id: &CredentialId) -> Result<CredentialState>;

    /// When it ends by itself, epoch milliseconds; `None` where it does not.
    ///
    /// # Errors
    /// It is not shown, or not yet.
    async fn expires_at(&self, _id: &CredentialId) -> Result<Option<i64>> {
        Err(ruled_out("tell when a credential ends by itself"))
    }

    /// Credentials that carry this tag.
    async fn find(&self, _tag: &Tag) -> Result<Vec<CredentialId>> {
        Err(ruled_out("find a credential by its tag"))
    }

    /// Ends it so that `enable` brings it back. Ending an ended one succeeds.
    async fn disable(&self, _id: &CredentialId) -> Result<()> {
        Err(ruled_out("end a credential reversibly"))
    }

    /// Undoes `disable`; the value serves issuers that had to forget it.
    async fn enable(&self, _credential: &Credential) -> Result<()> {
        Err(ruled_out("bring a credential back"))
    }

    /// Ends it for good. Ending one that is gone succeeds.
    async fn revoke(&self, _id: &CredentialId) -> Result<()> {
        Err(ruled_out("end a credential"))
    }

    /// The same, for issuers that end a credential only for whoever shows it; it has as many fields as are known.
    async fn revoke_shown(&self, credential: &Credential) -> Result<()> {
        self.revoke(&credential.id).await
    }

    /// The same for one that was never served to anybody: nothing that was made with it has to be waited for.
    async fn discard(&self, credential: &Credential) -> Result<()> {
        self.revoke_shown(credential).await
    }

    /// When it was last used.
    async fn last_used(&self, _id: &CredentialId) -> Result<LastUse> {
        Err(ruled_out("tell when a credential was used"))
    }

    /// Refused uses since then, epoch milliseconds; empty where the issuer does not say.
    async fn refused_uses(&self, _id: &CredentialId, _since_ms: i64) -> Result<Vec<Refusal>> {
        Ok(Vec::new())
    }

    /// Who is logged in with it.
    async fn sessions(&self, _id: &CredentialId) -> Result<Vec<Session>> {
        Err(ruled_out("tell who is logged in"))
    }

    /// Ends every session of it and says how many there were.
    async fn end_sessions(&self, _id: &CredentialId) -> Result<u64> {
        Err(ruled_out("log anybody out"))
    }

    /// Looks whether we are let in there, and whether it has these credentials, which are in use; changes nothing. What
    /// fails is a finding; where it is about more than one credential, nothing more is asked after it. Where nothing is
    /// seen, nothing is called good.
    async fn examine(&self, in_use: &[CredentialId]) -> Examination {
        let mut findings = Vec::new();
        for id in in_use {
            match self.state(id).await {
                Ok(state) => findings.push(Finding::in_use(id, state)),
                Err(error) => match Finding::of_one(id, &error) {
                    Some(finding) => findings.push(finding),
                    None => {
                        findings.push(Finding::of_error(&error));
                        break;
                    }
                },
            }
        }
        if findings.is_empty() {
            let none = "none of its credentials is known to be in use: nothing was asked";
            findings.push(Finding::new("reachable", Verdict::Unproven, none));
        }
        Examination {
            findings,
            policy: None,
        }
    }
}

fn ruled_out(what: &str) -> Error {
    Error::invalid(format!("this issuer does not {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use std::sync::Mutex;

    /// It answers for each credential by its id, and remembers what it was asked.
    struct Answers {
        asked: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl Issuer for Answers {
        fn capabilities(&self) -> IssuerCapabilities {
            unimplemented!("not asked by a look")
        }

        async fn identify(&self, _: &Fields) -> Result<Option<CredentialId>> {
            Err(ruled_out("say whose a value is"))
        }

        async fn check_format(&self, _: &Fields, _: Option<&Fields>) -> Result<()> {
            Err(ruled_out("judge a value"))
        }

        async fn test(&self, _: &Credential) -> Result<Liveness> {
            Err(ruled_out("try a value"))
        }

        async fn state(&self, id: &CredentialId) -> Result<CredentialState> {
            self.asked.lock().unwrap().push(id.to_string());
            Err(match id.as_str() {
                "invalid" => Error::invalid("of an older kind"),
                "missing" => Error::not_found("no such thing"),
                "changing" => Error::conflict(None, "somebody changes it"),
                "denied" => Error::denied("not let in"),
                "busy" => Error::new(ErrorKind::Throttled { after: None }, "too many calls"),
                "away" => Error::unavailable("does not answer"),
                _ => return Ok(CredentialState::Active),
            })
        }
    }

    #[tokio::test]
    async fn a_look_ends_at_what_is_about_all_of_them_and_not_at_one() {
        let ids = |names: &[&str]| -> Vec<CredentialId> {
            names.iter().map(|name| CredentialId::new(*name)).collect()
        };
        for (all, about) in [
            ("denied", "permission to look"),
            ("busy", "reachable"),
            ("away", "reachable"),
        ] {
            let issuer = Answers {
                asked: Mutex::default(),
            };
            let names = ["invalid", "missing", "changing", "good", all, "other"];
            let seen = issuer.examine(&ids(&names)).await;
            let abouts: Vec<&str> = seen.findings.iter().map(|f| f.about.as_str()).collect();
            assert_eq!(
                abouts,
                [
                    "in use: invalid",
                    "in use: missing",
                    "in use: changing",
                    "in use: good",
                    about
                ]
            );
            assert_eq!(*issuer.asked.lock().unwrap(), names[..5]);
        }
    }
}
