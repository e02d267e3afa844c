//! Any fault, and any end of the broker.

use super::any::{CLIENTS, ms, range};
use crate::{model::*, record::Record, step::fault};
use proptest::{option, prelude::*, sample::select};
use squall_protocol::{PacketType, Role};
use std::time::Duration;

pub(super) fn fault() -> BoxedStrategy<Fault> {
    let by = || select(vec![CutBy::Reset, CutBy::Close, CutBy::Silence]);
    let both = select(vec![
        PacketType::Publish,
        PacketType::PubRec,
        PacketType::Disconnect,
        PacketType::Auth,
    ]);
    let point = (
        any::<bool>(),
        both,
        1u32..,
        select(vec![Role::Client, Role::Server]),
    )
        .prop_map(|(after, packet, nth, from)| CutPoint {
            after,
            packet,
            nth,
            from,
        });
    let way = select(vec![Way::Both, Way::Up, Way::Down]);
    let who = || option::of(0..CLIENTS);
    prop_oneof![
        (0..CLIENTS, option::of(point), by(), any::<bool>()).prop_map(
            |(client, point, by, optional)| Fault::Cut(fault::Cut {
                client,
                point,
                by,
                optional
            })
        ),
        (who(), way, option::of(ms()), any::<bool>()).prop_map(|(client, way, lasts, optional)| {
            Fault::Partition(fault::Partition {
                client,
                way,
                lasts,
                optional,
            })
        }),
        who().prop_map(|client| Fault::Heal(fault::Heal { client })),
        (0..CLIENTS, range(), ms(), by(), any::<bool>()).prop_map(
            |(client, every, lasts, by, optional)| {
                let every = (
                    every.0.max(Duration::from_secs(1)),
                    every.1.max(Duration::from_secs(1)),
                );
                Fault::Flap(fault::Flap {
                    client,
                    every,
                    lasts,
                    by,
                    optional,
                })
            }
        ),
        disk(),
    ]
    .boxed()
}

fn disk() -> BoxedStrategy<Fault> {
    let all = [Trouble::Fails, Trouble::Full, Trouble::Slow, Trouble::Sound];
    let lasts = option::of(ms());
    (select(all.to_vec()), range(), lasts, any::<bool>())
        .prop_map(|(trouble, sync, lasts, optional)| {
            let usual = fault::Disk::empty().sync;
            Fault::Disk(fault::Disk {
                trouble,
                sync: if trouble == Trouble::Slow {
                    sync
                } else {
                    usual
                },
                lasts: lasts.filter(|_| trouble != Trouble::Sound),
                optional,
            })
        })
        .boxed()
}

/// Whether something in it needs a disk.
pub(super) fn need_disk(steps: &[Step]) -> bool {
    steps
        .iter()
        .flat_map(Step::all)
        .any(|step| match &step.kind {
            StepKind::Fault(Fault::Disk(_)) => true,
            StepKind::Life(Life::Crash(_, unsynced)) => *unsynced != Unsynced::Any,
            _ => false,
        })
}

/// The broker goes down and comes back: one without the other is refused in places.
pub(super) fn outage() -> BoxedStrategy<StepKind> {
    let life = |life: Life, after: u64| Entry {
        after: Duration::from_millis(after),
        step: Step {
            source: Source::default(),
            kind: StepKind::Life(life),
        },
    };
    let crash = select(vec![Crash::Kill, Crash::PowerLoss]);
    let unsynced = select(vec![
        Unsynced::Any,
        Unsynced::Lost,
        Unsynced::Torn,
        Unsynced::Kept,
    ]);
    (crash, unsynced, 0u64..9999)
        .prop_map(move |(crash, unsynced, after)| {
            let unsynced = match crash {
                Crash::Kill => Unsynced::Any,
                Crash::PowerLoss => unsynced,
            };
            let entries = vec![
                life(Life::Crash(crash, unsynced), 0),
                life(Life::Restart, after),
            ];
            StepKind::Timeline(entries)
        })
        .boxed()
}
