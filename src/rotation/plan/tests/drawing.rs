//! Drawing settings and scripts at random.

use super::script::{Fault, Op, Where};
use super::setting::{ConsumerSetting, Make, Manner, Setting, StoreSetting};
use crate::inventory::Role;
use crate::rotation::words::{Cause, KINDS, Mode};
use keywheel_contract::Strength;
use keywheel_schedules::Span;
use proptest::prelude::*;
use std::time::Duration;

/// Any setting with this kind of issuer.
pub(super) fn any_setting(make: Make) -> impl Strategy<Value = Setting> {
    let modes =
        prop_oneof![4 => Just(Mode::Normal), 1 => Just(Mode::Cutover), 1 => Just(Mode::Contain)];
    let flags = prop::array::uniform9(any::<bool>());
    let span = || prop_oneof![Just(0_u32), Just(60), Just(7_200)];
    // Whoever may be logged in is looked at once a minute.
    let quiet = prop_oneof![Just(0_u32), Just(60), Just(900)];
    let spans = (span(), quiet, span());
    let rarely = (prop::bool::weighted(0.9), prop::bool::weighted(0.2));
    // Longer than a call and its grace.
    let lists_after = prop_oneof![2 => Just(0_u64), 1 => Just(60), 1 => Just(300)];
    let stores = prop::collection::vec(any_store(), 1..=3);
    let outside = stores.prop_flat_map(|stores| {
        let consumers = prop::collection::vec(any_consumer(stores.len()), 0..=4);
        (Just(stores), consumers)
    });
    (modes, flags, spans, rarely, lists_after, outside).prop_map(
        move |(mode, flags, spans, (has_old, windowed), lists_after, outside)| {
            let [
                nameless,
                reversible,
                revokes,
                tests,
                last_use,
                sessions,
                new_used,
                activates,
                accepts,
            ] = flags;
            let [overlap, quiet, undo] = <[u32; 3]>::from(spans).map(Span::seconds);
            let cause = match mode {
                Mode::Contain => Cause::Emergency,
                _ if windowed => Cause::Scheduled,
                _ => Cause::Manual,
            };
            let (stores, consumers) = outside;
            let setting = Setting {
                make,
                mode,
                cause,
                has_old,
                nameless,
                reversible,
                revokes,
                tests,
                last_use,
                sessions,
                new_used,
                activates: activates && make == Make::Chosen,
                lists_after: Duration::from_secs(lists_after),
                stores,
                consumers,
                overlap,
                quiet,
                undo,
                windowed,
                accepts,
            };
            setting.possible()
        },
    )
}

fn any_store() -> impl Strategy<Value = StoreSetting> {
    prop::array::uniform4(any::<bool>()).prop_map(
        |[stages, compare_and_set, versions, reversible]| StoreSetting {
            stages: stages && versions,
            compare_and_set,
            versions,
            reversible: reversible && versions,
        },
    )
}

fn any_consumer(destinations: usize) -> impl Strategy<Value = ConsumerSetting> {
    let role = prop_oneof![
        Just(None),
        Just(Some(Role::Accepts)),
        Just(Some(Role::Presents))
    ];
    let manner = prop_oneof![
        5 => Just(Manner::AtOnce),
        2 => (1_i64..4_000_000).prop_map(Manner::After),
        1 => Just(Manner::Never)
    ];
    let strongest = prop_oneof![
        8 => Just(Some(Strength::Proven)),
        3 => Just(Some(Strength::Claimed)),
        1 => Just(Some(Strength::Restarted)),
        1 => Just(None)
    ];
    let bools = (any::<bool>(), prop::bool::weighted(0.8));
    (bools, role, 1_u32..=3, 0..destinations, strongest, manner).prop_map(
        |((canary, notifies), role, instances, reads, strongest, manner)| ConsumerSetting {
            canary,
            role,
            instances,
            reads,
            notifies,
            strongest,
            manner,
        },
    )
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
        9 => (prop::sample::select(&KINDS[..]), any_fault()).prop_map(|(kind, fault)| Op::Strike(kind, fault)),
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
