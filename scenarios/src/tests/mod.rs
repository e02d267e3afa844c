//! Reading and writing together; what a person sees when a file is wrong.

mod any;
mod brokers;
mod diagnostics;
mod identifiers;
mod manual;
mod reading;
mod round_trip;
mod scripts;
mod troubles;
mod versions;

/// Two clients, both connected; steps and expectations to be added.
const HEAD: &str = "title: A test\nversions: [5.0]\nclients:\n  app: {}\n  lock: {}\n";

/// A scenario of MQTT 5.0 with these steps after both clients have connected, indented by four.
fn with_steps(steps: &str) -> String {
    format!("{HEAD}steps:\n  - app: connect\n  - lock: connect\n{steps}\n")
}

/// A scenario of MQTT 5.0 with these expectations.
fn with_expect(expect: &str) -> String {
    format!("{HEAD}steps:\n  - app: connect\n  - lock: connect\nexpect:\n{expect}\n")
}

/// Every key of the format at least once.
const EVERYTHING: &str = r##"
title: Everything at once
statements: [MQTT-4.3.3-1, MQTT-4.4.0-1]
versions: [5.0]
seeds: 16
limit: 1h
network: { latency: 5ms..40ms, loss: 1% }
links:
  lock: { latency: 20ms, loss: 0.5%, optional: true }
broker: { receive_maximum: 10, topic_alias_maximum: 5, maximum_packet_size: 1000, server_keep_alive: 30s, maximum_qos: 1, retain_available: false, wildcard_subscriptions: true, shared_subscriptions: false, subscription_identifiers: true, session_expiry: 1h, store: { sync: 2ms..20ms }, max_queued: 100 }
clients:
  app: { reconnect: { first: 1s, max: 30s } }
  lock:
    client_id: "lock 1"
    clean_start: false
    session_expiry: 1h
    keep_alive: 30s
    user_name: lock
    password: "1: secret"
    receive_maximum: 20
    will: { topic: locks/1/state, payload: offline, qos: 1, retain: true, delay: 5s }
    reconnect: 2s
  twin: { client_id: app, keep_alive: off, session_expiry: never }
steps:
  - lock: connect
    within: 5s
    expect: { session_present: false }
  - lock: { subscribe: "locks/1/#", qos: 2, no_local: true, retain_as_published: true, retain_handling: 1, id: 7 }
  - lock: { subscribe: [a, "b/+", "$share/group/c"] }
  - app: { connect: { clean_start: false, session_expiry: 10m, will: { topic: t } } }
  - app: connect
    expect: { reason: Not authorized }
  - twin: connect
    wait: false
  - broker: { crash: power_loss }
  - broker: restart
  - fault: { cut: app, after: PUBREC, nth: 2, from: broker, by: silence, optional: true }
  - fault: { cut: app, before: CONNACK }
  - fault: { cut: lock }
  - app: { publish: locks/1/cmd, payload: unlock, qos: 2, retain: true, expiry: 1h }
    expect: { reason: 0x10 }
    within: 1m
  - app: { publish: t, payload: { hex: "00 ff" } }
  - app: { publish: t, payload: { size: 100 } }
  - app: { publish: t, payload: m, count: 3, every: 250ms }
  - lock: { receive: { topic: locks/+/cmd, payload: unlock, qos: 2, retain: false, dup: true, count: 2 } }
  - lock: { receive: {} }
    within: none
  - lock: { silent: 2s }
  - lock: { unsubscribe: [a, "b/+"] }
  - wait: 3s
  - network: { latency: 1s, of: app }
  - network: { loss: 100%, optional: true }
  - fault: { partition: all, way: up, for: 5s, optional: true }
  - fault: { partition: app }
  - fault: { heal: all }
  - fault: { flap: app, every: 2s..6s, for: 30s, by: close, optional: true }
  - parallel:
      - app: drop
      - - lock: disconnect
        - lock: connect
  - repeat: { times: 3, steps: [ app: connect, app: { disconnect: { reason: 0x04, session_expiry: 5s } } ] }
  - workload: { publishers: [app], topics: [a, b], qos: [0, 2], count: 5, every: 50ms..500ms, size: 16..200, retain: 10% }
  - timeline:
      - { at: 120ms, app: connect }
      - at: 1s
        repeat: { times: 2, steps: [ { app: drop }, { app: connect } ] }
  - settle: 30s
expect:
  - delivered: { topic: locks/1/cmd, to: lock, exactly: once, in_order: true, within: 5s, optional: true }
  - delivered: { topic: "#", payload: x, to: app, never: true }
  - delivered: { topic: t, to: app, at_most: once }
  - delivered: { topic: u, to: app, at_least: once }
  - delivered: { topic: w, to: { any: [app, lock] }, at_most: once }
  - delivered: { topic: v, to: app, count: 0 }
  - will: { of: lock, published: once, after: 5s }
  - retained: { topic: locks/1/state, payload: offline }
  - retained: { topic: locks/1/cmd, none: true }
  - session: { of: lock, present: [false, true] }
  - closed: { client: app, times: 2, reason: Session taken over }
"##;
