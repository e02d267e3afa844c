//! Ways that lead nowhere: every command says what stands in the way, and what to do.

use super::{brokers::own, certificates::Certificates};
use crate::binary::{ends, folder, squall, text};
use std::{
    net::{Ipv4Addr, TcpListener},
    time::{Duration, Instant},
};

/// What each command says of an address that leads nowhere, after it has ended with this code.
fn says(arguments: &[&str], code: i32, wanted: &str) {
    for command in [&["conform"][..], &["live", "--broker"]] {
        let all = [command, arguments].concat();
        let output = squall(folder().path(), &all);
        ends(&output, code);
        let err = text(&output.stderr);
        assert!(err.contains(wanted), "{all:?}: {err}");
        assert!(output.stdout.is_empty(), "{all:?}");
    }
}

#[test]
fn what_stands_in_the_way_is_said() {
    let (made, other) = (Certificates::new(), Certificates::new());
    let broker = own(&made, true);
    let url = |scheme: &str| {
        let way = broker.ways.iter().find(|way| way.url.starts_with(scheme));
        way.expect("it is there").url.clone()
    };
    let (tcp, tls, ws, wss) = (url("mqtt:"), url("mqtts:"), url("ws:"), url("wss:"));
    let (ca, stranger) = (made.named("ca.pem"), other.named("ca.pem"));
    for to in [&tls, &wss] {
        says(&[to, "--ca", &stranger], 3, "--ca FILE");
        says(&[to, "--ca", &ca], 3, "--cert FILE --key FILE");
        let local = to.replace("127.0.0.1", "localhost");
        says(&[&local, "--ca", &ca], 3, "--server-name NAME");
    }
    let elsewhere = ws.replace("/mqtt", "/elsewhere");
    says(&[&elsewhere], 3, "is MQTT at another path");
    // What is spoken at the port is not what the address says.
    says(
        &[&tcp.replace("mqtt:", "mqtts:"), "--ca", &ca],
        3,
        "does it speak TLS on this port?",
    );
    says(
        &[&tcp.replace("mqtt:", "ws:")],
        3,
        "does it speak WebSocket on this port?",
    );
    says(&[&tls.replace("mqtts:", "mqtt:")], 3, "it answers with TLS");
    let plain = ws.replace("ws:", "mqtt:").replace("/mqtt", "");
    says(&[&plain], 3, "it answers with HTTP");
    says(&["unix:/no/such/socket"], 3, "there is no such socket");
    says(
        &[&tls, "--ca", "no-such-file"],
        2,
        "cannot read no-such-file",
    );
    says(&[&tls, "--cert", &made.named("client.pem")], 2, "--key");
}

#[test]
fn a_handshake_that_never_ends_is_given_up_in_time() {
    for scheme in ["mqtts", "ws", "wss"] {
        // Connections wait in its queue, and nobody answers.
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let url = format!("{scheme}://{}", silent.local_addr().expect("its address"));
        let begun = Instant::now();
        let mut arguments = vec!["conform", &url, "--timeout", "0.5"];
        if scheme != "ws" {
            arguments.push("--insecure");
        }
        let output = squall(folder().path(), &arguments);
        let (took, err) = (begun.elapsed(), text(&output.stderr));
        ends(&output, 3);
        assert!(took < Duration::from_secs(30), "{url}: it took {took:?}");
        assert!(err.contains("something else on this port"), "{url}: {err}");
    }
}
