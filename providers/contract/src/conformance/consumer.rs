//! What every [`Consumer`] must do, by its capabilities.
//!
//! ```text
//! let report = keywheel_contract::conformance::consumer::suite(&MyHarness::start()).await;
//! assert_eq!(report.failed(), 0, "{report}");
//! ```

use super::report::{Report, Stop, Verdict, ensure, ensure_silent, needs, random_hex, run};
use crate::{
    Consumer, CredentialId, ErrorKind, Held, Holding, Notice, Observation, Question, Result,
    RotationId, SecretId, SecretValue, VersionId,
};
use async_trait::async_trait;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the suite needs to know of one consumer.
#[async_trait]
pub trait ConsumerHarness: Send + Sync {
    /// The consumer under test.
    fn consumer(&self) -> &dyn Consumer;

    /// The secret it uses.
    fn id(&self) -> SecretId;

    /// Its name in the inventory.
    fn name(&self) -> String {
        "example".to_owned()
    }

    /// The destination it reads.
    fn destination(&self) -> String {
        "main:example".to_owned()
    }

    /// Has every instance use this value, and returns once they do; `false` where that cannot be arranged.
    async fn hold(&self, value: &SecretValue) -> bool;

    /// Has every instance stop, or hold nothing; `false` where that cannot be arranged.
    async fn hold_nothing(&self) -> bool {
        false
    }

    /// The version by which a consumer is seen that cannot be asked about values: the store's name for what carries
    /// this one.
    fn version(&self, _value: &SecretValue) -> Option<VersionId> {
        None
    }

    /// How many instances there are.
    fn instances(&self) -> u32 {
        1
    }
}

/// Runs every case. Nothing panics: what breaks the contract is a failed case of the report.
pub async fn suite(harness: &dyn ConsumerHarness) -> Report {
    let bench = &Bench { harness };
    run(vec![
        (
            "the credential in use is named",
            Box::pin(named(bench, "new")),
        ),
        (
            "the old credential is told from the new one",
            Box::pin(named(bench, "old")),
        ),
        (
            "a value that begins like another is told apart",
            Box::pin(prefix(bench)),
        ),
        (
            "a value nobody asked about is none of them",
            Box::pin(stranger(bench)),
        ),
        (
            "where nothing is asked about, nothing is named",
            Box::pin(nothing_asked(bench)),
        ),
        (
            "a consumer that holds nothing proves nothing",
            Box::pin(nothing_held(bench)),
        ),
        (
            "each instance answers once, and asking again changes nothing",
            Box::pin(instances(bench)),
        ),
        ("a notice may be repeated", Box::pin(notified(bench))),
        (
            "what the capabilities rule out is invalid",
            Box::pin(ruled_out(bench)),
        ),
        (
            "no answer and no error shows a value",
            Box::pin(silent(bench)),
        ),
    ])
    .await
}

async fn named(bench: &Bench<'_>, which: &str) -> Verdict {
    let asked = bench.pair()?;
    let since = bench.has_hold(asked.value(which)?).await?;
    let seen = bench.observe(&asked, since).await?;
    bench.ensure_named(&seen, which)
}

async fn prefix(bench: &Bench<'_>) -> Verdict {
    let short = fresh()?;
    let long = format!("{short}0");
    let asked = Asked::of([("old", short), ("new", long)]);
    for which in ["old", "new"] {
        let since = bench.has_hold(asked.value(which)?).await?;
        let seen = bench.observe(&asked, since).await?;
        bench.ensure_named(&seen, which)?;
    }
    Ok(())
}

async fn stranger(bench: &Bench<'_>) -> Verdict {
    let asked = bench.pair()?;
    let since = bench.has_hold(&SecretValue::from(fresh()?)).await?;
    ensure_none_named(&bench.observe(&asked, since).await?)
}

async fn nothing_asked(bench: &Bench<'_>) -> Verdict {
    let since = bench.has_hold(&SecretValue::from(fresh()?)).await?;
    ensure_none_named(&bench.observe(&Asked(Vec::new()), since).await?)
}

async fn nothing_held(bench: &Bench<'_>) -> Verdict {
    bench.needs_observe()?;
    let asked = bench.pair()?;
    let since = now_ms();
    needs(
        bench.harness.hold_nothing().await,
        "a consumer without a value cannot be arranged",
    )?;
    match bench.ask(&asked, since).await {
        Ok(seen) => ensure_none_named(&seen),
        Err(error) => ensure(
            error.kind == ErrorKind::Unavailable,
            &format!("answered {} instead of unavailable", error.word()),
        ),
    }
}

async fn instances(bench: &Bench<'_>) -> Verdict {
    let asked = bench.pair()?;
    let since = bench.has_hold(asked.value("new")?).await?;
    let first = names(&bench.observe(&asked, since).await?);
    let second = names(&bench.observe(&asked, since).await?);
    let expected = bench.harness.instances() as usize;
    ensure(
        first.len() == expected,
        &format!("{} of {expected} instances answered", first.len()),
    )?;
    ensure(first == second, "asked again, other instances answered")?;
    let mut distinct = first;
    distinct.dedup();
    ensure(distinct.len() == expected, "an instance answered twice")
}

async fn notified(bench: &Bench<'_>) -> Verdict {
    needs(
        bench.consumer().capabilities().notifies,
        "there is nobody to notify",
    )?;
    for _ in 0..2 {
        bench.consumer().notify(&bench.notice()).await?;
    }
    Ok(())
}

async fn ruled_out(bench: &Bench<'_>) -> Verdict {
    let can = bench.consumer().capabilities();
    needs(
        !can.notifies || can.strongest.is_none(),
        "the capabilities rule nothing out",
    )?;
    if !can.notifies {
        ensure_invalid(bench.consumer().notify(&bench.notice()).await, "notify")?;
    }
    if can.strongest.is_none() {
        ensure_invalid(bench.ask(&bench.pair()?, now_ms()).await, "observe")?;
    }
    Ok(())
}

/// Looks for every value in every sentence of the answer, also where nothing matches.
async fn silent(bench: &Bench<'_>) -> Verdict {
    bench.needs_observe()?;
    let asked = bench.pair()?;
    let unasked = SecretValue::from(fresh()?);
    for value in [asked.value("new")?, &unasked] {
        let since = bench.has_hold(value).await?;
        let texts = asked.0.iter().map(|(_, value)| value).chain([&unasked]);
        let texts = texts.filter_map(SecretValue::expose_secret_str);
        match bench.ask(&asked, since).await {
            Ok(seen) => texts.into_iter().try_for_each(|text| {
                let said = |o: &Observation| o.detail.contains(text) || o.instance.contains(text);
                ensure(!seen.iter().any(said), "an observation shows a value")
            })?,
            Err(error) => texts
                .into_iter()
                .try_for_each(|text| ensure_silent(&error, text))?,
        }
    }
    Ok(())
}

/// The credentials of one question, by id.
struct Asked(Vec<(CredentialId, SecretValue)>);

impl Asked {
    fn of<const N: usize>(values: [(&str, String); N]) -> Self {
        let named = |(id, value): (&str, String)| (CredentialId::new(id), SecretValue::from(value));
        Self(values.into_iter().map(named).collect())
    }

    fn value(&self, which: &str) -> std::result::Result<&SecretValue, Stop> {
        let named = self.0.iter().find(|(id, _)| id.as_str() == which);
        named
            .map(|(_, value)| value)
            .ok_or_else(|| Stop::Fail(format!("the suite has no value called {which}")))
    }
}

/// The harness, with the steps that many cases begin with.
struct Bench<'a> {
    harness: &'a dyn ConsumerHarness,
}

impl Bench<'_> {
    fn consumer(&self) -> &dyn Consumer {
        self.harness.consumer()
    }

    fn needs_observe(&self) -> Verdict {
        needs(
            self.consumer().capabilities().strongest.is_some(),
            "brings no evidence",
        )
    }

    fn pair(&self) -> std::result::Result<Asked, Stop> {
        Ok(Asked::of([("old", fresh()?), ("new", fresh()?)]))
    }

    fn notice(&self) -> Notice {
        Notice {
            id: self.harness.id(),
            consumer: self.harness.name(),
            destination: self.harness.destination(),
            version: VersionId::new("example-version"),
            credential: None,
            rotation: RotationId::new("example-rotation"),
        }
    }

    /// Has the consumer hold the value; answers the moment before.
    async fn has_hold(&self, value: &SecretValue) -> std::result::Result<i64, Stop> {
        self.needs_observe()?;
        let since = now_ms();
        needs(
            self.harness.hold(value).await,
            "a consumer with a value of ours cannot be arranged",
        )?;
        Ok(since)
    }

    async fn ask(&self, asked: &Asked, since_ms: i64) -> Result<Vec<Observation>> {
        let versions: Vec<_> = asked
            .0
            .iter()
            .map(|(_, value)| self.harness.version(value))
            .collect();
        let held: Vec<Held<'_>> = asked
            .0
            .iter()
            .zip(&versions)
            .map(|((credential, value), version)| Held {
                credential,
                issuer_ref: None,
                version: version.as_ref(),
                value,
                strong: true,
            })
            .collect();
        let question = Question {
            id: &self.harness.id(),
            consumer: &self.harness.name(),
            destination: &self.harness.destination(),
            held: &held,
            published_at_ms: since_ms,
            instances: self.harness.instances(),
        };
        self.consumer().observe(&question).await
    }

    /// The observations of a consumer that is there: at least one, none stronger than promised.
    async fn observe(
        &self,
        asked: &Asked,
        since_ms: i64,
    ) -> std::result::Result<Vec<Observation>, Stop> {
        let seen = self.ask(asked, since_ms).await?;
        let promised = self.consumer().capabilities().strongest;
        ensure(!seen.is_empty(), "no instance was observed")?;
        ensure(
            seen.iter().all(|one| Some(one.strength) <= promised),
            "evidence is stronger than the capabilities promise",
        )?;
        Ok(seen)
    }

    fn ensure_named(&self, seen: &[Observation], which: &str) -> Verdict {
        let right = Holding::Credential(CredentialId::new(which));
        let wrong = seen.iter().find(|one| one.holding != right);
        match wrong.map(|one| &one.holding) {
            None => Ok(()),
            Some(holding) => ensure(false, &format!("{holding:?} instead of `{which}`")),
        }
    }
}

fn ensure_none_named(seen: &[Observation]) -> Verdict {
    let named = |one: &Observation| matches!(one.holding, Holding::Credential(_));
    ensure(
        !seen.iter().any(named),
        "a credential is named that is not in use",
    )
}

fn names(seen: &[Observation]) -> Vec<String> {
    let mut names: Vec<String> = seen.iter().map(|one| one.instance.clone()).collect();
    names.sort();
    names
}

fn fresh() -> std::result::Result<String, Stop> {
    Ok(format!("example-{}", random_hex::<24>()?))
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

fn ensure_invalid<T>(answer: Result<T>, what: &str) -> Verdict {
    match answer {
        Ok(_) => ensure(false, &format!("{what} was taken")),
        Err(error) => ensure(
            error.kind == ErrorKind::Invalid,
            &format!("{what} answered {} instead of invalid", error.word()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{ConsumerHarness, suite};
    use crate::conformance::report::Outcome;
    use crate::{
        Consumer, ConsumerCapabilities, Error, Holding, Notice, Observation, Question, Result,
        SecretId, SecretValue, Strength,
    };
    use async_trait::async_trait;
    use std::sync::Mutex;

    /// A consumer in memory, right or wrong in one way.
    #[derive(Default)]
    struct Example {
        value: Mutex<Option<SecretValue>>,
        flaw: &'static str,
    }

    #[async_trait]
    impl Consumer for Example {
        fn capabilities(&self) -> ConsumerCapabilities {
            ConsumerCapabilities {
                strongest: Some(Strength::Claimed),
                notifies: false,
                host_bound: false,
            }
        }

        async fn notify(&self, _: &Notice) -> Result<()> {
            Err(Error::invalid("nobody to notify"))
        }

        async fn observe(&self, question: &Question<'_>) -> Result<Vec<Observation>> {
            let value = self.value.lock().unwrap();
            let Some(value) = value.as_ref() else {
                return Ok(Vec::new());
            };
            let matching = question.held.iter().find(|held| match self.flaw {
                "takes anything" => true,
                "compares the beginning" => value
                    .expose_secret()
                    .starts_with(held.value.expose_secret()),
                _ => value.matches(held.value),
            });
            let mut seen = Observation {
                instance: "one".to_owned(),
                holding: matching.map_or(Holding::Other, |held| {
                    Holding::Credential(held.credential.clone())
                }),
                strength: Strength::Claimed,
                started_at_ms: None,
                seen_at_ms: None,
                detail: String::new(),
            };
            match self.flaw {
                "boasts" => seen.strength = Strength::Proven,
                "tells" => seen.detail = value.expose_secret_str().unwrap().to_owned(),
                "repeats itself" => return Ok(vec![seen.clone(), seen]),
                _ => {}
            }
            Ok(vec![seen])
        }
    }

    #[async_trait]
    impl ConsumerHarness for Example {
        fn consumer(&self) -> &dyn Consumer {
            self
        }

        fn id(&self) -> SecretId {
            "production/example".parse().unwrap()
        }

        async fn hold(&self, value: &SecretValue) -> bool {
            *self.value.lock().unwrap() = Some(value.duplicate());
            true
        }

        async fn hold_nothing(&self) -> bool {
            *self.value.lock().unwrap() = None;
            true
        }
    }

    #[tokio::test]
    async fn a_consumer_that_keeps_the_contract_passes() {
        let report = suite(&Example::default()).await;
        assert_eq!((report.failed(), report.skipped()), (0, 1), "{report}");
    }

    #[tokio::test]
    async fn each_flaw_fails_its_case() {
        for (flaw, case) in [
            (
                "takes anything",
                "a value nobody asked about is none of them",
            ),
            (
                "compares the beginning",
                "a value that begins like another is told apart",
            ),
            ("boasts", "the credential in use is named"),
            ("tells", "no answer and no error shows a value"),
            (
                "repeats itself",
                "each instance answers once, and asking again changes nothing",
            ),
        ] {
            let report = suite(&Example {
                flaw,
                ..Example::default()
            })
            .await;
            let found = matches!(report.outcome(case), Some(Outcome::Failed(_)));
            assert!(found, "{flaw}: {report}");
        }
    }
}
