//! What every [`Issuer`] must do, by its capabilities.

use super::report::{Report, Stop, Verdict, ensure, ensure_silent, needs, random_hex, run};
use crate::{
    ChosenBy, Credential, CredentialId, CredentialState, ErrorKind, Fields, Find, Issuer, Liveness,
    SecretValue, Tag,
};
use async_trait::async_trait;

/// What the suite needs to know of one issuer. Each case revokes what it made, where that exists.
#[async_trait]
pub trait IssuerHarness: Send + Sync {
    /// The issuer under test.
    fn issuer(&self) -> &dyn Issuer;

    /// The credential now in use, for issuers where two principals take turns.
    async fn current(&self) -> Option<CredentialId> {
        None
    }

    /// A new credential as a person would bring it, where [`ChosenBy::Person`]; another one each time.
    async fn provided(&self) -> Option<Credential> {
        None
    }

    /// Returns once the issuer acts on what it was told: one that converges waits here.
    async fn settle(&self) {}
}

/// Runs every case. Nothing panics: what breaks the contract is a failed case of the report.
pub async fn suite(harness: &dyn IssuerHarness) -> Report {
    let bench = &Bench { harness };
    run(vec![
        (
            "a proposal is another one each time",
            Box::pin(proposals(bench)),
        ),
        (
            "a new credential has the format",
            Box::pin(formatted(bench)),
        ),
        (
            "the previous value is refused again",
            Box::pin(previous(bench)),
        ),
        (
            "applying the same twice equals once",
            Box::pin(applied_twice(bench)),
        ),
        (
            "a new credential is alive, a wrong one is not",
            Box::pin(alive(bench)),
        ),
        (
            "disable and enable hold, also when repeated",
            Box::pin(reversible(bench)),
        ),
        ("revoke holds, also when repeated", Box::pin(revoked(bench))),
        ("a credential is found by its tag", Box::pin(found(bench))),
        (
            "minting twice under one tag makes one",
            Box::pin(minted_twice(bench)),
        ),
        ("a value is identified", Box::pin(identified(bench))),
        (
            "the state follows the life of a credential",
            Box::pin(state(bench)),
        ),
        (
            "the last use is told with its limits",
            Box::pin(last_use(bench)),
        ),
        ("sessions are told and ended", Box::pin(sessions(bench))),
        (
            "what the capabilities rule out is invalid",
            Box::pin(ruled_out(bench)),
        ),
        ("no error shows the value", Box::pin(silent(bench))),
    ])
    .await
}

async fn proposals(bench: &Bench<'_>) -> Verdict {
    let chosen_by = bench.issuer().capabilities().chosen_by;
    needs(chosen_by == ChosenBy::Keywheel, "does not propose")?;
    let current = bench.harness.current().await;
    let one = bench.issuer().propose(current.as_ref()).await?;
    let two = bench.issuer().propose(current.as_ref()).await?;
    ensure(!one.fields.is_empty(), "a proposal has no field")?;
    ensure(!one.fields.matches(&two.fields), "two proposals are equal")
}

async fn formatted(bench: &Bench<'_>) -> Verdict {
    let made = bench.obtain(&tag()?).await?;
    let checked = bench.issuer().check_format(&made.fields, None).await;
    bench.end(&made).await?;
    Ok(checked?)
}

async fn previous(bench: &Bench<'_>) -> Verdict {
    let made = bench.obtain(&tag()?).await?;
    let same = made.fields.duplicate();
    let checked = bench.issuer().check_format(&same, Some(&made.fields)).await;
    bench.end(&made).await?;
    ensure_invalid(checked, "the previous value")
}

async fn applied_twice(bench: &Bench<'_>) -> Verdict {
    let can = bench.issuer().capabilities();
    needs(can.chosen_by == ChosenBy::Keywheel, "does not apply")?;
    let tag = tag()?;
    let made = bench.obtain(&tag).await?;
    bench.issuer().apply(&tag, &made).await?;
    let alive = bench.liveness(&made).await?;
    bench.end(&made).await?;
    ensure(alive != Liveness::Dead, "dead after the second apply")
}

async fn alive(bench: &Bench<'_>) -> Verdict {
    bench.needs_tests()?;
    let made = bench.obtain(&tag()?).await?;
    let alive = bench.liveness(&made).await?;
    let wrong = bench.liveness(&altered(&made)).await?;
    bench.end(&made).await?;
    ensure(alive == Liveness::Alive, "a new credential is not alive")?;
    ensure(wrong != Liveness::Alive, "a wrong value passes as alive")
}

async fn reversible(bench: &Bench<'_>) -> Verdict {
    let can = bench.issuer().capabilities();
    needs(can.reversible, "a credential cannot be disabled")?;
    let made = bench.obtain(&tag()?).await?;
    for _ in 0..2 {
        bench.issuer().disable(&made.id).await?;
    }
    bench
        .ensure_liveness(&made, Liveness::Dead, "disable")
        .await?;
    for _ in 0..2 {
        bench.issuer().enable(&made).await?;
    }
    bench
        .ensure_liveness(&made, Liveness::Alive, "enable")
        .await?;
    bench.end(&made).await
}

async fn revoked(bench: &Bench<'_>) -> Verdict {
    let can = bench.issuer().capabilities();
    needs(can.revokes, "a credential cannot be revoked")?;
    let made = bench.obtain(&tag()?).await?;
    for _ in 0..2 {
        bench.issuer().revoke_shown(&made).await?;
    }
    bench.ensure_liveness(&made, Liveness::Dead, "revoke").await
}

async fn found(bench: &Bench<'_>) -> Verdict {
    let find = bench.issuer().capabilities().find;
    needs(find == Find::ByTag, "does not find by tag")?;
    let (ours, other) = (tag()?, tag()?);
    let made = bench.obtain(&ours).await?;
    let found = bench.issuer().find(&ours).await?;
    let strangers = bench.issuer().find(&other).await?;
    bench.end(&made).await?;
    ensure(found == [made.id], "not exactly the one that was made")?;
    ensure(strangers.is_empty(), "an unused tag finds something")
}

async fn minted_twice(bench: &Bench<'_>) -> Verdict {
    let can = bench.issuer().capabilities();
    needs(can.idempotent_mint, "a mint is not idempotent")?;
    let tag = tag()?;
    let one = bench.issuer().mint(&tag).await?;
    let two = bench.issuer().mint(&tag).await?;
    bench.end(&one).await?;
    ensure(one.id == two.id, "one tag made two credentials")
}

async fn identified(bench: &Bench<'_>) -> Verdict {
    let can = bench.issuer().capabilities();
    needs(can.identifies, "does not identify")?;
    let made = bench.obtain(&tag()?).await?;
    let ours = bench.issuer().identify(&made.fields).await?;
    bench.end(&made).await?;
    ensure(ours == Some(made.id), "a value is not identified")
}

async fn state(bench: &Bench<'_>) -> Verdict {
    let made = bench.obtain(&tag()?).await?;
    let can = bench.issuer().capabilities();
    let before = bench.issuer().state(&made.id).await?;
    bench.end(&made).await?;
    needs(before != CredentialState::Unknown, "tells no state")?;
    ensure(before == CredentialState::Active, "a new one is not active")?;
    needs(can.revokes, "a credential cannot be revoked")?;
    bench.harness.settle().await;
    let after = bench.issuer().state(&made.id).await?;
    ensure(after != CredentialState::Active, "active after revoke")
}

async fn last_use(bench: &Bench<'_>) -> Verdict {
    let can = bench.issuer().capabilities();
    needs(can.reports_last_use, "reports no last use")?;
    let made = bench.obtain(&tag()?).await?;
    let used = bench.issuer().last_used(&made.id).await?;
    bench.end(&made).await?;
    ensure(used.as_of_ms > 0, "complete up to no moment at all")
}

async fn sessions(bench: &Bench<'_>) -> Verdict {
    let can = bench.issuer().capabilities();
    needs(can.sessions, "tells no sessions")?;
    let made = bench.obtain(&tag()?).await?;
    let open = bench.issuer().sessions(&made.id).await?;
    bench.issuer().end_sessions(&made.id).await?;
    bench.end(&made).await?;
    ensure(open.is_empty(), "a credential never used has a session")
}

async fn ruled_out(bench: &Bench<'_>) -> Verdict {
    let (can, issuer) = (bench.issuer().capabilities(), bench.issuer());
    let made = bench.obtain(&tag()?).await?;
    if can.chosen_by != ChosenBy::Keywheel {
        ensure_invalid(issuer.propose(None).await, "propose")?;
        ensure_invalid(issuer.apply(&tag()?, &made).await, "apply")?;
    }
    if can.chosen_by != ChosenBy::Issuer {
        ensure_invalid(issuer.mint(&tag()?).await, "mint")?;
    }
    if can.find == Find::None {
        ensure_invalid(issuer.find(&tag()?).await, "find")?;
    }
    if !can.reversible {
        ensure_invalid(issuer.disable(&made.id).await, "disable")?;
        ensure_invalid(issuer.enable(&made).await, "enable")?;
    }
    if !can.revokes {
        ensure_invalid(issuer.revoke(&made.id).await, "revoke")?;
    }
    if !can.activates {
        ensure_invalid(issuer.activate(&made).await, "activate")?;
    }
    if !can.reports_last_use {
        ensure_invalid(issuer.last_used(&made.id).await, "last_used")?;
    }
    if !can.sessions {
        ensure_invalid(issuer.sessions(&made.id).await, "sessions")?;
        ensure_invalid(issuer.end_sessions(&made.id).await, "end_sessions")?;
    }
    bench.end(&made).await
}

/// Provokes refusals with a value at hand, and looks for that value in each.
async fn silent(bench: &Bench<'_>) -> Verdict {
    let canary = format!("example-{}", random_hex::<16>()?);
    let planted = |text: String| Fields::single(SecretValue::from(text));
    let (wrong, same) = (planted(format!("{canary} \n")), planted(canary.clone()));
    let issuer = bench.issuer();
    let errors = [
        issuer.check_format(&wrong, None).await.err(),
        issuer.check_format(&same, Some(&same)).await.err(),
    ];
    ensure(errors[1].is_some(), "a repeated value was not refused")?;
    for error in errors.iter().flatten() {
        ensure_silent(error, &canary)?;
    }
    Ok(())
}

/// The harness, with the steps that many cases begin with.
struct Bench<'a> {
    harness: &'a dyn IssuerHarness,
}

impl Bench<'_> {
    fn issuer(&self) -> &dyn Issuer {
        self.harness.issuer()
    }

    fn needs_tests(&self) -> Verdict {
        needs(
            self.issuer().capabilities().tests,
            "cannot tell alive from dead",
        )
    }

    /// A new credential that the issuer honours, however this issuer comes by one.
    async fn obtain(&self, tag: &Tag) -> Result<Credential, Stop> {
        let made =
            match self.issuer().capabilities().chosen_by {
                ChosenBy::Issuer => self.issuer().mint(tag).await?,
                ChosenBy::Person => self.harness.provided().await.ok_or_else(|| {
                    Stop::Skip("nobody brought a credential to try with".to_owned())
                })?,
                ChosenBy::Keywheel => {
                    let current = self.harness.current().await;
                    let proposed = self.issuer().propose(current.as_ref()).await?;
                    self.issuer().apply(tag, &proposed).await?;
                    proposed
                }
            };
        self.harness.settle().await;
        Ok(made)
    }

    async fn end(&self, made: &Credential) -> Verdict {
        if self.issuer().capabilities().revokes {
            self.issuer().revoke_shown(made).await?;
        }
        Ok(())
    }

    async fn liveness(&self, credential: &Credential) -> Result<Liveness, Stop> {
        Ok(self.issuer().test(credential).await?)
    }

    /// Only where the issuer can test; a state alone proves nothing.
    async fn ensure_liveness(&self, made: &Credential, wanted: Liveness, after: &str) -> Verdict {
        if !self.issuer().capabilities().tests {
            return Ok(());
        }
        self.harness.settle().await;
        let seen = self.liveness(made).await?;
        ensure(seen == wanted, &format!("{seen:?} after {after}"))
    }
}

fn tag() -> Result<Tag, Stop> {
    Ok(Tag::new(format!("keywheel-{}", random_hex::<8>()?)))
}

/// The same credential with another value in each field.
fn altered(made: &Credential) -> Credential {
    let other = |value: &SecretValue| {
        let mut bytes = value.expose_secret().to_vec();
        bytes.extend_from_slice(b"-example");
        SecretValue::new(bytes)
    };
    Credential {
        id: made.id.clone(),
        fields: made
            .fields
            .iter()
            .map(|(name, value)| (name.to_owned(), other(value)))
            .collect(),
    }
}

fn ensure_invalid<T>(answer: crate::Result<T>, what: &str) -> Verdict {
    match answer {
        Ok(_) => ensure(false, &format!("{what} was taken")),
        Err(error) => ensure(
            error.kind == ErrorKind::Invalid,
            &format!("{what} answered {} instead of invalid", error.word()),
        ),
    }
}
