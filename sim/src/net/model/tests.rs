use super::*;

const PERFECT: LinkSpec = LinkSpec {
    latency_min_ms: 5,
    latency_max_ms: 5,
    loss_permille: 0,
};

fn network(links: &[LinkSpec]) -> Network<&'static str> {
    Network::new(7, links.iter().copied())
}

/// Everything that is delivered until nothing is under way: time and payload.
fn drain(net: &mut Network<&'static str>) -> Vec<(u64, &'static str)> {
    let mut all = Vec::new();
    while let Some(at) = net.next_at() {
        all.extend(net.advance(at).into_iter().map(|d| (at, d.payload)));
    }
    all
}

#[test]
fn an_opening_takes_a_round_trip_and_bytes_one_way() {
    let mut net = network(&[PERFECT]);
    let conn = net.open(0, 0, "syn");
    assert_eq!(drain(&mut net), [(10, "syn")]);
    net.send(10, conn, Way::Up, Kind::Data, "up");
    net.send(11, conn, Way::Down, Kind::Data, "down");
    assert_eq!(drain(&mut net), [(15, "up"), (16, "down")]);
}

#[test]
fn a_flow_keeps_its_order_whatever_the_latency() {
    let mut net = network(&[LinkSpec {
        latency_min_ms: 1,
        latency_max_ms: 100,
        loss_permille: 300,
    }]);
    let conn = net.open(0, 0, "syn");
    drain(&mut net);
    let payloads = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (i, payload) in payloads.into_iter().enumerate() {
        net.send(10_000 + i as u64, conn, Way::Up, Kind::Data, payload);
    }
    let order: Vec<_> = drain(&mut net).into_iter().map(|(_, p)| p).collect();
    assert_eq!(order, payloads);
    assert!(net.tallies()[0].lost > 0, "at 30 % loss something is lost");
}

#[test]
fn a_lost_transmission_comes_after_the_retransmission_time_out() {
    let mut net = network(&[PERFECT]);
    let conn = net.open(0, 0, "syn");
    drain(&mut net);
    net.block(0, Way::Up, true);
    net.send(1_000, conn, Way::Up, Kind::Data, "late");
    // Tries at 1000, 1200 and 1600 fail; the link is open again for the one at 2400.
    for at in [1_000, 1_200, 1_600] {
        assert_eq!(net.advance(at), []);
    }
    net.block(0, Way::Up, false);
    assert_eq!(drain(&mut net), [(2_405, "late")]);
    assert_eq!(net.tallies()[0].stopped_up, 3);
}

#[test]
fn a_nudge_ends_the_wait_for_a_retransmission() {
    let mut net = network(&[PERFECT]);
    let conn = net.open(0, 0, "syn");
    drain(&mut net);
    net.block(0, Way::Up, true);
    net.send(1_000, conn, Way::Up, Kind::Data, "late");
    while net.next_at().is_some_and(|at| at < 60_000) {
        net.advance(net.next_at().expect("just seen"));
    }
    net.block(0, Way::Up, false);
    net.nudge(61_000, 0);
    assert_eq!(drain(&mut net), [(61_005, "late")]);
}

#[test]
fn after_fifteen_tries_the_connection_is_silent_for_ever() {
    let mut net = network(&[PERFECT]);
    let conn = net.open(0, 0, "syn");
    drain(&mut net);
    net.change(0, LinkChange::loss(1000));
    net.send(1_000, conn, Way::Down, Kind::Data, "never");
    assert_eq!(drain(&mut net), []);
    assert!(net.is_dead(conn));
    assert_eq!(net.tallies()[0].lost, 15);
    net.change(0, LinkChange::loss(0));
    assert!(!net.send(900_000, conn, Way::Up, Kind::Data, "too late"));
}

#[test]
fn nothing_follows_an_end() {
    let mut net = network(&[PERFECT]);
    let conn = net.open(0, 0, "syn");
    drain(&mut net);
    assert!(net.send(20, conn, Way::Up, Kind::End, "end"));
    assert!(!net.send(20, conn, Way::Up, Kind::Data, "after"));
    assert!(net.send(20, conn, Way::Down, Kind::Data, "other way"));
    assert_eq!(drain(&mut net), [(25, "end"), (25, "other way")]);
}

#[test]
fn killed_connections_deliver_nothing_and_others_go_on() {
    let mut net = network(&[PERFECT, PERFECT]);
    let (a, b) = (net.open(0, 0, "a"), net.open(0, 1, "b"));
    drain(&mut net);
    net.send(20, a, Way::Up, Kind::Data, "lost");
    net.send(20, b, Way::Up, Kind::Data, "kept");
    net.kill(20, a);
    // In the other world it would not have been transmitted at all.
    assert_eq!(
        net.tallies().iter().map(|t| t.passed).collect::<Vec<_>>(),
        [2, 3]
    );
    assert_eq!(drain(&mut net), [(25, "kept")]);
}

#[test]
fn at_one_instant_links_come_in_order_and_openings_together() {
    let mut net = network(&[PERFECT, PERFECT, PERFECT]);
    let b = net.open(0, 1, "b opens");
    drain(&mut net);
    // All of these arrive at 110: two openings around the bytes of an older connection.
    net.open(100, 2, "c opens");
    net.open(100, 0, "a opens");
    net.send(105, b, Way::Up, Kind::Data, "b speaks");
    let order: Vec<_> = net.advance(110).into_iter().map(|d| d.payload).collect();
    assert_eq!(order, ["a opens", "c opens", "b speaks"]);
}

#[test]
fn a_connection_is_drained_where_its_first_segment_stands() {
    let mut net = network(&[PERFECT]);
    let old = net.open(0, 0, "old opens");
    let new = net.open(0, 0, "new opens");
    drain(&mut net);
    net.send(50, old, Way::Up, Kind::Data, "old 1");
    net.send(50, new, Way::Up, Kind::Data, "new 1");
    net.send(50, old, Way::Up, Kind::End, "old 2");
    let order: Vec<_> = net.advance(55).into_iter().map(|d| d.payload).collect();
    assert_eq!(order, ["old 1", "old 2", "new 1"]);
}

#[test]
fn a_partition_does_not_shift_what_other_connections_draw() {
    let lossy = LinkSpec {
        latency_min_ms: 1,
        latency_max_ms: 500,
        loss_permille: 100,
    };
    let arrivals = |blocked: bool| {
        let mut net = network(&[lossy, lossy]);
        let conns = [net.open(0, 0, "syn"), net.open(0, 1, "syn")];
        drain(&mut net);
        net.block(0, Way::Up, blocked);
        for at in 0..20 {
            net.send(100_000 + at, conns[0], Way::Up, Kind::Data, "first");
            net.send(100_000 + at, conns[1], Way::Up, Kind::Data, "second");
        }
        drain(&mut net)
            .into_iter()
            .filter(|(_, p)| *p == "second")
            .collect::<Vec<_>>()
    };
    assert_eq!(arrivals(false), arrivals(true));
}

/// A connection over a perfect link, with nothing under way, at 10 ms.
fn connected() -> (Network<&'static str>, ConnIx) {
    let mut net = network(&[PERFECT]);
    let conn = net.open(0, 0, "syn");
    assert_eq!(drain(&mut net), [(10, "syn")]);
    (net, conn)
}

#[test]
fn what_comes_to_a_machine_without_power_is_sent_again_until_it_has_some() {
    let (mut net, conn) = connected();
    net.send(12, conn, Way::Up, Kind::Data, "a");
    net.send(13, conn, Way::Up, Kind::Data, "b");
    net.power_off();
    for at in 12..2_000 {
        assert_eq!(net.advance(at), []);
    }
    net.power_on();
    let came = drain(&mut net);
    let payloads: Vec<_> = came.iter().map(|(_, payload)| *payload).collect();
    assert_eq!(payloads, ["a", "b"]);
    assert!(
        (2_000..4_000).contains(&came[0].0),
        "TCP tries again: {came:?}"
    );
}

#[test]
fn who_dials_without_end_while_there_is_no_power_gives_up_in_the_end() {
    let (mut net, _) = connected();
    net.power_off();
    let conn = net.open(100, 0, "again");
    assert_eq!(drain(&mut net), []);
    assert!(net.is_dead(conn));
    // One that is tried again after that gets through.
    let later = net.open(200_000, 0, "later");
    assert_eq!(net.advance(200_010), []);
    net.power_on();
    assert_eq!(drain(&mut net).len(), 1);
    assert!(!net.is_dead(later));
}

#[test]
fn what_had_left_a_machine_that_loses_power_arrives_unless_it_was_lost_on_the_way() {
    let (mut net, conn) = connected();
    net.send(20, conn, Way::Down, Kind::Data, "through");
    net.block(0, Way::Down, true);
    net.send(21, conn, Way::Down, Kind::Data, "lost");
    net.send(21, conn, Way::Down, Kind::End, "end");
    net.block(0, Way::Down, false);
    net.power_off();
    assert_eq!(drain(&mut net), [(25, "through")]);
    net.power_on();
    // Its end was lost too, so a reset can follow.
    assert!(net.send(30, conn, Way::Down, Kind::Reset, "reset"));
    assert_eq!(drain(&mut net), [(35, "reset")]);
    assert!(!net.send(40, conn, Way::Down, Kind::Reset, "once is enough"));
}
