//! Whatever becomes of a run, nothing of it is left in the target, or it is named.

use crate::house::House;
use squall_client::probe::{Heard, Probe};
use squall_conformance::{Leftover, Options, Run, run};
use squall_protocol::{
    Packet, PacketId, PacketType, Properties, QoS, Text, Version,
    packet::{Connect, Subscribe, Subscription},
    topic::TopicFilter,
};
use squall_reports::Verdict;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::sleep,
};

const LONG: Duration = Duration::from_secs(10);

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

/// Topics of the retained messages that a broker has.
async fn retained(house: &House) -> Vec<String> {
    let mut probe = Probe::connect(house.addr, LONG).await.unwrap();
    let connect = Connect {
        version: Version::V5_0,
        clean_start: true,
        keep_alive: 0,
        client_id: Text::from("look"),
        will: None,
        user_name: None,
        password: None,
        properties: Properties::new(),
    };
    probe
        .send(&Packet::Connect(Box::new(connect)))
        .await
        .unwrap();
    probe
        .expect_packet(PacketType::ConnAck, LONG)
        .await
        .unwrap();
    let all = TopicFilter::parse_v5(Text::from("#")).unwrap();
    let subscribe = Subscribe {
        packet_id: PacketId::MIN,
        properties: Properties::new(),
        subscriptions: vec![Subscription::new(all, QoS::AtMostOnce)],
    };
    probe.send(&Packet::Subscribe(subscribe)).await.unwrap();
    let fence = probe.fence(LONG).await;
    assert!(matches!(fence.end, Heard::Packet(_)), "{fence:?}");
    let publishes = fence.before.into_iter().filter_map(|packet| match packet {
        Packet::Publish(publish) if publish.retain => Some(publish.topic.to_string()),
        _ => None,
    });
    publishes.collect()
}

#[test]
fn a_run_that_is_stopped_gives_what_it_has_and_leaves_nothing() {
    let house = House::broker(None);
    let (target, options) = (house.target(), Options::default());
    block_on(async {
        for delay in [0, 30, 80, 150, 300, 600, 1200] {
            let stop = sleep(Duration::from_millis(delay));
            let run = run(&target, &options, stop, |_| {});
            let Run {
                conformance,
                whole,
                cleaning,
            } = run.await.unwrap();
            assert!(!whole, "no run is as short as {delay} ms");
            for result in &conformance.results {
                let fine = matches!(result.verdict, Verdict::Pass | Verdict::NotApplicable);
                assert!(fine, "{}: {}", result.check, result.message);
            }
            let began = Instant::now();
            let left = cleaning.finish(LONG).await;
            // A CONNECT without a name whose answer was not waited for: it was refused, but nobody knows.
            let certain = |left: &&Leftover| !matches!(left, Leftover::NamelessSession(_));
            assert_eq!(left.iter().find(certain), None, "after {delay} ms");
            assert!(began.elapsed() < LONG);
            assert_eq!(retained(&house).await, [""; 0], "after {delay} ms");
        }
    });
}

#[test]
fn what_cannot_be_tidied_up_is_named_in_time() {
    // The first CONNECTs, the publisher and whoever asks for a session get a CONNACK; whoever ends the session does not.
    let house = House::fake(|mut stream| async move {
        let mut bytes = [0; 512];
        let read = stream.read(&mut bytes).await.unwrap_or(0);
        let kept = bytes.get(9).is_some_and(|flags| flags & 2 == 0);
        let first = bytes[..read].ends_with(b"v5") || bytes[..read].ends_with(b"v4");
        let publisher = bytes[..read].ends_with(b"x2");
        if kept || first || publisher {
            let connack: &[u8] = match bytes[8] {
                5 => &[0x20, 0x03, 0, 0, 0],
                _ => &[0x20, 0x02, 0, 0],
            };
            let _ = stream.write_all(connack).await;
        }
        while stream.read(&mut bytes).await.is_ok_and(|n| n > 0) {}
    });
    let options = Options {
        only: vec!["session/kept".to_owned()],
        versions: vec![Version::V3_1_1],
        wait: Duration::from_millis(200),
        ..Options::default()
    };
    let target = house.target();
    block_on(async {
        let run = run(&target, &options, std::future::pending(), |_| {});
        let run = run.await.unwrap();
        assert!(run.whole);
        let began = Instant::now();
        let left = run.cleaning.finish(Duration::from_millis(500)).await;
        assert!(began.elapsed() < Duration::from_secs(5));
        let [Leftover::Session(id, Version::V3_1_1)] = &left[..] else {
            panic!(
                "{left:?}\n{}",
                crate::house::story(&run.conformance.results[0])
            );
        };
        let name = left[0].to_string();
        assert!(
            id.starts_with(b"sq") && name.starts_with("session `sq"),
            "{name}"
        );
    });
}
