//! What happens in a case: turns of the engine with their faults, moves of consumers, words of a person.

use crate::rotation::words::Mode;
use proptest::prelude::*;

/// What becomes of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Refused: it did not take effect.
    Unavailable,
    Throttled,
    Conflict,
    Denied,
    Invalid,
    NotFound,
    /// It waits for a person in the outside system.
    Approval,
    /// No answer, and it never lands.
    Lost,
    /// No answer, and it took effect.
    Landed,
    /// No answer, and it takes effect so many milliseconds after it was sent.
    Late(i64),
    /// The process dies before the call is sent.
    Died,
    /// The process dies after the call took effect.
    DiedLanded,
    /// The process dies, and the call takes effect so many milliseconds after it was sent.
    DiedLate(i64),
}

impl Fault {
    pub(super) fn kills(self) -> bool {
        matches!(self, Self::Died | Self::DiedLanded | Self::DiedLate(_))
    }

    pub(super) fn times_out(self) -> bool {
        matches!(self, Self::Lost | Self::Landed | Self::Late(_))
    }
}

/// What an instance comes to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// What its destination serves.
    Served,
    Old,
    New,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// The engine sleeps until it wants to wake, then takes a turn; one of its calls meets the fault.
    Turn {
        fault: Fault,
        nth: usize,
        latency_ms: i64,
    },
    /// So many turns without any fault.
    Turns(u8),
    /// Time passes.
    Pass(i64),
    /// One instance of a consumer changes what it holds.
    Move {
        consumer: usize,
        instance: usize,
        to: Where,
    },
    /// A consumer stops answering, or answers again.
    Silence(usize, bool),
    /// A consumer answers that it cannot tell, or can again.
    Unclear(usize, bool),
    /// A consumer is gone for good: it cannot be told and does not answer.
    Gone(usize),
    /// A person types.
    Rollback,
    Retry,
    Reenable,
    Pause,
    Resume,
    Vouch {
        consumer: usize,
        for_ms: i64,
    },
    Provide,
    /// A person in the outside system decides over every change that waits.
    Decide(bool),
    /// A leak is reported.
    Emergency(Mode),
    /// A consumer is added to the inventory, or the whole entry is taken out of it.
    AddConsumer,
    Retire,
}

/// A list of things that happen; shrinks by leaving things out.
pub(super) fn any_script() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(any_op(), 0..70)
}

fn any_op() -> impl Strategy<Value = Op> {
    let turn = (any_fault(), 0_usize..4, any_latency());
    prop_oneof![
        40 => (1_u8..4).prop_map(Op::Turns),
        24 => turn.prop_map(|(fault, nth, latency_ms)| Op::Turn { fault, nth, latency_ms }),
        3 => prop_oneof![1_i64..60_000, 600_000_i64..10_000_000].prop_map(Op::Pass),
        12 => any_move(),
        3 => (0_usize..4, any::<bool>()).prop_map(|(consumer, silent)| Op::Silence(consumer, silent)),
        2 => (0_usize..4, any::<bool>()).prop_map(|(consumer, unclear)| Op::Unclear(consumer, unclear)),
        1 => (0_usize..4).prop_map(Op::Gone),
        8 => any_word(),
        1 => prop_oneof![Just(Op::AddConsumer), Just(Op::Retire)],
        1 => prop_oneof![Just(Mode::Normal), Just(Mode::Cutover), Just(Mode::Contain)].prop_map(Op::Emergency),
    ]
}

fn any_word() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => Just(Op::Rollback),
        2 => Just(Op::Retry),
        1 => Just(Op::Reenable),
        1 => Just(Op::Pause),
        2 => Just(Op::Resume),
        1 => (0_usize..4, prop_oneof![Just(60_000_i64), Just(86_400_000)])
            .prop_map(|(consumer, for_ms)| Op::Vouch { consumer, for_ms }),
        3 => Just(Op::Provide),
        2 => any::<bool>().prop_map(Op::Decide),
    ]
}

fn any_move() -> impl Strategy<Value = Op> {
    let to = prop_oneof![3 => Just(Where::Served), 2 => Just(Where::Old), 1 => Just(Where::New)];
    (0_usize..4, 0_usize..3, to).prop_map(|(consumer, instance, to)| Op::Move {
        consumer,
        instance,
        to,
    })
}

fn any_latency() -> impl Strategy<Value = i64> {
    prop_oneof![2 => Just(0_i64), 3 => Just(1), 2 => Just(40), 2 => 1_000_i64..10_000]
}

fn any_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        8 => Just(Fault::None),
        2 => Just(Fault::Unavailable),
        1 => Just(Fault::Throttled),
        1 => Just(Fault::Conflict),
        1 => Just(Fault::Denied),
        1 => Just(Fault::Invalid),
        1 => Just(Fault::NotFound),
        1 => Just(Fault::Approval),
        2 => Just(Fault::Lost),
        2 => Just(Fault::Landed),
        2 => (1_i64..25_000).prop_map(Fault::Late),
        2 => Just(Fault::Died),
        2 => Just(Fault::DiedLanded),
        2 => (1_i64..25_000).prop_map(Fault::DiedLate),
    ]
}
