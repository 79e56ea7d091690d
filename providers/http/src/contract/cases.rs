//! Tests a pack: the conformance suite of every issuer against the played service, then what services do wrong.

use super::{Nasty, Played};
use crate::HttpIssuer;
use crate::pack::Pack;
use async_trait::async_trait;
use keywheel_contract::conformance::issuer::{IssuerHarness, suite};
use keywheel_contract::conformance::report::{Case, Outcome, Report};
use keywheel_contract::{
    ChosenBy, Credential, CredentialId, Error, ErrorKind, Find, Issuer, Liveness, Result, Tag,
};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// Tests a pack. What is wrong is a failed case of the report.
///
/// # Errors
/// No port of this machine can be listened on, or the contract's parameters do not fit the pack.
pub async fn check(pack: &Pack) -> Result<Report> {
    let bench = Bench::set(pack).await?;
    let mut report = suite(&bench).await;
    let bench = Bench::set(pack).await?;
    for (name, result) in [
        ("a credential on a later page is found", bench.pages().await),
        (
            "a mint whose answer is lost is found and ended",
            bench.lost_mint().await,
        ),
        (
            "one that is not listed yet is not taken for none",
            bench.hidden().await,
        ),
        (
            "a young credential is never called dead",
            bench.young().await,
        ),
        (
            "an ended credential that is still accepted is not called dead",
            bench.lingering().await,
        ),
        (
            "a page for people proves nothing",
            bench.page_for_people().await,
        ),
        (
            "a page for people ends nothing and misses nothing",
            bench.stopped_on_the_way().await,
        ),
        ("no room for another credential is said", bench.full().await),
        ("the end of its life is told", bench.ends().await),
        ("a use is seen, with its moment", bench.used().await),
        (
            "a last use that cannot be found is not taken for none",
            bench.use_left_out().await,
        ),
        (
            "a clock that differs is said, and no credential is blamed",
            bench.other_time().await,
        ),
    ] {
        let result = result
            .unwrap_or_else(|error| Outcome::Failed(format!("answered {}: {error}", error.word())));
        report.cases.push(Case { name, result });
    }
    if pack.shows_certificate() {
        let result = Outcome::Skipped("it is played without TLS".to_owned());
        let name = "our certificate is shown";
        report.cases.push(Case { name, result });
    }
    Ok(report)
}

/// Between a use and the question about it.
const PATIENCE_MS: i64 = 60_000;

/// A served service and its issuer.
struct Bench {
    played: Played,
    issuer: HttpIssuer,
    address: String,
    server: AbortHandle,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[async_trait]
impl IssuerHarness for Bench {
    fn issuer(&self) -> &dyn Issuer {
        &self.issuer
    }

    async fn provided(&self) -> Option<Credential> {
        let (fields, id) = self.played.by_hand();
        let named = self.issuer.identify(&fields).await.ok().flatten();
        let id = named.unwrap_or_else(|| CredentialId::new(id));
        Some(Credential { id, fields })
    }
}

fn skipped(why: &str) -> Result<Outcome> {
    Ok(Outcome::Skipped(why.to_owned()))
}

fn ensure(holds: bool, otherwise: &str) -> Result<Outcome> {
    Ok(if holds {
        Outcome::Passed
    } else {
        Outcome::Failed(otherwise.to_owned())
    })
}

fn tag(number: u32) -> Tag {
    Tag::new(format!("keywheel-example-{number}"))
}

impl Bench {
    async fn set(pack: &Pack) -> Result<Self> {
        let no_port = |_| Error::unavailable("no port of this machine can be listened on");
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(no_port)?;
        let address = format!("http://{}", listener.local_addr().map_err(no_port)?);
        let played = Played::new(pack);
        let router = played.router();
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        // Here a change is seen at once, unless a case says otherwise.
        let issuer = played.issuer(&address)?.converging_in(Duration::ZERO);
        Ok(Self {
            played,
            issuer,
            address,
            server: server.abort_handle(),
        })
    }

    /// Whether it lets a program make many at once.
    fn mints(&self) -> bool {
        self.issuer.capabilities().chosen_by == ChosenBy::Issuer
    }

    async fn obtain(&self, tag: &Tag) -> Result<Credential> {
        match self.issuer.capabilities().chosen_by {
            ChosenBy::Issuer => self.issuer.mint(tag).await,
            ChosenBy::Person => self
                .provided()
                .await
                .ok_or_else(|| Error::invalid("nobody brought one")),
            ChosenBy::Keywheel => {
                let proposed = self.issuer.propose(None).await?;
                self.issuer.apply(tag, &proposed).await?;
                Ok(proposed)
            }
        }
    }

    async fn end(&self, made: &Credential) -> Result<()> {
        match self.issuer.capabilities().revokes {
            true => self.issuer.revoke_shown(made).await,
            false => Ok(()),
        }
    }

    async fn pages(&self) -> Result<Outcome> {
        let can = self.issuer.capabilities();
        if can.find != Find::ByTag {
            return skipped("does not find by tag");
        }
        // A service with room for two shows them on one page.
        let most = self.played.pack.contract.room.unwrap_or(5);
        let mut made = Vec::new();
        for number in 0..u32::try_from(most.min(5)).unwrap_or(5) {
            made.push(self.obtain(&tag(number)).await?);
        }
        let mut found = true;
        for (number, one) in (0..).zip(&made) {
            found &= self.issuer.find(&tag(number)).await? == [one.id.clone()];
        }
        for one in &made {
            self.end(one).await?;
        }
        ensure(found, "not every one was found by its tag")
    }

    async fn lost_mint(&self) -> Result<Outcome> {
        if !self.mints() || self.issuer.capabilities().find != Find::ByTag {
            return skipped("a program does not make one that it could not name");
        }
        let before = self.played.count().1;
        self.played.misbehave(Nasty {
            breaks_after: 1,
            ..Nasty::default()
        });
        let lost = self.issuer.mint(&tag(100)).await;
        let in_doubt = lost
            .err()
            .is_some_and(|error| error.kind == ErrorKind::UnknownOutcome);
        let orphans = self.issuer.find(&tag(100)).await?;
        for orphan in &orphans {
            if self.issuer.capabilities().revokes {
                self.issuer.revoke(orphan).await?;
            }
        }
        let left = self.played.count().1 - before;
        ensure(
            in_doubt && orphans.len() == 1 && (left == 0 || !self.issuer.capabilities().revokes),
            "it was not in doubt, not found by its tag, or not ended",
        )
    }

    async fn hidden(&self) -> Result<Outcome> {
        let can = self.issuer.capabilities();
        let converges = self.played.pack.converges_seconds > 0;
        if !converges || !self.mints() || can.find != Find::ByTag || !can.revokes {
            return skipped(
                "a change is seen at once, or nothing is made, found and ended by a program",
            );
        }
        let issuer = self.played.issuer(&self.address)?.long_running();
        let before = self.played.count().1;
        self.played.misbehave(Nasty {
            hides: true,
            ..Nasty::default()
        });
        let made = issuer.mint(&tag(110)).await?;
        // Another one is made in between: the first is no older for that.
        let other = issuer.mint(&tag(111)).await?;
        let shown = issuer.state(&made.id).await;
        let ended = issuer.revoke_shown(&made).await;
        self.played.misbehave(Nasty::default());
        for one in [&made, &other] {
            issuer.revoke_shown(one).await?;
        }
        let unsure =
            |error: Option<Error>| error.is_some_and(|error| error.kind == ErrorKind::Unavailable);
        let left = self.played.count().1 - before;
        // That it is not found by its tag is judged by whoever looks for it.
        let declared = issuer.capabilities().lists_after > Duration::ZERO;
        ensure(
            declared && unsure(shown.err()) && unsure(ended.err()) && left == 0,
            &format!("it was called absent or ended, and {left} are left"),
        )
    }

    async fn young(&self) -> Result<Outcome> {
        if self.played.pack.converges_seconds == 0 || !self.issuer.capabilities().tests {
            return skipped("the pack says that changes are seen at once, or nothing is tested");
        }
        self.played.misbehave(Nasty {
            young: 1,
            ..Nasty::default()
        });
        let made = self.obtain(&tag(101)).await?;
        self.played.misbehave(Nasty::default());
        let (first, then) = (
            self.issuer.test(&made).await?,
            self.issuer.test(&made).await?,
        );
        self.end(&made).await?;
        let told = format!("{first:?}, then {then:?}");
        ensure(first == Liveness::Unknown && then == Liveness::Alive, &told)
    }

    async fn lingering(&self) -> Result<Outcome> {
        let can = self.issuer.capabilities();
        if !can.tests || !can.revokes {
            return skipped("nothing is tested, or nothing is ended by a program");
        }
        self.played.misbehave(Nasty {
            lingers: 1,
            ..Nasty::default()
        });
        let made = self.obtain(&tag(102)).await?;
        self.played.misbehave(Nasty::default());
        self.end(&made).await?;
        let (first, then) = (
            self.issuer.test(&made).await?,
            self.issuer.test(&made).await?,
        );
        ensure(
            first != Liveness::Dead && then == Liveness::Dead,
            &format!("{first:?}, then {then:?}"),
        )
    }

    async fn page_for_people(&self) -> Result<Outcome> {
        let can = self.issuer.capabilities();
        if !can.tests || self.played.pack.test_changes() {
            return skipped("nothing is tested by a call that only reads");
        }
        let made = self.obtain(&tag(103)).await?;
        self.played.misbehave(Nasty {
            pages_for_people: 1,
            ..Nasty::default()
        });
        let told = self.issuer.test(&made).await?;
        self.played.misbehave(Nasty::default());
        self.end(&made).await?;
        ensure(
            told == Liveness::Unknown,
            &format!("{told:?} by a page for people"),
        )
    }

    async fn stopped_on_the_way(&self) -> Result<Outcome> {
        let (revokes, pack) = (self.issuer.capabilities().revokes, &self.played.pack);
        let looks = pack.look.is_some() || pack.list.is_some();
        if !revokes && !looks {
            return skipped("nothing is looked at, and nothing is ended by a program");
        }
        let made = self.obtain(&tag(105)).await?;
        let mut misled = Vec::new();
        for status in [200, 404] {
            self.played.misbehave(Nasty {
                stops_reads: Some(status),
                ..Nasty::default()
            });
            if looks && self.issuer.state(&made.id).await.is_ok() {
                misled.push(format!("a look by {status}"));
            }
            self.played.misbehave(Nasty {
                stops_changes: Some(status),
                ..Nasty::default()
            });
            if revokes && self.issuer.revoke_shown(&made).await.is_ok() {
                misled.push(format!("an end by {status}"));
            }
            self.played.misbehave(Nasty::default());
        }
        self.end(&made).await?;
        ensure(misled.is_empty(), &misled.join(", "))
    }

    async fn other_time(&self) -> Result<Outcome> {
        let pack = &self.played.pack;
        let looks = pack.looks_signed();
        if !looks && !pack.tests_signed() {
            return skipped("nothing is signed with a moment in it");
        }
        let made = self.obtain(&tag(106)).await?;
        self.played.forget_tokens();
        self.played.misbehave(Nasty {
            clock: 3600,
            ..Nasty::default()
        });
        let said = self.issuer.state(&made.id).await.err();
        let told = self.issuer.test(&made).await?;
        self.played.misbehave(Nasty::default());
        self.end(&made).await?;
        let said = said.is_some_and(|error| {
            error.kind == ErrorKind::Unavailable && error.message.contains("clock")
        });
        ensure(
            (said || !looks) && told != Liveness::Dead,
            &format!("it was not said, or the test told {told:?}"),
        )
    }

    async fn full(&self) -> Result<Outcome> {
        if !self.mints() || self.played.pack.contract.full.is_none() {
            return skipped("the contract does not say what it answers then");
        }
        let before = self.played.count().0;
        self.played.misbehave(Nasty {
            full: true,
            ..Nasty::default()
        });
        let refused = self.issuer.mint(&tag(104)).await.err();
        self.played.misbehave(Nasty::default());
        let said = refused.is_some_and(|error| {
            error.kind == ErrorKind::Invalid && error.message.contains("room")
        });
        ensure(said && self.played.count().0 == before, "it is not said so")
    }

    async fn ends(&self) -> Result<Outcome> {
        let Some(expires) = &self.played.pack.expires else {
            return skipped("its credentials do not end by themselves, as far as the pack knows");
        };
        let made = self.obtain(&tag(112)).await?;
        let told = self.issuer.expires_at(&made.id).await?;
        let name = expires.at.rsplit('/').next().unwrap_or_default();
        self.played.misbehave(Nasty {
            leaves_out: Some(name.to_owned()),
            ..Nasty::default()
        });
        let left_out = self.issuer.expires_at(&made.id).await;
        self.played.misbehave(Nasty::default());
        self.end(&made).await?;
        ensure(
            told.is_some() && left_out.is_ok() == expires.left_out,
            &format!("{told:?}, and without it {left_out:?}"),
        )
    }

    async fn used(&self) -> Result<Outcome> {
        let Some(used) = &self.played.pack.last_used else {
            return skipped("the last use is not told");
        };
        let made = self.obtain(&tag(107)).await?;
        let before = self.issuer.last_used(&made.id).await?;
        self.use_by_hand(&made);
        let after = self.issuer.last_used(&made.id).await?;
        self.end(&made).await?;
        let now_ms = after.as_of_ms + i64::from(used.lag_seconds) * 1000;
        let coarse_ms = i64::from(used.granularity_seconds) * 1000;
        let just_now = now_ms - coarse_ms - PATIENCE_MS..=now_ms;
        ensure(
            before.at_ms.is_none() && after.at_ms.is_some_and(|at| just_now.contains(&at)),
            &format!("{before:?}, then {after:?} at {now_ms}"),
        )
    }

    async fn use_left_out(&self) -> Result<Outcome> {
        let Some(used) = &self.played.pack.last_used else {
            return skipped("the last use is not told");
        };
        let counts = used.buckets.as_ref().map(|buckets| &buckets.counts);
        let names = counts.into_iter().flat_map(|at| at.split('/').nth(1));
        let names = names.chain(used.at.rsplit('/').next().filter(|_| !used.left_out));
        let names: Vec<_> = names.collect();
        if names.is_empty() {
            return skipped("the service leaves it out of what was never used");
        }
        let made = self.obtain(&tag(108)).await?;
        self.use_by_hand(&made);
        let mut misled = Vec::new();
        for name in names {
            self.played.misbehave(Nasty {
                leaves_out: Some(name.to_owned()),
                ..Nasty::default()
            });
            if self.issuer.last_used(&made.id).await.is_ok() {
                misled.push(format!("without `{name}`"));
            }
        }
        self.played.misbehave(Nasty::default());
        self.end(&made).await?;
        ensure(misled.is_empty(), &misled.join(", "))
    }

    fn use_by_hand(&self, made: &Credential) {
        let texts = made.fields.iter();
        for text in texts.filter_map(|(_, value)| value.expose_secret_str()) {
            self.played.use_by_hand(text);
        }
    }
}
