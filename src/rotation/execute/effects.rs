//! Effects: each is one call, or a read followed by one compare-and-set.

use super::Execution;
use crate::inventory::Destination;
use crate::providers::Target;
use crate::rotation::CANDIDATE;
use crate::rotation::facts::Effect;
use crate::rotation::plan;
use crate::rotation::report::{Answer, NewCandidate};
use crate::rotation::values::{pack, proof_field, render};
use crate::rotation::words::{Kind, Status};
use chrono::DateTime;
use keywheel_contract::{
    Base, Credential, CredentialId, Document, Error, ErrorKind, Fields, Inspection, Notice, Result,
    Retired, Tag, VersionId, Write,
};

impl Execution<'_> {
    pub(super) async fn perform(&self, kind: Kind, target: &str, attempt: i64) -> Result<Answer> {
        match kind {
            Kind::Mint => self.mint(attempt).await,
            Kind::Apply => self.apply(attempt).await,
            Kind::ApplyBack => self.apply_back(target, attempt).await,
            Kind::Activate => done(self.outside.issuer.activate(&self.presented(target)?).await),
            Kind::Stage | Kind::Publish | Kind::Republish | Kind::DropPrevious => {
                self.write(kind, target, attempt).await
            }
            Kind::Notify | Kind::NotifyAgain | Kind::NotifyBack | Kind::NotifyDropped => {
                self.notify(kind, target).await
            }
            Kind::DisableCredential => done(
                self.outside
                    .issuer
                    .disable(&CredentialId::new(target))
                    .await,
            ),
            Kind::EnableCredential => done(self.outside.issuer.enable(&self.old(target)).await),
            Kind::Revoke | Kind::RevokeOrphan | Kind::DestroyCandidate => {
                let ended = self.ended(kind, target);
                let issuer = &self.outside.issuer;
                let served = match kind {
                    Kind::Revoke => true,
                    Kind::DestroyCandidate => self.facts.any_intent(Kind::Publish),
                    _ => false,
                };
                done(match served {
                    true => issuer.revoke_shown(&ended).await,
                    false => issuer.discard(&ended).await,
                })
            }
            Kind::EndSessions => {
                let ended = self
                    .outside
                    .issuer
                    .end_sessions(&CredentialId::new(target))
                    .await?;
                Ok(Answer::Done {
                    version: None,
                    word: "applied",
                    detail: format!("{ended} sessions"),
                })
            }
            Kind::DisableVersion
            | Kind::EnableVersion
            | Kind::DestroyVersion
            | Kind::DestroyCandidateVersion => self.end_version(kind, target).await,
        }
    }

    /// The destination of that name.
    pub(super) fn target(&self, name: &str) -> Result<&Target> {
        let found = self.outside.destinations.get(name);
        found.ok_or_else(|| Error::invalid(format!("{name} is not in the plan")))
    }

    /// The candidate, with its value.
    pub(super) fn candidate(&self) -> Result<Credential> {
        let id = self.facts.candidate_ref().unwrap_or_default();
        Ok(Credential {
            id: CredentialId::new(id),
            fields: self.values.candidate()?,
        })
    }

    /// The old credential, with as much of its value as is known.
    pub(super) fn old(&self, id: &str) -> Credential {
        let fields = self.values.old().unwrap_or_default();
        Credential {
            id: CredentialId::new(id),
            fields,
        }
    }

    /// What an effect ends, with as much of its value as is known; of an orphan, the name alone. The kind says which
    /// of the two it is: names that a person gave may be the same.
    fn ended(&self, kind: Kind, id: &str) -> Credential {
        let fields = match kind {
            Kind::Revoke if self.facts.old_ref() == Some(id) => self.values.old(),
            Kind::DestroyCandidate => self.values.candidate().ok(),
            _ => None,
        };
        Credential {
            id: CredentialId::new(id),
            fields: fields.unwrap_or_default(),
        }
    }

    /// The mark that a minted credential carries at its issuer.
    pub(super) fn tag(&self, attempt: i64) -> Tag {
        Tag::new(format!("keywheel-{}-{attempt}", self.facts.id))
    }

    /// What the issuer is to present: the candidate, or, on the way back, the old credential.
    fn presented(&self, id: &str) -> Result<Credential> {
        match self.facts.old_ref() == Some(id) {
            true => Ok(self.old(id)),
            false => self.candidate(),
        }
    }

    async fn mint(&self, attempt: i64) -> Result<Answer> {
        let minted = self.outside.issuer.mint(&self.tag(attempt)).await?;
        self.new_candidate(minted)
    }

    async fn apply(&self, attempt: i64) -> Result<Answer> {
        done(
            self.outside
                .issuer
                .apply(&self.tag(attempt), &self.candidate()?)
                .await,
        )
    }

    async fn apply_back(&self, target: &str, attempt: i64) -> Result<Answer> {
        let old = self.old(target);
        done(self.outside.issuer.apply(&self.tag(attempt), &old).await)
    }

    /// Seals a new candidate and takes its fingerprint.
    pub(super) fn new_candidate(&self, made: Credential) -> Result<Answer> {
        let fingerprint = self.fingerprint_of(&made.fields)?;
        let sealed = self.values.keep(CANDIDATE, pack(made.fields)?)?;
        Ok(Answer::Candidate(NewCandidate {
            issuer_ref: made.id,
            sealed,
            fingerprint,
        }))
    }

    /// Of the value that the main destination shows.
    fn fingerprint_of(&self, fields: &Fields) -> Result<String> {
        let main = self.facts.plan.destinations.first();
        let Some(main) = main else {
            return Ok(String::new());
        };
        let document = render(main, fields, fields)?;
        Ok(document
            .proof_value(proof_field(main))
            .map(|value| self.fingerprint.of(value))
            .unwrap_or_default())
    }

    /// What a kind of write puts into a destination.
    pub(super) fn content(&self, kind: Kind, destination: &Destination) -> Result<Document> {
        match kind {
            Kind::Republish => self.restored(destination),
            Kind::DropPrevious => self.values.document(destination, false),
            // A contained value is not shown beside the new one.
            _ => self
                .values
                .document(destination, !self.facts.is_contained()),
        }
    }

    /// What a destination held before this rotation, as far as it is ours. One that cannot be read follows the main
    /// one, so that it is taken to have held the old credential.
    pub(super) fn base(&self, destination: &Destination) -> Option<Document> {
        let follows = || {
            self.facts.base_version(&destination.name())?;
            let old = self.values.old()?;
            render(destination, &old, &old).ok()
        };
        self.values.base(destination).or_else(follows)
    }

    /// What a destination is to hold again. A field that it got with the candidate shows the old value: no store takes a
    /// part of our fields, and whoever reads the field takes that one.
    fn restored(&self, destination: &Destination) -> Result<Document> {
        let nothing = || Error::invalid(format!("{} held nothing before", destination.name()));
        let mut fields = match self.base(destination).ok_or_else(nothing)? {
            Document::Fields(fields) => fields,
            whole @ Document::Whole(_) => return Ok(whole),
        };
        if let Some(old) = self.values.old()
            && let Ok(Document::Fields(rendered)) = render(destination, &old, &old)
        {
            for (name, value) in rendered.iter() {
                if fields.field(name).is_none() {
                    fields.insert(name, value.duplicate());
                }
            }
        }
        Ok(Document::Fields(fields))
    }

    /// Looks, makes sure that our part is as expected, then writes over exactly what was seen.
    async fn write(&self, kind: Kind, name: &str, attempt: i64) -> Result<Answer> {
        let target = self.target(name)?;
        let seen = target.store.inspect(&target.place).await?;
        let detail = self.expect(kind, target, &seen, attempt).await?;
        Ok(Answer::Done {
            version: Some(self.write_over(kind, name, attempt, &seen).await?),
            word: "applied",
            detail,
        })
    }

    /// Writes over exactly what was seen.
    async fn write_over(
        &self,
        kind: Kind,
        name: &str,
        attempt: i64,
        seen: &Inspection,
    ) -> Result<VersionId> {
        let target = self.target(name)?;
        let document = self.content(kind, &target.spec)?;
        let payload = target.store.compose(&target.place, &document, seen).await?;
        target.ensure_takes(payload.len())?;
        let mark = self.mark(kind, name, attempt);
        let base = Base::from(seen);
        let write = Write {
            place: &target.place,
            payload: &payload,
            base: &base,
            mark: &mark,
        };
        match kind {
            Kind::Stage => target.store.stage(&write).await,
            _ => target.store.promote(&write).await,
        }
    }

    /// One try of an effect, as it was committed.
    fn intent(&self, kind: Kind, target: &str, attempt: i64) -> Option<&Effect> {
        let mut effects = self.facts.effects.iter();
        effects.find(|e| (e.kind, e.target.as_str(), e.attempt) == (kind, target, attempt))
    }

    /// Somebody may have edited other people's part of a document; nobody may have changed ours, unless to what is
    /// written now: an issuer may have put it there itself. What there is to tell a person, where anything.
    async fn expect(
        &self,
        kind: Kind,
        target: &Target,
        seen: &Inspection,
        attempt: i64,
    ) -> Result<String> {
        let name = target.spec.name();
        if let Some(by) = &seen.natively_managed_by {
            return Err(Error::new(
                ErrorKind::NativelyManaged { by: by.clone() },
                format!("{name} is rotated by {by}"),
            ));
        }
        let intent = self.intent(kind, &name, attempt);
        if seen.current == intent.and_then(Effect::replaces) {
            return Ok(String::new());
        }
        let shown = seen.current.as_ref().map_or("nothing", VersionId::as_str);
        let changed = || {
            let when = seen.written_at_ms.and_then(DateTime::from_timestamp_millis);
            let when = when.map_or_else(String::new, |at| format!(", written {}", at.to_rfc3339()));
            Error::invalid(format!(
                "somebody changed {name} in the meantime (it shows {shown}{when}); nothing was overwritten"
            ))
        };
        let (Some(current), true) = (&seen.current, target.store.capabilities().readable) else {
            return match self.newest_is_lost(&name) && plan::may_have_landed(self.facts, &name) {
                true => Ok(format!(
                    "the answer was lost and the store cannot be read: it showed {shown}, written by us or by somebody \
                     else, so that the same was written once more"
                )),
                false => Err(changed()),
            };
        };
        let now = target.store.read(&target.place, current).await?;
        let ours = match kind {
            Kind::Stage | Kind::Publish => self.values.base(&target.spec),
            _ => Some(self.content(Kind::Publish, &target.spec)?),
        };
        let stands = ours.is_some_and(|ours| ours.matches(&now));
        match stands || self.content(kind, &target.spec)?.matches(&now) {
            true => Ok(String::new()),
            false => Err(changed()),
        }
    }

    /// Whether nobody knows what became of our latest write: what a later one showed to be ours is known again.
    fn newest_is_lost(&self, name: &str) -> bool {
        let over = |e: &&Effect| matches!(e.status, Status::Applied | Status::Absent);
        let writes = |e: &&Effect| e.kind.writes() && e.target == name;
        let effects = self.facts.effects.iter().filter(writes).filter(over);
        let newest = effects.max_by_key(|e| e.created_ms);
        newest.is_some_and(|e| e.status == Status::Absent)
    }

    async fn notify(&self, kind: Kind, consumer: &str) -> Result<Answer> {
        let found = self.outside.consumers.get(consumer);
        let found = found.ok_or_else(|| Error::invalid(format!("{consumer} is not configured")))?;
        let (destination, version) = self.read_by(consumer);
        let served = match kind {
            Kind::NotifyBack => &self.facts.old,
            _ => &self.facts.candidate,
        };
        let notice = Notice {
            id: self.facts.plan.id.clone(),
            consumer: consumer.to_owned(),
            destination,
            version: VersionId::new(version),
            credential: served.as_ref().map(|one| CredentialId::new(&one.id)),
            rotation: self.facts.id.clone(),
        };
        done(found.notify(&notice).await)
    }

    /// The destination that a consumer reads, and the version it serves.
    fn read_by(&self, consumer: &str) -> (String, String) {
        let name = self
            .destination_of(consumer)
            .map(Destination::name)
            .unwrap_or_default();
        let version = crate::rotation::plan::last_version(self.facts, &name);
        let version = version.or_else(|| self.facts.base_version(&name).map(str::to_owned));
        (name, version.unwrap_or_default())
    }

    async fn end_version(&self, kind: Kind, name: &str) -> Result<Answer> {
        let target = self.target(name)?;
        let mut answer = Answer::Done {
            version: None,
            word: "applied",
            detail: "nothing was there".into(),
        };
        for version in self.versions_to_end(kind, name) {
            let (store, place) = (&target.store, &target.place);
            answer = match kind {
                Kind::DisableVersion => ended(store.disable(place, &version).await?, version),
                Kind::EnableVersion => {
                    store.enable(place, &version).await?;
                    Answer::Done {
                        version: Some(version),
                        word: "applied",
                        detail: String::new(),
                    }
                }
                _ => ended(store.destroy(place, &version).await?, version),
            };
        }
        Ok(answer)
    }

    /// The old version, or all that hold the candidate.
    pub(super) fn versions_to_end(&self, kind: Kind, name: &str) -> Vec<VersionId> {
        match kind {
            Kind::DestroyCandidateVersion => self.facts.candidate_versions(name),
            _ => {
                let old = self.facts.base_version(name);
                old.map(VersionId::new).into_iter().collect()
            }
        }
    }
}

fn ended(retired: Retired, version: VersionId) -> Answer {
    Answer::Done {
        version: Some(version),
        word: retired.word(),
        detail: match retired {
            Retired::Impossible => "the store keeps it".to_owned(),
            _ => String::new(),
        },
    }
}

fn done(result: Result<()>) -> Result<Answer> {
    result.map(|()| Answer::Done {
        version: None,
        word: "applied",
        detail: String::new(),
    })
}
