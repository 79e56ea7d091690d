//! Finding out what became of an effect whose answer is missing: by reading, never by sending again.

use super::Execution;
use crate::rotation::report::{Answer, Settled};
use crate::rotation::words::Kind;
use keywheel_contract::{CredentialId, CredentialState, Find, Found, Liveness, Result, Retired};

impl Execution<'_> {
    pub(super) async fn settle(&self, kind: Kind, target: &str, attempt: i64) -> Result<Answer> {
        let settled = match kind {
            Kind::Mint => return self.settle_mint(attempt).await,
            Kind::Apply => self.settle_apply().await?,
            Kind::ApplyBack | Kind::Activate => Settled::Resend,
            Kind::Notify
            | Kind::NotifyAgain
            | Kind::NotifyBack
            | Kind::NotifyDropped
            | Kind::EndSessions => Settled::Absent,
            Kind::Stage | Kind::Publish | Kind::Republish | Kind::DropPrevious => {
                let can = self.target(target)?.store.capabilities();
                match can.find == Find::None && can.idempotent_put {
                    // Nobody can tell whether it landed: written once more, it is sure.
                    true => Settled::Resend,
                    false => self.settle_write(kind, target, attempt).await?,
                }
            }
            Kind::DisableCredential => {
                self.settle_state(
                    target,
                    &[CredentialState::Disabled, CredentialState::Absent],
                )
                .await?
            }
            Kind::EnableCredential => {
                self.settle_state(target, &[CredentialState::Active])
                    .await?
            }
            Kind::Revoke | Kind::RevokeOrphan | Kind::DestroyCandidate => {
                self.settle_state(target, &[CredentialState::Absent])
                    .await?
            }
            Kind::DisableVersion
            | Kind::EnableVersion
            | Kind::DestroyVersion
            | Kind::DestroyCandidateVersion => self.settle_version(kind, target).await?,
        };
        Ok(Answer::Settled(settled))
    }

    /// A credential whose answer got lost is useless, for its value is gone: it is to be ended. Only an issuer
    /// that makes one per tag can be asked again.
    async fn settle_mint(&self, attempt: i64) -> Result<Answer> {
        let issuer = &self.outside.issuer;
        let can = issuer.capabilities();
        if can.idempotent_mint {
            let minted = issuer.mint(&self.tag(attempt)).await?;
            return self.new_candidate(minted);
        }
        if can.find == Find::None {
            let why = "the issuer cannot be asked whether it made a credential".to_owned();
            return Ok(Answer::Settled(Settled::Unknown(why)));
        }
        let made = issuer.find(&self.tag(attempt)).await?;
        Ok(Answer::Settled(match made.is_empty() {
            true => Settled::Absent,
            false => Settled::Orphaned(made),
        }))
    }

    /// The candidate's value decides: applying the same again equals applying it once.
    async fn settle_apply(&self) -> Result<Settled> {
        if !self.outside.issuer.capabilities().tests {
            return Ok(Settled::Resend);
        }
        Ok(match self.outside.issuer.test(&self.candidate()?).await? {
            Liveness::Alive => Settled::Applied(None),
            Liveness::Dead => Settled::Absent,
            Liveness::Unknown => Settled::Unknown("the issuer cannot tell now".into()),
        })
    }

    async fn settle_write(&self, kind: Kind, name: &str, attempt: i64) -> Result<Settled> {
        let target = self.target(name)?;
        let document = self.content(kind, &target.spec)?;
        let seen = target.store.inspect(&target.place).await?;
        let payload = target
            .store
            .compose(&target.place, &document, &seen)
            .await?;
        let mark = self.mark(kind, name, attempt);
        Ok(
            match target.store.find(&target.place, &mark, &payload).await? {
                Found::Absent => Settled::Absent,
                Found::Staged(version) if kind == Kind::Stage => Settled::Applied(Some(version)),
                Found::Staged(_) => Settled::Absent,
                Found::Current(version) | Found::Superseded(version) => {
                    Settled::Applied(Some(version))
                }
                Found::Pending { url } => Settled::Pending { url },
            },
        )
    }

    async fn settle_state(&self, id: &str, applied: &[CredentialState]) -> Result<Settled> {
        Ok(
            match self.outside.issuer.state(&CredentialId::new(id)).await? {
                state if applied.contains(&state) => Settled::Applied(None),
                CredentialState::Unknown => Settled::Resend,
                CredentialState::Active | CredentialState::Disabled | CredentialState::Absent => {
                    Settled::Absent
                }
            },
        )
    }

    async fn settle_version(&self, kind: Kind, name: &str) -> Result<Settled> {
        let target = self.target(name)?;
        if !target.store.capabilities().versions {
            // Its list cannot say what became of an old value; only ending it again can.
            return Ok(Settled::Resend);
        }
        let listed = target.store.list(&target.place).await?;
        let mut settled = Settled::Applied(None);
        for version in self.versions_to_end(kind, name) {
            let found = listed.iter().find(|listed| listed.id == version);
            settled = match (kind, found) {
                (Kind::EnableVersion, Some(found)) if found.enabled => {
                    Settled::Applied(Some(version))
                }
                (Kind::DisableVersion, Some(found)) if !found.enabled => {
                    Settled::Ended(version, found.ended.unwrap_or(Retired::Disabled))
                }
                (Kind::EnableVersion | Kind::DisableVersion, Some(_))
                | (Kind::EnableVersion, None) => return Ok(Settled::Resend),
                (_, None) => Settled::Ended(version, Retired::Destroyed),
                (_, Some(found)) => match found.ended {
                    Some(how) => Settled::Ended(version, how),
                    None => return Ok(Settled::Resend),
                },
            };
        }
        Ok(settled)
    }
}
