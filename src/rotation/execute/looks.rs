//! Readings: they change nothing outside.

use super::{Execution, ends};
use crate::inventory::Destination;
use crate::rotation::facts::{Effect, KnownCredential};
use crate::rotation::gate;
use crate::rotation::plan::{NAMED, NewUse, UseFigure, last_version};
use crate::rotation::report::{Answer, Inspected};
use crate::rotation::values::{OLD, pack, proof_field, recover, render};
use crate::rotation::words::Kind;
use keywheel_contract::{
    CredentialId, CredentialState, Document, Error, ErrorKind, Fields, Held, Liveness, Question,
    Result, SecretValue, VersionId,
};

/// Below this many bits a proof could be guessed from, so that it counts as a claim only.
const STRONG_BITS: u32 = 80;

impl Execution<'_> {
    /// A destination's version and value; both are needed to come back to it.
    pub(super) async fn inspect(&self, name: &str) -> Result<Answer> {
        let target = self.target(name)?;
        let seen = target.store.inspect(&target.place).await?;
        if let Some(by) = seen.natively_managed_by {
            let why = format!("{name} is rotated by {by}; take one of the two away");
            return Err(Error::new(ErrorKind::NativelyManaged { by }, why));
        }
        let mut found = Inspected {
            version: seen.current.clone(),
            written_at_ms: seen.written_at_ms,
            warnings: seen.warnings,
            ..Inspected::default()
        };
        if let Some(version) = seen
            .current
            .filter(|_| target.store.capabilities().readable)
        {
            let document = target.store.read(&target.place, &version).await?;
            found.fingerprint = document
                .proof_value(proof_field(&target.spec))
                .map(|value| self.fingerprint.of(value));
            found.sealed = self.values.keep_base(&target.spec, &document)?;
            let main = self
                .facts
                .plan
                .destinations
                .first()
                .is_some_and(|first| first.name() == name);
            let old = recover(&target.spec, &document);
            if main && !old.is_empty() {
                found.sealed.push(self.values.keep(OLD, pack(old)?)?);
            }
            if found.fingerprint.is_none() {
                // Our field is not in the document yet: there is no old value here.
                found.version = None;
            }
        }
        Ok(Answer::Inspected(found))
    }

    pub(super) async fn identify(&self) -> Result<Answer> {
        let Some(old) = self.values.old() else {
            return Err(Error::invalid(
                "the value in use cannot be told from what is published; write `current_id` in the inventory",
            ));
        };
        Ok(Answer::Identified(
            self.outside.issuer.identify(&old).await?,
        ))
    }

    pub(super) async fn propose(&self) -> Result<Answer> {
        let current = self.facts.old_ref().map(CredentialId::new);
        let proposed = self.outside.issuer.propose(current.as_ref()).await?;
        self.ensure_fits_everywhere(&proposed.fields)?;
        self.new_candidate(proposed)
    }

    /// Before anything is made. What other people keep in the same document counts when it is written.
    fn ensure_fits_everywhere(&self, candidate: &Fields) -> Result<()> {
        let old = self.values.old();
        for target in self.outside.destinations.values() {
            let document = render(&target.spec, candidate, old.as_ref().unwrap_or(candidate))?;
            target.ensure_takes(document.bytes())?;
        }
        Ok(())
    }

    /// Tries a spare as a consumer would; where it works it is sealed as the candidate.
    pub(super) async fn take_spare(&self, id: &str) -> Result<Answer> {
        let spare = self.spare.filter(|spare| spare.row.id == id);
        let spare = spare.ok_or_else(|| Error::unavailable("the spare is not ready any more"))?;
        let (issuer, old) = (&self.outside.issuer, self.values.old());
        let credential = spare.credential()?;
        // What does not fit is left where it is: the rule may be what is wrong.
        let checked = issuer.check_format(&credential.fields, old.as_ref()).await;
        checked?;
        match issuer.capabilities().tests {
            false => self.new_candidate(credential),
            true => match issuer.test(&credential).await? {
                Liveness::Alive => self.new_candidate(credential),
                Liveness::Dead => Ok(Answer::Looked {
                    result: "dead",
                    detail: "its issuer refuses it".to_owned(),
                }),
                Liveness::Unknown => Err(Error::unavailable("the issuer cannot tell now")),
            },
        }
    }

    /// Its format, and whether it works.
    pub(super) async fn test_candidate(&self) -> Result<Answer> {
        let candidate = self.candidate()?;
        let old = self.values.old();
        let format = self
            .outside
            .issuer
            .check_format(&candidate.fields, old.as_ref())
            .await;
        match format {
            Err(error) if error.kind == ErrorKind::Invalid => {
                return Ok(Answer::Looked {
                    result: "invalid",
                    detail: error.message,
                });
            }
            other => other?,
        }
        let issuer = self.outside.issuer.as_ref();
        let detail = match issuer.capabilities().tests {
            false => "its format is right",
            true => match issuer.test(&candidate).await? {
                Liveness::Alive => "accepted",
                other => return Ok(alive(other, "the candidate")),
            },
        };
        Ok(Answer::Accepted {
            detail: detail.to_owned(),
            ends: ends(issuer, &candidate.id).await,
        })
    }

    pub(super) async fn test_old(&self) -> Result<Answer> {
        let old = self.old(self.facts.old_ref().unwrap_or_default());
        if old.fields.is_empty() {
            return Ok(state(
                self.outside.issuer.state(&old.id).await?,
                CredentialState::Active,
            ));
        }
        Ok(alive(
            self.outside.issuer.test(&old).await?,
            "the old credential",
        ))
    }

    /// The old credential is refused, and the candidate beside it is not.
    pub(super) async fn refused_old(&self) -> Result<Answer> {
        let old = self.old(self.facts.old_ref().unwrap_or_default());
        let refused = if old.fields.is_empty() {
            state(
                self.outside.issuer.state(&old.id).await?,
                CredentialState::Absent,
            )
        } else {
            match self.outside.issuer.test(&old).await? {
                Liveness::Dead => Answer::Looked {
                    result: "ok",
                    detail: "refused".into(),
                },
                Liveness::Alive => Answer::Looked {
                    result: "alive",
                    detail: "the old credential is still accepted".into(),
                },
                Liveness::Unknown => Answer::Looked {
                    result: "unknown",
                    detail: "the issuer cannot tell now".into(),
                },
            }
        };
        let ours = self.facts.published_ms.is_some()
            && matches!(&refused, Answer::Looked { result: "ok", .. });
        if ours && self.outside.issuer.test(&self.candidate()?).await? == Liveness::Dead {
            let detail =
                "the old credential is refused, and so is the new one: ask its issuer".into();
            return Ok(Answer::Looked {
                result: "both_dead",
                detail,
            });
        }
        Ok(refused)
    }

    /// What a destination serves is what we wrote.
    pub(super) async fn read_back(&self, name: &str) -> Result<Answer> {
        let target = self.target(name)?;
        let wrote = last_version(self.facts, name);
        let seen = target.store.inspect(&target.place).await?;
        let stale = || Answer::Looked {
            result: "stale",
            detail: format!("{name} does not show the new version yet"),
        };
        let is_ours = seen.current.as_ref().map(VersionId::as_str) == wrote.as_deref();
        let readable = target.store.capabilities().readable;
        let current = seen.current.as_ref().filter(|_| readable);
        if !is_ours && !current.is_some_and(|current| self.is_later(name, current)) {
            return Ok(stale());
        }
        if !seen.replicas_in_sync {
            return Ok(Answer::Looked {
                result: "stale",
                detail: format!("replicas of {name} lag behind"),
            });
        }
        let Some(version) = current else {
            return Ok(Answer::Looked {
                result: "ok",
                detail: "it cannot be read back".into(),
            });
        };
        let kind = match self.facts.any_applied(Kind::Republish) {
            true => Kind::Republish,
            false => Kind::Publish,
        };
        let matches = self
            .content(kind, &target.spec)?
            .matches(&target.store.read(&target.place, version).await?);
        Ok(match matches {
            true => Answer::Looked {
                result: "ok",
                detail: String::new(),
            },
            false if !is_ours => stale(),
            false => Answer::Looked {
                result: "differs",
                detail: format!("{name} reads back another value"),
            },
        })
    }

    /// Whether a version came after our last write, as where another secret lies in the same document: it is none that
    /// this rotation wrote, or found when it did.
    fn is_later(&self, name: &str, version: &VersionId) -> bool {
        let known = |e: &Effect| {
            e.result.version.as_ref() == Some(version) || e.replaces().as_ref() == Some(version)
        };
        let mut effects = self.facts.effects.iter().filter(|e| e.target == name);
        self.facts.base_version(name) != Some(version.as_str()) && !effects.any(known)
    }

    /// When the old credential was last used, by the issuer's figure and by who is logged in now.
    pub(super) async fn last_use(&self) -> Result<Answer> {
        let id = CredentialId::new(self.facts.old_ref().unwrap_or_default());
        let (issuer, can) = (&self.outside.issuer, self.outside.issuer.capabilities());
        let mut figure = match can.reports_last_use {
            true => UseFigure::from(issuer.last_used(&id).await?),
            false => UseFigure::complete_at(self.facts.now_ms),
        };
        if can.sessions {
            figure.also_by(issuer.sessions(&id).await?, self.facts);
        }
        let detail = serde_json::to_string(&figure).map_err(|e| Error::invalid(e.to_string()))?;
        Ok(Answer::Looked {
            result: "ok",
            detail,
        })
    }

    /// Who used the candidate, by the issuer's figure and by who is logged in now.
    pub(super) async fn new_use(&self) -> Result<Answer> {
        let id = CredentialId::new(self.facts.candidate_ref().unwrap_or_default());
        let (issuer, can) = (&self.outside.issuer, self.outside.issuer.capabilities());
        let last = match can.reports_last_use {
            true => Some(issuer.last_used(&id).await?),
            false => None,
        };
        let sessions = match can.sessions {
            true => issuer.sessions(&id).await?,
            false => Vec::new(),
        };
        let used = NewUse::of(last, sessions, self.facts);
        let detail = serde_json::to_string(&used).map_err(|e| Error::invalid(e.to_string()))?;
        Ok(Answer::Looked {
            result: "ok",
            detail,
        })
    }

    /// From where the old credential was tried in vain since it is disabled.
    pub(super) async fn refused_uses(&self) -> Result<Answer> {
        let id = CredentialId::new(self.facts.old_ref().unwrap_or_default());
        let since_ms = self.facts.phase_since_ms;
        let refused = self.outside.issuer.refused_uses(&id, since_ms).await?;
        let mut from: Vec<String> = refused.into_iter().map(|one| one.from).collect();
        from.sort();
        from.dedup();
        from.truncate(NAMED);
        let detail = serde_json::to_string(&from).map_err(|e| Error::invalid(e.to_string()))?;
        Ok(Answer::Looked {
            result: "ok",
            detail,
        })
    }

    /// The destination that a consumer reads.
    pub(super) fn destination_of(&self, consumer: &str) -> Option<&Destination> {
        let listed = gate::listed(self.facts)
            .into_iter()
            .find(|c| c.name == consumer)?;
        let name = self.facts.read_by(&listed.spec)?.name();
        self.facts
            .destinations()
            .find(|destination| destination.name() == name)
    }

    /// Which of the old value and the candidate each instance of a consumer holds.
    pub(super) async fn observe(&self, name: &str) -> Result<Answer> {
        let consumer = self.outside.consumers.get(name);
        let consumer =
            consumer.ok_or_else(|| Error::invalid(format!("{name} is not configured")))?;
        let destination = self
            .destination_of(name)
            .ok_or_else(|| Error::invalid(format!("{name} reads no destination of the plan")))?;
        let required = gate::listed(self.facts)
            .into_iter()
            .find(|c| c.name == name);
        let known = self.held(destination);
        let held: Vec<Held<'_>> = known
            .iter()
            .map(|one| Held {
                credential: &one.credential,
                issuer_ref: one.issuer_ref.as_ref(),
                version: one.version.as_ref(),
                value: &one.value,
                strong: one.strong,
            })
            .collect();
        let destination_name = destination.name();
        let written = [Kind::Publish, Kind::Republish, Kind::DropPrevious]
            .into_iter()
            .filter_map(|kind| self.facts.written_ms(kind, &destination_name))
            .max();
        let question = Question {
            id: &self.facts.plan.id,
            consumer: name,
            destination: &destination_name,
            held: &held,
            published_at_ms: written.unwrap_or(0),
            instances: required.map_or(1, |required| required.instances),
        };
        Ok(Answer::Observed(consumer.observe(&question).await?))
    }

    /// The values a consumer of this destination might hold: the candidate once it is published, and the old one. What
    /// was published last comes first, which on the way back is the old one.
    fn held(&self, destination: &Destination) -> Vec<Known> {
        let name = destination.name();
        let field = proof_field(destination);
        let strong = self
            .outside
            .issuer
            .capabilities()
            .entropy_bits
            .is_some_and(|bits| bits >= STRONG_BITS);
        let known =
            |credential: &KnownCredential, version: Option<String>, document: Option<Document>| {
                let value = document?.proof_value(field)?.duplicate();
                Some(Known {
                    credential: CredentialId::new(&credential.id),
                    issuer_ref: credential.issuer_ref.as_ref().map(CredentialId::new),
                    version: version.map(VersionId::new),
                    value,
                    strong,
                })
            };
        let published = self.facts.applied(Kind::Publish, &name);
        let new = self
            .facts
            .candidate
            .as_ref()
            .filter(|_| published.is_some())
            .and_then(|candidate| {
                let version = self
                    .facts
                    .applied(Kind::DropPrevious, &name)
                    .or(published)
                    .and_then(|effect| effect.result.version.as_ref())
                    .map(|version| version.as_str().to_owned());
                known(
                    candidate,
                    version,
                    self.values.document(destination, true).ok(),
                )
            });
        let old = self.facts.old.as_ref().and_then(|old| {
            let republished = self.facts.applied(Kind::Republish, &name);
            let version = match republished.and_then(|effect| effect.result.version.as_ref()) {
                Some(version) => Some(version.as_str().to_owned()),
                None => self.facts.base_version(&name).map(str::to_owned),
            };
            known(old, version, self.base(destination))
        });
        let republished = self.facts.applied(Kind::Republish, &name).is_some();
        match republished {
            true => old.into_iter().chain(new).collect(),
            false => new.into_iter().chain(old).collect(),
        }
    }
}

/// One value that a consumer might hold.
struct Known {
    credential: CredentialId,
    issuer_ref: Option<CredentialId>,
    version: Option<VersionId>,
    value: SecretValue,
    strong: bool,
}

fn alive(liveness: Liveness, what: &str) -> Answer {
    match liveness {
        Liveness::Alive => Answer::Looked {
            result: "ok",
            detail: "accepted".into(),
        },
        Liveness::Dead => Answer::Looked {
            result: "dead",
            detail: format!("{what} is refused by its issuer"),
        },
        Liveness::Unknown => Answer::Looked {
            result: "unknown",
            detail: "the issuer cannot tell now".into(),
        },
    }
}

/// For values we do not have: what the issuer says of the id.
fn state(state: CredentialState, wanted: CredentialState) -> Answer {
    let ended = |s| matches!(s, CredentialState::Absent | CredentialState::Disabled);
    match state == wanted || (ended(state) && ended(wanted)) {
        true => Answer::Looked {
            result: "ok",
            detail: "as the issuer says".into(),
        },
        false if state == CredentialState::Unknown => Answer::Looked {
            result: "unknown",
            detail: "the issuer cannot tell now".into(),
        },
        false => Answer::Looked {
            result: "alive",
            detail: format!("the issuer says {state:?}").to_lowercase(),
        },
    }
}
