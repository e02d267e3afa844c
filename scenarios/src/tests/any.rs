//! Any scenario that can be written.

use super::{scripts, troubles};
use crate::{action, expect, model::*, step};
use bytes::Bytes;
use proptest::{collection::vec, option, prelude::*, sample::select};
use squall_protocol::{QoS, ReasonCode, Version};
use std::time::Duration;

pub(super) const CLIENTS: usize = 3;
/// The one that is scripted.
const SCRIPTED: usize = 2;

pub(super) fn ms() -> BoxedStrategy<Duration> {
    prop_oneof![
        1u64..5000,
        (1u64..100).prop_map(|s| s * 1000),
        Just(3_600_000)
    ]
    .prop_map(Duration::from_millis)
    .boxed()
}

pub(super) fn range() -> BoxedStrategy<(Duration, Duration)> {
    (ms(), ms()).prop_map(|(a, b)| (a.min(b), a.max(b))).boxed()
}

fn qos() -> BoxedStrategy<QoS> {
    select(vec![QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]).boxed()
}

fn topic() -> BoxedStrategy<String> {
    prop_oneof![
        "[a-z0-9$ é]{1,6}(/[a-z:{}'\" ]{0,4}){0,2}",
        "\\PC{1,12}".prop_map(|t| t.replace(['+', '#'], "x"))
    ]
    .boxed()
}

fn filter() -> BoxedStrategy<String> {
    (topic(), select(vec!["", "/#", "/+", "/+/x"]))
        .prop_map(|(t, end)| format!("{}{end}", t.replace('$', "s")))
        .boxed()
}

fn payload() -> BoxedStrategy<Bytes> {
    prop_oneof![
        "\\PC{0,20}".prop_map(Bytes::from),
        ".{0,20}".prop_map(Bytes::from),
        select(vec![
            "null", "true", "~", "none", "- x", "a: b", "#", "\n\n x\n", " ", "😀"
        ])
        .prop_map(Bytes::from),
        vec(any::<u8>(), 0..20).prop_map(Bytes::from),
        (0usize..200).prop_map(|n| Bytes::from((b'a'..=b'z').cycle().take(n).collect::<Vec<_>>())),
    ]
    .boxed()
}

fn will() -> BoxedStrategy<WillSpec> {
    (topic(), payload(), qos(), any::<bool>(), any::<u32>())
        .prop_map(|(topic, payload, qos, retain, delay)| WillSpec {
            topic,
            payload,
            qos,
            retain,
            delay,
        })
        .boxed()
}

fn connect() -> BoxedStrategy<ConnectSpec> {
    (
        any::<bool>(),
        option::of(any::<u32>()),
        any::<u16>(),
        option::of(1u16..),
        (option::of("u\\PC{0,9}"), option::of("p\\PC{0,9}")),
        option::of(will()),
    )
        .prop_map(
            |(clean_start, session_expiry, keep_alive, receive_maximum, login, will)| ConnectSpec {
                clean_start,
                session_expiry,
                keep_alive,
                receive_maximum,
                user_name: login.0,
                password: login.1,
                will,
            },
        )
        .boxed()
}

fn link() -> BoxedStrategy<LinkSpec> {
    (1u32.., 0u32..1000, 0u16..=1000)
        .prop_map(|(min, more, loss_permille)| LinkSpec {
            latency_min_ms: min,
            latency_max_ms: min.saturating_add(more),
            loss_permille,
        })
        .boxed()
}

fn client(name: &'static str) -> BoxedStrategy<ClientSpec> {
    (
        select(vec![name, "shared id", ""]),
        connect(),
        option::of(range()),
        link(),
        any::<bool>(),
        option::of(Just(Version::V5_0)),
    )
        .prop_map(
            move |(id, connect, reconnect, link, optional, version)| ClientSpec {
                name: name.into(),
                client_id: id.into(),
                version,
                connect,
                reconnect: reconnect.map(|(first, max)| ReconnectSpec { first, max }),
                scripted: false,
                link,
                weather: {
                    let source = Source::default();
                    let said = Said { source, optional };
                    let (latency, loss) = (said, said);
                    Weather { latency, loss }
                },
            },
        )
        .boxed()
}

fn action() -> BoxedStrategy<Action> {
    let refusal = option::of(select(vec![0x81, 0x87, 0x9F])).prop_map(|c| c.map(ReasonCode));
    let expect = (option::of(any::<bool>()), refusal).prop_map(|(present, reason)| ConnectExpect {
        session_present: present.filter(|p| !p || reason.is_none()),
        reason,
    });
    let subscribe = (
        vec(filter(), 1..4),
        qos(),
        any::<bool>(),
        any::<bool>(),
        0u8..3,
        option::of(1u32..268_435_456),
    );
    let message = (
        topic(),
        payload(),
        qos(),
        any::<bool>(),
        option::of(any::<u32>()),
        any::<bool>(),
    );
    let pattern = (
        option::of(filter()),
        option::of(payload()),
        option::of(qos()),
        option::of(any::<bool>()),
    );
    prop_oneof![
        (connect(), expect)
            .prop_map(|(connect, expect)| Action::Connect(action::Connect { connect, expect })),
        (select(vec![0x00, 0x04, 0x80]), option::of(any::<u32>())).prop_map(
            |(code, session_expiry)| {
                Action::Disconnect(action::Disconnect {
                    reason: ReasonCode(code),
                    session_expiry,
                })
            }
        ),
        Just(Action::Drop(action::Drop {})),
        subscribe.prop_map(
            |(filters, qos, no_local, retain_as_published, retain_handling, id)| {
                Action::Subscribe(action::Subscribe {
                    filters,
                    qos,
                    no_local,
                    retain_as_published,
                    retain_handling,
                    id,
                })
            }
        ),
        vec(filter(), 1..3)
            .prop_map(|filters| Action::Unsubscribe(action::Unsubscribe { filters })),
        message.prop_map(|(topic, payload, qos, retain, expiry, refused)| {
            let expect_reason =
                Some(ReasonCode::NOT_AUTHORIZED).filter(|_| refused && qos != QoS::AtMostOnce);
            Action::Publish(action::Publish {
                message: MessageSpec {
                    topic,
                    payload,
                    qos,
                    retain,
                    expiry,
                },
                expect_reason,
            })
        }),
        (pattern, 1u32..).prop_map(|((topic, payload, qos, retain), count)| {
            let dup = Some(true).filter(|_| qos == Some(QoS::AtLeastOnce));
            Action::Receive(action::Receive {
                what: MessagePattern {
                    topic,
                    payload,
                    qos,
                    retain,
                    dup,
                },
                count,
            })
        }),
        ms().prop_map(|lasts| Action::Silent(action::Silent { lasts })),
    ]
    .boxed()
}

fn change() -> BoxedStrategy<StepKind> {
    (option::of(0..CLIENTS), link(), 0..3)
        .prop_map(|(client, link, which)| {
            let latency = (link.latency_min_ms, link.latency_max_ms);
            StepKind::Network(step::Network {
                client,
                change: LinkChange {
                    latency_ms: Some(latency).filter(|_| which != 1),
                    loss_permille: Some(link.loss_permille).filter(|_| which != 0),
                    optional: which == 2,
                },
            })
        })
        .boxed()
}

fn leaf() -> BoxedStrategy<StepKind> {
    let who = prop_oneof![
        3 => (0..CLIENTS, action()),
        1 => (Just(SCRIPTED), scripts::action()),
    ];
    let client =
        (who, option::of(ms()), any::<bool>()).prop_map(|((client, action), within, wait)| {
            // A silent step has no limit besides its time.
            let within = within.filter(|_| action.kind().limited);
            StepKind::Client {
                client,
                action,
                within,
                wait,
            }
        });
    let work = (
        vec(topic(), 1..3),
        vec(qos(), 1..3),
        1u32..10,
        range(),
        (1u32..50, 0u32..50),
        0u16..=1000,
    )
        .prop_map(
            |(topics, qos, count, every, (size, more), retain_permille)| {
                let size = (size, size + more);
                StepKind::Workload(Workload {
                    publishers: vec![2, 0],
                    topics,
                    qos,
                    count,
                    every,
                    size,
                    retain_permille,
                })
            },
        );
    prop_oneof![
        6 => client,
        2 => troubles::fault().prop_map(StepKind::Fault),
        1 => troubles::outage(),
        1 => change(),
        1 => ms().prop_map(|time| StepKind::Wait(Wait(time))),
        1 => ms().prop_map(|time| StepKind::Settle(Settle(time))),
        1 => work,
    ]
    .boxed()
}

fn steps() -> BoxedStrategy<Vec<Step>> {
    let kind = leaf().prop_recursive(3, 20, 3, |inner| {
        let step = || {
            inner.clone().prop_map(|kind| Step {
                source: Source::default(),
                kind,
            })
        };
        let entry = (0u64..9999, step()).prop_map(|(ms, step)| Entry {
            after: Duration::from_millis(ms),
            step,
        });
        prop_oneof![
            vec(vec(step(), 1..3), 1..3).prop_map(StepKind::Parallel),
            vec(entry, 1..3).prop_map(StepKind::Timeline),
        ]
    });
    vec(
        kind.prop_map(|kind| Step {
            source: Source::default(),
            kind,
        }),
        0..6,
    )
    .boxed()
}

fn receivers() -> BoxedStrategy<Receivers> {
    let any = prop::sample::subsequence((0..CLIENTS).collect::<Vec<_>>(), 1..=CLIENTS);
    prop_oneof![
        3 => (0..CLIENTS).prop_map(Receivers::One),
        1 => any.prop_map(Receivers::Any),
    ]
    .boxed()
}

fn expectation() -> BoxedStrategy<ExpectKind> {
    let times = prop_oneof![
        Just(Times::AtMostOnce),
        Just(Times::AtLeastOnce),
        Just(Times::ExactlyOnce),
        any::<u32>().prop_map(Times::Total),
    ];
    let delivered = (
        filter(),
        option::of(payload()),
        receivers(),
        times,
        any::<bool>(),
        option::of(ms()),
        any::<bool>(),
    );
    prop_oneof![
        delivered.prop_map(|(topic, payload, to, times, in_order, within, optional)| {
            ExpectKind::Delivered(expect::Delivered {
                topic,
                payload,
                in_order: in_order && matches!(to, Receivers::One(_)),
                to,
                times,
                within,
                optional,
            })
        }),
        (filter(), 0..CLIENTS).prop_map(|(topic, to)| {
            ExpectKind::Delivered(expect::Delivered {
                topic,
                payload: None,
                to: Receivers::One(to),
                times: Times::Never,
                in_order: false,
                within: None,
                optional: true,
            })
        }),
        (0..CLIENTS).prop_map(|of| ExpectKind::Will(expect::Will {
            of,
            published: 0,
            after: None,
            optional: false
        })),
        (topic(), option::of(payload())).prop_map(|(topic, payload)| {
            ExpectKind::Retained(expect::Retained {
                topic,
                payload: payload.filter(|p| !p.is_empty()),
                optional: false,
            })
        }),
        (0..CLIENTS, vec(any::<bool>(), 1..4)).prop_map(|(of, present)| ExpectKind::Session(
            expect::Session {
                of,
                present,
                optional: true
            }
        )),
        (0..CLIENTS, 1u32.., any::<bool>()).prop_map(|(client, times, full)| {
            let reason = Some(ReasonCode::QUOTA_EXCEEDED).filter(|_| full);
            ExpectKind::Closed(expect::Closed {
                client,
                times,
                reason,
                optional: false,
            })
        }),
    ]
    .boxed()
}

prop_compose! {
    pub(super) fn scenario()(
        title in "\\PC{0,20}[a-z#:]",
        seeds in 1u32..,
        limit in ms(),
        broker in (option::of(1u16..), option::of(any::<u16>()), option::of(1u32..), option::of(any::<u16>()), option::of(0usize..9999)),
        offer in (option::of(qos()), any::<[Option<bool>; 4]>(), option::of(any::<u32>())),
        (store, has_store) in (range(), any::<bool>()),
        clients in (client("app"), client("lock-2"), client("null")),
        more in steps(),
        expect in option::of(expectation()),
    ) -> Scenario {
        let mut clients = vec![clients.0, clients.1, clients.2];
        (clients[SCRIPTED].scripted, clients[SCRIPTED].reconnect) = (true, None);
        // As its scripts say it.
        clients[SCRIPTED].client_id = "null".into();
        let dial = |client: usize| {
            let action = Action::Connect(action::Connect { connect: clients[client].connect.clone(), expect: ConnectExpect::default() });
            Step { source: Source::default(), kind: StepKind::Client { client, action, within: None, wait: true } }
        };
        let steps: Vec<_> = (0..CLIENTS).map(dial).chain(more).collect();
        let (receive_maximum, topic_alias_maximum, maximum_packet_size, server_keep_alive, max_queued) = broker;
        let (maximum_qos, [retain_available, wildcard_subscriptions, shared_subscriptions, subscription_identifiers], session_expiry) = offer;
        Scenario {
            name: "name".into(),
            file: "file.yaml".into(),
            title,
            statements: vec![Statement {
                id: "MQTT-1.2.3-4".into(),
                of: Some(Version::V5_0),
            }],
            versions: vec![Version::V5_0],
            seeds,
            limit,
            broker: BrokerSpec {
                scripted: false,
                receive_maximum,
                topic_alias_maximum,
                maximum_packet_size,
                server_keep_alive,
                max_queued,
                maximum_qos,
                retain_available,
                wildcard_subscriptions,
                shared_subscriptions,
                subscription_identifiers,
                session_expiry,
                store: (has_store || troubles::need_disk(&steps)).then_some(StoreSpec { sync: store }),
            },
            clients,
            steps,
            expect: expect.map(|kind| Expectation { source: Source::default(), kind }).into_iter().collect(),
        }
    }
}
