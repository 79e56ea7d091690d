//! Everything that is known about a rotation comes with one message: what was written comes back whole, whatever the
//! texts and numbers are, and as each reading says it by itself.

use super::bench::{Bench, Case, Place, START_MS, case, on_postgres, on_sqlite};
use super::fixtures::{LEASE_MS, claim, definition, new_run, open_run};
use keywheel::journal::ledger::{self, CredentialRow};
use keywheel::journal::requests::{self, Request};
use keywheel::journal::rotations::{self, Lease, Run};
use keywheel::journal::spares::{self, Spare};
use keywheel::journal::{Bundle, Result, Tx, secrets};
use keywheel::rotation::decide::{self, Turn};
use keywheel::rotation::facts::{
    Capabilities, Effect, EffectResult, Evidence, Facts, KnownCredential, Newer, Pace, Probe,
    Waiver,
};
use keywheel::rotation::phase::{PHASES, Phase};
use keywheel::rotation::report::Report;
use keywheel::rotation::words::{Cause, KINDS, LOOKS, Look, Mode, STATUSES, State, Status};
use keywheel::seam::Seams;
use keywheel_contract::{
    Base, ChosenBy, Find, IssuerCapabilities, RotationId, Strength, Style, VersionId,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const CASES: &[Case] = &[
    case("a rotation that has everything is read whole", |b| {
        Box::pin(read_whole(b))
    }),
    case("a rotation that has nothing has nothing", |b| {
        Box::pin(read_empty(b))
    }),
    case("what belongs to others is not among it", |b| {
        Box::pin(of_others(b))
    }),
    case(
        "each reading says by itself what it says in a bundle",
        |b| Box::pin(alone_and_together(b)),
    ),
    case("everything is one message", |b| Box::pin(one_message(b))),
    case("the row comes with the lease", |b| Box::pin(row_held(b))),
];

#[tokio::test]
async fn sqlite() {
    on_sqlite(CASES).await;
}

#[tokio::test]
async fn postgres() {
    on_postgres(CASES).await;
}

const SECRET: &str = "production/api-key";

/// What a text may hold that means something to somebody on its way. PostgreSQL keeps no NUL in a text.
fn odd(bench: &Bench) -> String {
    let nul = match bench.place {
        Place::Sqlite(_) => "\0 behind it",
        Place::Postgres(_) => "",
    };
    format!(
        "it's \"quoted\", \\ \\u0041 \\\\ /, [\"json\", null, {{}}], $1 ?1 %s -- ; \n\r\t\u{8}\u{c}\u{1}\u{1f}\u{7f}\u{85} \
         \u{fc}\u{65e5}\u{1f511}\u{2028}\u{feff}\u{ffff} {nul}"
    )
}

/// Everything that a rotation can have, of every kind, with odd texts, large numbers, and cells that are empty.
struct Everything {
    effects: Vec<Effect>,
    probes: Vec<Probe>,
    evidence: Vec<Evidence>,
    waivers: Vec<Waiver>,
    sealed: Vec<String>,
    spares: Vec<Spare>,
    emergency: Request,
}

impl Everything {
    fn of(odd: &str) -> Self {
        Self {
            effects: effects(odd),
            probes: probes(odd),
            evidence: evidence(odd),
            waivers: [("", i64::MAX), (odd, START_MS + 1)]
                .map(|(text, until_ms)| waiver(text, until_ms))
                .into(),
            sealed: vec![String::new(), "candidate".into(), odd.to_owned()],
            spares: [("s1", None), ("s2", Some(START_MS))]
                .map(|(id, tested_ms)| spare(id, odd, tested_ms))
                .into(),
            emergency: emergency("q1", SECRET, odd),
        }
    }

    async fn write(&self, tx: &mut Tx, rotation: &str, secret: &str) -> Result<()> {
        let begun = |effect: &Effect| Effect {
            status: Status::Intent,
            ..effect.clone()
        };
        let intents: Vec<Effect> = self.effects.iter().map(begun).collect();
        ledger::begin_effects(tx, rotation, 1, &intents).await?;
        for effect in &self.effects {
            ledger::settle_effect(tx, rotation, effect).await?;
        }
        ledger::keep_probes(tx, rotation, &self.probes).await?;
        ledger::keep_evidence(tx, rotation, &self.evidence).await?;
        for (n, waiver) in self.waivers.iter().enumerate() {
            ledger::waive(tx, &format!("{rotation}-w{n}"), secret, waiver).await?;
        }
        let value = |name: &String| (name.clone(), b"sealed".to_vec());
        let sealed: Vec<_> = self.sealed.iter().map(value).collect();
        ledger::keep_sealed(tx, rotation, &sealed).await?;
        for spare in &self.spares {
            spares::add(tx, spare, START_MS).await?;
        }
        requests::add(tx, &self.emergency).await
    }
}

fn effects(odd: &str) -> Vec<Effect> {
    let numbers = [i64::MAX, 9_007_199_254_740_993, 0, -1, i64::MIN];
    let words = KINDS.into_iter().zip(STATUSES.into_iter().cycle());
    let effects = words.zip(numbers.into_iter().cycle()).zip(1..);
    let effect = |(((kind, status), number), n): (_, i64)| Effect {
        kind,
        target: format!("{n} {odd}"),
        attempt: n,
        token: odd.to_owned(),
        created_ms: START_MS + n,
        deadline_ms: number,
        status,
        retry_ms: -number.max(i64::MIN + 1),
        settled_ms: (n % 2 == 0).then_some(number),
        word: odd.to_owned(),
        result: EffectResult {
            base: Some(Base {
                version: Some(VersionId::new(odd)),
                token: None,
            }),
            version: (n % 3 == 0).then(|| VersionId::new("v8")),
            orphans: vec![odd.to_owned(), String::new()],
            detail: odd.repeat(40),
        },
    };
    effects.map(effect).collect()
}

fn probes(odd: &str) -> Vec<Probe> {
    let probe = |(look, n): (Look, i64)| Probe {
        look,
        target: format!("{n} {odd}"),
        result: odd.to_owned(),
        detail: odd.repeat(200),
        at_ms: START_MS + n,
        failures: n,
    };
    LOOKS.into_iter().zip(0..).map(probe).collect()
}

fn evidence(odd: &str) -> Vec<Evidence> {
    let strengths = [
        Strength::Claimed,
        Strength::Delivered,
        Strength::Restarted,
        Strength::Proven,
    ];
    let one = |(n, strength): (usize, Strength)| Evidence {
        consumer: format!("{n} {odd}"),
        instance: odd.to_owned(),
        holding: ["c1", "other", "unknown", odd][n].to_owned(),
        strength,
        at_ms: i64::MIN,
        detail: String::new(),
    };
    strengths.into_iter().enumerate().map(one).collect()
}

fn waiver(odd: &str, until_ms: i64) -> Waiver {
    Waiver {
        subject: odd.to_owned(),
        actor: odd.to_owned(),
        reason: odd.to_owned(),
        created_ms: -until_ms,
        until_ms,
    }
}

fn spare(id: &str, odd: &str, tested_ms: Option<i64>) -> Spare {
    Spare {
        id: id.to_owned(),
        secret_id: SECRET.to_owned(),
        issuer_ref: odd.to_owned(),
        fingerprint: odd.to_owned(),
        added_ms: START_MS,
        added_by: odd.to_owned(),
        tested_ms,
    }
}

fn emergency(id: &str, secret: &str, odd: &str) -> Request {
    Request {
        id: id.to_owned(),
        secret_id: secret.to_owned(),
        cause: Cause::Emergency,
        mode: Mode::Contain,
        credential: odd.to_owned(),
        reason: odd.to_owned(),
        actor: odd.to_owned(),
        accept_outage: true,
        reported_ms: START_MS,
    }
}

fn credential(id: &str, issuer_ref: Option<&str>) -> CredentialRow {
    CredentialRow {
        id: id.to_owned(),
        secret_id: SECRET.to_owned(),
        rotation_id: None,
        issuer_ref: issuer_ref.map(str::to_owned),
        fingerprint: None,
        state: "current".to_owned(),
        born_ms: START_MS,
        published_ms: None,
    }
}

/// `r1` of the secret in this phase, between an older rotation and a newer one: it has given up keeping others away.
async fn open(bench: &Bench, phase: Phase) -> Run {
    let run = Run {
        phase,
        exclusive: false,
        old_credential: Some("c1".into()),
        leaked: vec!["c1".into(), odd(bench)],
        ..new_run("r1", "api-key")
    };
    open_run(&bench.journal, run.clone()).await;
    let beside = |id: &str, created_ms: i64| Run {
        exclusive: false,
        created_ms,
        state: State::Waiting,
        ..new_run(id, "api-key")
    };
    let [older, newer] = [beside("r0", START_MS - 1), beside("r2", START_MS + 1)];
    let known = credential("c1", Some(&odd(bench)));
    let others = bench.journal.write(async move |tx| {
        rotations::insert(tx, &older, None, 0).await?;
        rotations::insert(tx, &newer, None, 0).await?;
        ledger::add_credential(tx, &known).await
    });
    others.await.unwrap();
    run
}

async fn fill(bench: &Bench, everything: Everything) -> Arc<Everything> {
    let everything = Arc::new(everything);
    let written = Arc::clone(&everything);
    bench
        .journal
        .write(async move |tx| written.write(tx, "r1", SECRET).await)
        .await
        .unwrap();
    everything
}

fn turn() -> Turn {
    let issuer = IssuerCapabilities {
        style: Style::Assisted,
        chosen_by: ChosenBy::Person,
        find: Find::None,
        idempotent_mint: false,
        identifies: false,
        tests: false,
        reversible: false,
        revokes: false,
        activates: false,
        reports_last_use: false,
        sessions: false,
        reuse: true,
        host_bound: false,
        entropy_bits: None,
        lists_after: Duration::ZERO,
        expires: false,
    };
    let can = Capabilities {
        issuer,
        stores: BTreeMap::new(),
        consumers: BTreeMap::new(),
    };
    Turn {
        lease: Lease {
            id: RotationId::new("r1"),
            holder: String::new(),
            fence: 0,
        },
        can: can.into(),
        pace: Pace::default(),
        report: Report::default(),
        seams: Seams::default(),
        known: None,
        is_stale: false,
    }
}

async fn load(bench: &Bench, run: &Run) -> Facts {
    let run = run.clone();
    bench
        .journal
        .write(async move |tx| decide::load(tx, &run, &turn()).await)
        .await
        .unwrap()
}

async fn read_whole(bench: Arc<Bench>) {
    let run = open(&bench, Phase::Planned).await;
    let odd = odd(&bench);
    let written = fill(&bench, Everything::of(&odd)).await;
    let by = odd.clone();
    let pause = bench.journal.write(async move |tx| {
        let until = Some(START_MS + 1);
        secrets::pause(tx, SECRET, Some(&by), "an example", until).await?;
        let doubt = effects(&by);
        ledger::begin_effects(tx, "r0", 1, &doubt).await
    });
    pause.await.unwrap();
    let facts = load(&bench, &run).await;
    assert_eq!(facts.effects, written.effects);
    assert_eq!(sorted(&facts.probes), sorted(&written.probes));
    assert_eq!(facts.evidence, written.evidence);
    assert_eq!(facts.waivers, written.waivers);
    assert_eq!(facts.sealed, written.sealed.iter().cloned().collect());
    assert_eq!(facts.spares, ["s1", "s2"]);
    assert_eq!(facts.today.as_deref(), Some(&definition("api-key")));
    assert_eq!(facts.paused_by, Some(odd.clone()));
    let old = KnownCredential {
        expires_ms: None,
        id: "c1".into(),
        issuer_ref: Some(odd.clone()),
    };
    assert_eq!((facts.old, facts.candidate), (Some(old), None));
    let open = effects(&odd).into_iter().filter(Effect::is_open);
    let in_doubt = open.map(|effect| effect.target).collect();
    assert_eq!(facts.others.in_doubt, in_doubt);
    bench.clock.advance(1);
    let later = load(&bench, &run).await;
    assert_eq!(later.paused_by, None, "a pause ends by itself");
    assert_eq!(later.waivers, written.waivers[..1], "and so does a waiver");
}

fn sorted<T: std::fmt::Debug>(rows: &[T]) -> Vec<String> {
    let mut rows: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    rows.sort_unstable();
    rows
}

async fn read_empty(bench: Arc<Bench>) {
    let run = Run {
        id: RotationId::new("r9"),
        secret_id: "production/nothing".into(),
        ..new_run("r9", "nothing")
    };
    for phase in PHASES {
        let run = Run {
            phase,
            ..run.clone()
        };
        let facts = load(&bench, &run).await;
        assert_eq!(facts.effects, []);
        assert_eq!(facts.probes, []);
        assert_eq!(facts.evidence, []);
        assert_eq!(facts.waivers, []);
        assert!(facts.sealed.is_empty() && facts.spares.is_empty());
        assert_eq!((facts.old, facts.candidate), (None, None));
        assert_eq!((facts.today, facts.paused_by), (None, None));
        assert!(facts.others.in_doubt.is_empty());
        assert_eq!(facts.others.newer, Newer::None);
    }
}

/// Everything is written for another rotation of another secret: none of it is ours.
async fn of_others(bench: Arc<Bench>) {
    let run = open(&bench, Phase::Revoking).await;
    let everything = Everything {
        spares: Vec::new(),
        emergency: emergency("q9", "production/other", ""),
        ..Everything::of("")
    };
    let write = bench
        .journal
        .write(async move |tx| everything.write(tx, "r9", "production/other").await);
    write.await.unwrap();
    let facts = load(&bench, &run).await;
    assert_eq!((facts.effects, facts.probes), (Vec::new(), Vec::new()));
    assert_eq!((facts.evidence, facts.waivers), (Vec::new(), Vec::new()));
    assert!(facts.sealed.is_empty());
    assert_eq!(facts.others.newer, Newer::UnderWay, "r2 was opened later");
}

async fn alone_and_together(bench: Arc<Bench>) {
    let run = open(&bench, Phase::Revoking).await;
    fill(&bench, Everything::of(&odd(&bench))).await;
    let same = bench.journal.read(async move |tx| {
        let ids = || [&run.old_credential, &run.candidate];
        let now_ms = tx.now_ms();
        let mut bundle = Bundle::default();
        let effects = bundle.add(ledger::effects_of("r1"));
        let probes = bundle.add(ledger::probes("r1"));
        let evidence = bundle.add(ledger::evidence("r1"));
        let waivers = bundle.add(ledger::waivers(SECRET, now_ms));
        let sealed = bundle.add(ledger::sealed_names("r1"));
        let known = bundle.add(ledger::known_credentials(ids()));
        let spares = bundle.add(spares::ready(SECRET));
        let emergencies = bundle.add(requests::emergencies(SECRET));
        let newer = bundle.add(rotations::newer(SECRET, START_MS, "r1"));
        let doubt = bundle.add(ledger::in_doubt_elsewhere(SECRET, "r2"));
        let told = tx.together(&bundle).await?;
        Ok([
            told.all(&effects)? == ledger::effects(tx, "r1").await?,
            told.all(&probes)? == tx.all(ledger::probes("r1")).await?,
            told.all(&evidence)? == tx.all(ledger::evidence("r1")).await?,
            told.all(&waivers)? == tx.all(ledger::waivers(SECRET, now_ms)).await?,
            told.all(&sealed)? == tx.all(ledger::sealed_names("r1")).await?,
            told.all(&known)? == tx.all(ledger::known_credentials(ids())).await?,
            told.all(&spares)? == spares::ready_of(tx, &[SECRET.to_owned()]).await?,
            told.all(&emergencies)? == requests::queued_of(tx, SECRET).await?,
            told.all(&newer)? == tx.all(rotations::newer(SECRET, START_MS, "r1")).await?,
            told.all(&doubt)? == tx.all(ledger::in_doubt_elsewhere(SECRET, "r2")).await?,
            !told.all(&doubt)?.is_empty() && told.all(&newer)? == [Phase::Planned],
        ])
    });
    assert_eq!(same.await.unwrap(), [true; 11]);
}

async fn one_message(bench: Arc<Bench>) {
    for phase in PHASES {
        let run = Run {
            phase,
            ..new_run("r1", "api-key")
        };
        let before = bench.journal.counts().trips;
        load(&bench, &run).await;
        assert_eq!(bench.journal.counts().trips - before, 1, "{phase}");
    }
}

async fn row_held(bench: Arc<Bench>) {
    let run = Run {
        state: State::Active,
        ..open(&bench, Phase::Planned).await
    };
    let leases = claim(&bench.journal, "one", 10).await;
    let lease = leases.into_iter().find(|lease| lease.id == run.id).unwrap();
    let held = bench.journal.write(async move |tx| {
        let (touched, run) = rotations::hold_whole(tx, &lease, LEASE_MS).await?;
        let read = rotations::by_id(tx, lease.id.as_str()).await?;
        Ok((touched, run.clone(), read == Some(run)))
    });
    let (touched, held, same) = held.await.unwrap();
    assert_eq!((touched, same), (0, true));
    assert_eq!(held, Run { fence: 1, ..run });
}
