//! What every [`SecretStore`] must do, by its capabilities.
//!
//! ```text
//! let report = keywheel_contract::conformance::store::suite(&MyHarness::start()).await;
//! assert_eq!(report.failed(), 0, "{report}");
//! ```

use super::report::{Report, Stop, Verdict, ensure, ensure_silent, needs, random_hex, run};
use crate::{
    Base, Document, ErrorKind, Fields, Find, Found, Inspection, Mark, Place, Retired, RotationId,
    SecretStore, SecretValue, VersionId, Write,
};
use async_trait::async_trait;

/// The largest content the suite sends to see it refused.
const LARGEST_TRIED: usize = 16 * 1024 * 1024;

/// Characters that quoting, templates and line-oriented formats get wrong.
const AWKWARD: &str = " a'b\"c\\d$e${f}`g`#h =i\nj\tk é✓ ";

/// What the suite needs to know of one store. Places belong to the suite; it leaves versions behind.
#[async_trait]
pub trait StoreHarness: Send + Sync {
    /// The store under test.
    fn store(&self) -> &dyn SecretStore;

    /// An empty place that was never used before.
    async fn fresh_place(&self) -> Place;

    /// A document for that place that carries `text` in each of its fields.
    fn document(&self, place: &Place, text: &str) -> Document {
        document(place, text)
    }

    /// Returns once readers see what was written: a store that converges waits here.
    async fn settle(&self) {}

    /// Puts other people's content into the place; `false` where a place holds nothing but ours.
    async fn plant_foreign(&self, _place: &Place) -> bool {
        false
    }

    /// Whether the content of [`plant_foreign`](Self::plant_foreign) is still there, unchanged.
    async fn foreign_kept(&self, _place: &Place) -> bool {
        true
    }
}

/// The plain document of a place: the text itself, or the text in each field.
pub fn document(place: &Place, text: &str) -> Document {
    let value = || SecretValue::from(text.to_owned());
    if place.fields.is_empty() {
        return Document::Whole(value());
    }
    let fields = place.fields.iter().map(|name| (name.clone(), value()));
    Document::Fields(fields.collect::<Fields>())
}

/// Runs every case. Nothing panics: what breaks the contract is a failed case of the report.
pub async fn suite(harness: &dyn StoreHarness) -> Report {
    let bench = &Bench { harness };
    run(vec![
        ("an empty place has no version", Box::pin(empty(bench))),
        (
            "a first publish is current and reads back",
            Box::pin(first(bench)),
        ),
        ("a publish over its base replaces it", Box::pin(over(bench))),
        (
            "an awkward value comes back byte for byte",
            Box::pin(awkward(bench)),
        ),
        (
            "a write that was never sent is found absent",
            Box::pin(find_absent(bench)),
        ),
        (
            "a write whose answer was lost is found current",
            Box::pin(find_current(bench)),
        ),
        (
            "a write that was overwritten is found superseded",
            Box::pin(find_superseded(bench)),
        ),
        (
            "a staged write is not shown to consumers",
            Box::pin(staged(bench)),
        ),
        (
            "a wrong base is a conflict and changes nothing",
            Box::pin(wrong_base(bench)),
        ),
        (
            "the same write twice makes one version",
            Box::pin(twice(bench)),
        ),
        ("an older version is read exactly", Box::pin(exact(bench))),
        (
            "the list is newest first with one current",
            Box::pin(listed(bench)),
        ),
        (
            "disable and enable hold, also when repeated",
            Box::pin(reversible(bench)),
        ),
        (
            "destroy holds, also when repeated",
            Box::pin(destroyed(bench)),
        ),
        (
            "the current version is not destroyed",
            Box::pin(destroy_current(bench)),
        ),
        ("other people's content is kept", Box::pin(foreign(bench))),
        ("too large a content is refused", Box::pin(too_large(bench))),
        ("no error shows the value", Box::pin(silent(bench))),
    ])
    .await
}

async fn empty(bench: &Bench<'_>) -> Verdict {
    let place = bench.harness.fresh_place().await;
    let seen = bench.store().inspect(&place).await?;
    ensure(seen.current.is_none(), "an empty place names a version")
}

async fn first(bench: &Bench<'_>) -> Verdict {
    let sent = bench.sent_first().await?;
    let seen = bench.store().inspect(&sent.place).await?;
    ensure(
        seen.current.as_ref() == Some(&sent.version),
        "the version answered by the write is not current",
    )?;
    bench.ensure_reads(&sent).await
}

async fn over(bench: &Bench<'_>) -> Verdict {
    let old = bench.sent_first().await?;
    let new = bench.sent_over(&old).await?;
    ensure(
        old.version != new.version,
        "two values have one version name",
    )?;
    let seen = bench.store().inspect(&old.place).await?;
    ensure(
        seen.current.as_ref() == Some(&new.version),
        "the newer write is not current",
    )?;
    bench.ensure_reads(&new).await
}

async fn awkward(bench: &Bench<'_>) -> Verdict {
    needs(bench.store().capabilities().readable, "not readable")?;
    let place = bench.harness.fresh_place().await;
    let sent = bench.publish(&place, AWKWARD).await?;
    bench.ensure_reads(&sent).await
}

async fn find_absent(bench: &Bench<'_>) -> Verdict {
    bench.needs_find()?;
    let sent = bench.sent_first().await?;
    let other = bench.prepare(&sent.place, &secret_text()?).await?;
    let found = bench.find(&other).await?;
    ensure(found == Found::Absent, "a write never sent is not absent")
}

async fn find_current(bench: &Bench<'_>) -> Verdict {
    bench.needs_find()?;
    let sent = bench.sent_first().await?;
    let found = bench.find(&sent.prepared).await?;
    ensure(
        found == Found::Current(sent.version),
        "the write is not found current under its version",
    )
}

async fn find_superseded(bench: &Bench<'_>) -> Verdict {
    let can = bench.store().capabilities();
    needs(can.find == Find::ByTag, "does not find by tag")?;
    needs(can.versions, "keeps no older version")?;
    let old = bench.sent_first().await?;
    bench.sent_over(&old).await?;
    let found = bench.find(&old.prepared).await?;
    ensure(
        found == Found::Superseded(old.version),
        "the older write is not found superseded under its version",
    )
}

async fn staged(bench: &Bench<'_>) -> Verdict {
    needs(bench.store().capabilities().stages, "does not stage")?;
    let old = bench.sent_first().await?;
    let next = bench.prepare(&old.place, &secret_text()?).await?;
    let version = bench.store().stage(&next.write()).await?;
    bench.harness.settle().await;
    let seen = bench.store().inspect(&old.place).await?;
    ensure(
        seen.current.as_ref() == Some(&old.version),
        "staging changed what is current",
    )?;
    let found = bench.find(&next).await?;
    ensure(
        found == Found::Staged(version),
        "the staged write is not found staged",
    )
}

async fn wrong_base(bench: &Bench<'_>) -> Verdict {
    let can = bench.store().capabilities();
    needs(can.compare_and_set, "does not compare and set")?;
    let old = bench.sent_first().await?;
    let late = bench.prepare(&old.place, &secret_text()?).await?;
    let new = bench.sent_over(&old).await?;
    ensure_conflict(bench.send(&late).await)?;
    let mut blind = bench.prepare(&old.place, &secret_text()?).await?;
    blind.base = Base::default();
    ensure_conflict(bench.send(&blind).await)?;
    let seen = bench.store().inspect(&old.place).await?;
    ensure(
        seen.current.as_ref() == Some(&new.version),
        "a refused write changed what is current",
    )?;
    bench.ensure_reads(&new).await
}

async fn twice(bench: &Bench<'_>) -> Verdict {
    let can = bench.store().capabilities();
    needs(can.idempotent_put, "a put is not idempotent")?;
    let sent = bench.sent_first().await?;
    let again = bench.send(&sent.prepared).await?;
    // Where nothing is found again, a write that is repeated has a name of its own.
    let named_anew = can.find == Find::None;
    ensure(
        named_anew || again == sent.version,
        "the repeat answers another version",
    )?;
    if !can.versions {
        return bench.ensure_reads(&sent).await;
    }
    let versions = bench.store().list(&sent.place).await?;
    ensure(versions.len() == 1, "the repeat made another version")
}

async fn exact(bench: &Bench<'_>) -> Verdict {
    let can = bench.store().capabilities();
    needs(can.versions, "keeps no older version")?;
    needs(can.readable, "not readable")?;
    let old = bench.sent_first().await?;
    let new = bench.sent_over(&old).await?;
    bench.ensure_reads(&old).await?;
    bench.ensure_reads(&new).await
}

async fn listed(bench: &Bench<'_>) -> Verdict {
    needs(bench.store().capabilities().versions, "keeps no versions")?;
    let old = bench.sent_first().await?;
    let new = bench.sent_over(&old).await?;
    let versions = bench.store().list(&old.place).await?;
    let order: Vec<_> = versions.iter().map(|version| &version.id).collect();
    ensure(
        order == [&new.version, &old.version],
        "not both, newest first",
    )?;
    let current: Vec<_> = versions.iter().map(|version| version.current).collect();
    ensure(current == [true, false], "not the newest alone is current")
}

async fn reversible(bench: &Bench<'_>) -> Verdict {
    let can = bench.store().capabilities();
    needs(can.reversible, "a version cannot be disabled and enabled")?;
    let old = bench.sent_first().await?;
    bench.sent_over(&old).await?;
    for _ in 0..2 {
        let how = bench.store().disable(&old.place, &old.version).await?;
        ensure(
            how == Retired::Disabled,
            "disable answers another word than disabled",
        )?;
    }
    bench.harness.settle().await;
    let read = bench.store().read(&old.place, &old.version).await;
    ensure(read.is_err(), "a disabled version is read")?;
    for _ in 0..2 {
        bench.store().enable(&old.place, &old.version).await?;
    }
    bench.harness.settle().await;
    bench.ensure_reads(&old).await
}

async fn destroyed(bench: &Bench<'_>) -> Verdict {
    let old = bench.sent_first().await?;
    let new = bench.sent_over(&old).await?;
    let how = bench.store().destroy(&old.place, &old.version).await?;
    needs(how != Retired::Impossible, "cannot end a version")?;
    bench.harness.settle().await;
    if bench.store().capabilities().versions {
        let versions = bench.store().list(&old.place).await?;
        let listed = versions.iter().find(|version| version.id == old.version);
        let ended = listed.is_none_or(|version| version.ended == Some(how));
        ensure(ended, "the list does not say what became of it")?;
    }
    let again = bench.store().destroy(&old.place, &old.version).await?;
    ensure(
        again == how || again == Retired::Destroyed,
        "the repeat answers another word",
    )?;
    if how == Retired::Destroyed {
        let read = bench.store().read(&old.place, &old.version).await;
        ensure(read.is_err(), "a destroyed version is read")?;
    }
    bench.ensure_reads(&new).await
}

async fn destroy_current(bench: &Bench<'_>) -> Verdict {
    let sent = bench.sent_first().await?;
    ensure_conflict(bench.store().destroy(&sent.place, &sent.version).await)?;
    bench.ensure_reads(&sent).await
}

async fn foreign(bench: &Bench<'_>) -> Verdict {
    let place = bench.harness.fresh_place().await;
    let planted = bench.harness.plant_foreign(&place).await;
    needs(planted, "a place holds nothing but ours")?;
    let sent = bench.publish(&place, &secret_text()?).await?;
    ensure(
        bench.harness.foreign_kept(&place).await,
        "the first publish changed other people's content",
    )?;
    bench.sent_over(&sent).await?;
    ensure(
        bench.harness.foreign_kept(&place).await,
        "a later publish changed other people's content",
    )
}

async fn too_large(bench: &Bench<'_>) -> Verdict {
    let Some(most) = bench.store().capabilities().max_bytes else {
        return needs(false, "names no limit");
    };
    needs(most <= LARGEST_TRIED, "its limit is too large to try")?;
    let place = bench.harness.fresh_place().await;
    match bench.publish(&place, &"x".repeat(most + 1)).await {
        Ok(_) => ensure(false, "more than max_bytes is taken"),
        Err(Stop::Fail(why)) => ensure(why.starts_with("answered invalid"), &why),
        Err(skip) => Err(skip),
    }?;
    let seen = bench.store().inspect(&place).await?;
    ensure(seen.current.is_none(), "a refused write left a version")
}

/// Provokes every error it can with a value at hand, and looks for that value in each.
async fn silent(bench: &Bench<'_>) -> Verdict {
    let canary = secret_text()?;
    let place = bench.harness.fresh_place().await;
    let sent = bench.publish(&place, &canary).await?;
    let mut wrong = bench.prepare(&place, &format!("{canary}-more")).await?;
    wrong.base.version = Some(VersionId::new("no-such-version"));
    let missing = VersionId::new("no-such-version");
    let store = bench.store();
    let errors = [
        store.promote(&wrong.write()).await.err(),
        store.read(&place, &missing).await.err(),
        store.disable(&place, &missing).await.err(),
        store.enable(&place, &missing).await.err(),
        store.destroy(&place, &sent.version).await.err(),
    ];
    ensure(errors.iter().any(Option::is_some), "nothing was refused")?;
    for error in errors.iter().flatten() {
        ensure_silent(error, &canary)?;
    }
    Ok(())
}

fn secret_text() -> Result<String, Stop> {
    Ok(format!("example-{}", random_hex::<16>()?))
}

fn ensure_conflict<T>(answer: crate::Result<T>) -> Verdict {
    match answer {
        Ok(_) => ensure(false, "it was done"),
        Err(error) => ensure(
            matches!(error.kind, ErrorKind::Conflict { .. }),
            &format!("refused as {} instead of conflict", error.word()),
        ),
    }
}

/// The harness, with the steps that many cases begin with.
struct Bench<'a> {
    harness: &'a dyn StoreHarness,
}

/// A write that is ready to be sent, any number of times.
struct Prepared {
    place: Place,
    payload: SecretValue,
    base: Base,
    mark: Mark,
    text: String,
}

impl Prepared {
    fn write(&self) -> Write<'_> {
        Write {
            place: &self.place,
            payload: &self.payload,
            base: &self.base,
            mark: &self.mark,
        }
    }
}

/// A write that was sent, and the version it made.
struct Sent {
    place: Place,
    version: VersionId,
    prepared: Prepared,
}

impl Bench<'_> {
    fn store(&self) -> &dyn SecretStore {
        self.harness.store()
    }

    fn needs_find(&self) -> Verdict {
        let find = self.store().capabilities().find;
        needs(find != Find::None, "does not find a write")
    }

    async fn prepare(&self, place: &Place, text: &str) -> Result<Prepared, Stop> {
        let seen: Inspection = self.store().inspect(place).await?;
        let document = self.harness.document(place, text);
        Ok(Prepared {
            place: place.clone(),
            payload: self.store().compose(place, &document, &seen).await?,
            base: Base::from(&seen),
            mark: mark()?,
            text: text.to_owned(),
        })
    }

    async fn send(&self, prepared: &Prepared) -> crate::Result<VersionId> {
        if self.store().capabilities().stages {
            self.store().stage(&prepared.write()).await?;
        }
        let version = self.store().promote(&prepared.write()).await?;
        self.harness.settle().await;
        Ok(version)
    }

    async fn publish(&self, place: &Place, text: &str) -> Result<Sent, Stop> {
        let prepared = self.prepare(place, text).await?;
        let version = self.send(&prepared).await?;
        Ok(Sent {
            place: place.clone(),
            version,
            prepared,
        })
    }

    async fn sent_first(&self) -> Result<Sent, Stop> {
        let place = self.harness.fresh_place().await;
        self.publish(&place, &secret_text()?).await
    }

    async fn sent_over(&self, old: &Sent) -> Result<Sent, Stop> {
        self.publish(&old.place, &secret_text()?).await
    }

    async fn find(&self, prepared: &Prepared) -> crate::Result<Found> {
        self.store()
            .find(&prepared.place, &prepared.mark, &prepared.payload)
            .await
    }

    /// Reads exactly this version back, where the store can be read.
    async fn ensure_reads(&self, sent: &Sent) -> Verdict {
        if !self.store().capabilities().readable {
            return Ok(());
        }
        let read = self.store().read(&sent.place, &sent.version).await?;
        let wrote = self.harness.document(&sent.place, &sent.prepared.text);
        ensure(read.matches(&wrote), "it reads back something else")
    }
}

fn mark() -> Result<Mark, Stop> {
    Ok(Mark {
        rotation: RotationId::new(format!("conformance-{}", random_hex::<8>()?)),
        token: random_hex::<32>()?,
    })
}
