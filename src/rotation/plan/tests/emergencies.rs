//! Emergencies: what is ended first, what is refused, and who waits for whom.

use super::calls::known;
use super::run::Run;
use super::script::{Fault, Op};
use super::setting::{Make, Setting};
use super::world::OLD;
use crate::rotation::facts::Newer;
use crate::rotation::phase::Phase;
use crate::rotation::plan::{Order, Step, plan};
use crate::rotation::words::{Cause, Kind, Mode, Status};

fn leak(make: Make, accepts: bool) -> Setting {
    Setting {
        mode: Mode::Contain,
        cause: Cause::Emergency,
        accepts,
        ..Setting::plain(make)
    }
}

/// Where the run comes to rest: its question and the command to type.
fn asks(run: &mut Run) -> (String, String) {
    run.play(&[Op::Turns(20)]).unwrap();
    match plan(&run.journal.facts) {
        Step::Block {
            question,
            next_command,
            ..
        } => (question, next_command),
        step => panic!("{}: {step:?}", run.phase()),
    }
}

#[test]
fn contain_asks_before_an_outage_that_nobody_accepted() {
    let hopeless = Setting {
        reversible: false,
        revokes: false,
        ..leak(Make::Assisted, false)
    };
    let cases = [
        leak(Make::Generated, false),
        leak(Make::Previous, false),
        leak(Make::InPlace, false),
        leak(Make::Assisted, false),
        hopeless,
    ];
    for setting in cases {
        let mut run = Run::new(&setting, plan);
        let (question, command) = asks(&mut run);
        assert!(question.contains("accepted?"), "{question}");
        assert!(command.contains("--accept-outage"), "{command}");
        assert_eq!(run.journal.facts.effects, [], "{:?}", setting.make);
        run.journal.facts.accept_outage = true;
        run.calm(7).unwrap();
        assert_eq!(run.phase(), Phase::Completed);
    }
}

#[test]
fn contain_needs_no_word_more_where_the_next_one_is_made_at_once() {
    let mut run = Run::new(&leak(Make::Overlap, false), plan);
    run.play(&[Op::Turns(4)]).unwrap();
    assert!(!run.world.is_alive(OLD));
    run.calm(7).unwrap();
    assert_eq!(run.phase(), Phase::Completed);
}

#[test]
fn a_report_during_a_run_asks_too_and_ends_nothing() {
    for make in [Make::Assisted, Make::Generated] {
        let mut run = Run::new(
            &Setting {
                accepts: false,
                ..Setting::plain(make)
            },
            plan,
        );
        run.play(&[Op::Turns(2), Op::Emergency(Mode::Contain)])
            .unwrap();
        let (question, _) = asks(&mut run);
        assert!(question.contains("accepted?"), "{question}");
        let ended = run
            .journal
            .facts
            .effects
            .iter()
            .any(|effect| effect.kind.ends_old());
        assert!(!ended, "{make:?}");
    }
}

#[test]
fn only_what_leaked_is_ended_first() {
    let mut run = Run::new(&leak(Make::Overlap, true), plan);
    run.journal.facts.leaked = vec![known("an earlier one")];
    for _ in 0..200 {
        if run.phase() == Phase::Disabling {
            break;
        }
        assert!(run.world.is_alive(OLD), "{}", run.phase());
        run.turn(Fault::None, 0, 1).unwrap();
    }
    assert!(run.journal.facts.proven_ms.is_some());
    run.calm(7).unwrap();
    assert_eq!(run.phase(), Phase::Completed);
}

#[test]
fn the_second_rotation_waits_for_what_is_in_doubt_where_it_is_to_write() {
    let mut run = Run::new(&Setting::plain(Make::Previous), plan);
    let doubt = &mut run.journal.facts.others.in_doubt;
    doubt.insert(Setting::destination(0));
    run.play(&[Op::Turns(20)]).unwrap();
    assert_eq!(
        (run.phase(), run.journal.facts.probes.len()),
        (Phase::Preflight, 0)
    );
    run.journal.facts.others.in_doubt.clear();
    run.calm(7).unwrap();
    assert_eq!(run.phase(), Phase::Completed);
}

#[test]
fn the_first_rotation_writes_nothing_where_a_later_one_is_to_write() {
    let mut run = Run::new(&Setting::plain(Make::Previous), plan);
    while run.phase() != Phase::Revoking {
        run.turn(Fault::None, 0, 1).unwrap();
    }
    assert!(!run.journal.facts.any_intent(Kind::DropPrevious));
    run.journal.facts.others.newer = Newer::UnderWay;
    assert!(matches!(plan(&run.journal.facts), Step::Wait { .. }));
    run.journal.facts.others.newer = Newer::Completed;
    let drops = |order: &Order| {
        matches!(
            order,
            Order::Perform {
                kind: Kind::DropPrevious,
                ..
            }
        )
    };
    match plan(&run.journal.facts) {
        Step::Act(orders) => assert!(!orders.iter().any(drops), "{orders:?}"),
        step => assert!(!matches!(step, Step::Block { .. }), "{step:?}"),
    }
}

#[test]
fn what_was_begun_before_the_later_rotation_is_settled_nevertheless() {
    let mut run = Run::new(&Setting::plain(Make::Previous), plan);
    while !run.journal.facts.any_intent(Kind::DropPrevious) {
        run.turn(Fault::None, 0, 1).unwrap();
    }
    let effects = &mut run.journal.facts.effects;
    let drop = effects
        .iter_mut()
        .find(|effect| effect.kind == Kind::DropPrevious);
    drop.unwrap().status = Status::Intent;
    run.journal.facts.others.newer = Newer::UnderWay;
    let step = plan(&run.journal.facts);
    let settles = matches!(&step, Step::Act(orders) if matches!(orders[0], Order::Settle { .. }));
    assert!(settles || matches!(step, Step::Wait { .. }), "{step:?}");
}
