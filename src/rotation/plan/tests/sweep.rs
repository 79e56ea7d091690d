//! Every fault at every effect, on every way through the phases: whatever becomes of one call, the rotation ends
//! and no rule is broken. The cells are found by walking each way once without faults.

use super::run::Run;
use super::script::{Fault, Op, Where};
use super::setting::{ConsumerSetting, MAKES, Make, Manner, Setting, StoreSetting};
use crate::rotation::phase::{PHASES, Phase};
use crate::rotation::plan::plan;
use crate::rotation::words::{Cause, KINDS, Kind, Mode};
use keywheel_schedules::Span;
use std::collections::BTreeSet;

const FAULTS: [Fault; 13] = [
    Fault::Unavailable,
    Fault::Throttled,
    Fault::Conflict,
    Fault::Denied,
    Fault::Invalid,
    Fault::NotFound,
    Fault::Approval,
    Fault::Lost,
    Fault::Landed,
    Fault::Late(24_999),
    Fault::Died,
    Fault::DiedLanded,
    Fault::DiedLate(24_999),
];

/// A way through the phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Forward,
    BackFromPublishing,
    BackFromOverlapping,
    BackFromObserving,
    Relapse,
    Orphan,
    Contain,
    CancelledEarly,
}

const WAYS: [Way; 8] = [
    Way::Forward,
    Way::BackFromPublishing,
    Way::BackFromOverlapping,
    Way::BackFromObserving,
    Way::Relapse,
    Way::Orphan,
    Way::Contain,
    Way::CancelledEarly,
];

/// Everything that there is: stores that stage and disable, a canary, a consumer that needs telling twice.
fn everything(make: Make, way: Way) -> Setting {
    let staging = StoreSetting {
        stages: true,
        reversible: true,
        ..StoreSetting::plain()
    };
    let canary = ConsumerSetting {
        canary: true,
        ..ConsumerSetting::plain()
    };
    let told_twice = make == Make::Overlap && way == Way::Forward;
    let manner = if told_twice {
        Manner::Never
    } else {
        Manner::AtOnce
    };
    let late = ConsumerSetting {
        reads: 1,
        manner,
        ..ConsumerSetting::plain()
    };
    let contain = way == Way::Contain;
    let setting = Setting {
        mode: if contain { Mode::Contain } else { Mode::Normal },
        cause: if contain {
            Cause::Emergency
        } else {
            Cause::Manual
        },
        stores: vec![staging, StoreSetting::plain()],
        consumers: vec![canary, late],
        quiet: Span::seconds(60),
        last_use: true,
        sessions: true,
        new_used: true,
        activates: make == Make::Chosen,
        ..Setting::plain(make)
    };
    setting.possible()
}

/// Goes on until this phase, as far as the fault lets it.
fn until(run: &mut Run, phase: Phase) -> Result<(), super::rules::Violation> {
    for _ in 0..400 {
        if run.phase() == phase || run.phase().is_terminal() {
            break;
        }
        run.play(&[Op::Turns(1)])?;
        if run.asks_for_a_value() {
            run.play(&[Op::Provide])?;
        }
        // The late consumer wakes up when it has been told twice.
        if run.world.now_ms - run.journal.facts.phase_since_ms > 4_000_000 {
            run.world.reload("app1");
        }
    }
    Ok(())
}

fn walk(
    make: Make,
    way: Way,
    strike: Option<(Kind, Fault)>,
) -> Result<Run, super::rules::Violation> {
    let mut run = Run::new(&everything(make, way), plan);
    if way == Way::Orphan {
        run.play(&[Op::Strike(Kind::Mint, Fault::DiedLanded)])?;
    }
    run.play(
        &strike
            .map(|(kind, fault)| Op::Strike(kind, fault))
            .into_iter()
            .collect::<Vec<_>>(),
    )?;
    let back = Op::Move {
        consumer: 0,
        instance: 0,
        to: Where::Old,
    };
    match way {
        Way::Forward | Way::Contain | Way::Orphan => until(&mut run, Phase::Completed)?,
        Way::CancelledEarly => run.play(&[Op::Turns(1), Op::Rollback])?,
        Way::BackFromPublishing => {
            until(&mut run, Phase::Publishing)?;
            run.play(&[Op::Turns(2), Op::Rollback, Op::Turns(12)])?;
        }
        Way::BackFromOverlapping => {
            until(&mut run, Phase::Overlapping)?;
            run.play(&[Op::Rollback, Op::Turns(12)])?;
        }
        Way::BackFromObserving => {
            until(&mut run, Phase::Observing)?;
            run.play(&[Op::Rollback, Op::Turns(12)])?;
        }
        Way::Relapse => {
            until(&mut run, Phase::Observing)?;
            run.play(&[back, Op::Turns(12)])?;
        }
    }
    run.calm_but_struck(7)?;
    Ok(run)
}

/// Only an issuer that chooses the value itself leaves orphans.
fn ways() -> impl Iterator<Item = (Make, Way)> {
    let all = MAKES
        .into_iter()
        .flat_map(|make| WAYS.map(|way| (make, way)));
    all.filter(|(make, way)| {
        *way != Way::Orphan || matches!(make, Make::Overlap | Make::TwoSlots | Make::Unfindable)
    })
}

#[test]
fn every_fault_at_every_effect() {
    let (mut phases, mut swept) = (BTreeSet::new(), BTreeSet::new());
    for (make, way) in ways() {
        let clean =
            walk(make, way, None).unwrap_or_else(|broken| panic!("{make:?} {way:?}: {broken:?}"));
        phases.extend(clean.visited);
        let kinds: BTreeSet<Kind> = clean
            .journal
            .facts
            .effects
            .iter()
            .map(|effect| effect.kind)
            .collect();
        for (kind, fault) in kinds
            .into_iter()
            .flat_map(|kind| FAULTS.map(|fault| (kind, fault)))
        {
            let cell = walk(make, way, Some((kind, fault)));
            let run = cell
                .unwrap_or_else(|broken| panic!("{make:?} {way:?} {kind:?} {fault:?}: {broken:?}"));
            assert!(
                run.was_struck(),
                "{make:?} {way:?} {kind:?} {fault:?} was not met"
            );
            swept.insert(kind);
        }
    }
    assert_eq!(phases, BTreeSet::from(PHASES));
    assert_eq!(swept, BTreeSet::from(KINDS));
}
