//! The commands mosquitto_pub and mosquitto_sub, over TCP, TLS and a unix socket: this release has no WebSocket in them.

use crate::{
    served::Served,
    tool::{begin, done, end, program, words},
};
use std::process::{Child, Command};

/// A way into a broker in the words of the commands.
fn way(broker: &Served, way: &str) -> Vec<String> {
    let words: Vec<String> = match way {
        "unix" => vec!["--unix".into(), broker.socket().display().to_string()],
        _ => vec![
            "-h".into(),
            "localhost".into(),
            "-p".into(),
            broker.port(way),
        ],
    };
    let ca = ["--cafile".to_owned(), broker.ca().display().to_string()];
    let ca = ca.into_iter().filter(|_| way == "mqtts");
    words.into_iter().chain(ca).collect()
}

/// A place where commands are run.
struct Place<'a> {
    broker: &'a Served,
    way: Vec<String>,
    version: &'static str,
    name: String,
}

impl Place<'_> {
    fn command(&self, name: &str, more: &[&str]) -> Command {
        // Its lines come as it writes them, though nobody is at a terminal.
        let mut command = Command::new("stdbuf");
        command
            .args(["-oL", name])
            .args(&self.way)
            .args(["-V", self.version, "-d"])
            .args(more);
        command
    }

    /// Publishes, and looks at what the command tells.
    fn publishes(&self, more: &[&str]) {
        let said = words(&done(&mut self.command("mosquitto_pub", more)));
        harmless(&said);
    }

    /// Subscribes; the command ends by itself after a message, or after half a minute.
    fn subscribes(&self, more: &[&str]) -> Child {
        let more = [more, &["-F", "=%q %r %p", "-W", "30"]].concat();
        begin(&mut self.command("mosquitto_sub", &more))
    }

    fn topic(&self, last: &str) -> String {
        format!("{}/{last}", self.name)
    }
}

/// What a command prints with -d has no word of an error.
#[track_caller]
fn harmless(said: &str) {
    for word in ["rror", "rotocol", "efused", "alformed"] {
        assert!(!said.contains(word), "{said}");
    }
}

/// The messages that it got, QoS, RETAIN and payload.
#[track_caller]
fn heard(child: Child) -> Vec<String> {
    let output = end(child, "mosquitto_sub");
    let said = words(&output);
    harmless(&said);
    assert!(output.status.success(), "{said}");
    let messages = said.lines().filter_map(|line| line.strip_prefix('='));
    messages.map(str::to_owned).collect()
}

#[test]
fn mosquittos_commands_over_what_they_speak() {
    if program("mosquitto_pub").is_none() || program("mosquitto_sub").is_none() {
        return;
    }
    let broker = Served::start(&[]);
    for name in ["mqtt", "mqtts", "unix"] {
        for version in ["mqttv311", "mqttv5"] {
            let place = Place {
                broker: &broker,
                way: way(&broker, name),
                version,
                name: format!("{name}-{version}"),
            };
            every_qos(&place);
            if version == "mqttv5" {
                properties(&place);
            }
            sessions(&place);
            wills(&place);
        }
    }
}

/// Each QoS, retained, so that it does not matter who is first.
fn every_qos(place: &Place<'_>) {
    for qos in ["0", "1", "2"] {
        let topic = place.topic(qos);
        let subscriber = place.subscribes(&["-t", &topic, "-q", "2", "-C", "1"]);
        place.publishes(&["-t", &topic, "-q", qos, "-m", "hi", "-r"]);
        let message = heard(subscriber);
        let [message] = &message[..] else {
            panic!("{message:?}");
        };
        // It was there already, or it came.
        let seen = [format!("{qos} 0 hi"), format!("{qos} 1 hi")];
        assert!(seen.contains(message), "{message}");
        let retained = place.subscribes(&["-t", &topic, "-q", "2", "-C", "1"]);
        assert_eq!(heard(retained), [format!("{qos} 1 hi")]);
        place.publishes(&["-t", &topic, "-n", "-r", "-q", "1"]);
        // One is there again if the empty one did not remove it: our own subscriber waits for nothing.
        let none = place.broker.squall("sub", &[&topic, "--for", "50ms"]);
        assert_eq!(words(&end(none, "squall sub")), "");
    }
}

/// Properties from us to the command, and from the command to us.
fn properties(place: &Place<'_>) {
    let topic = place.topic("properties");
    let ours = [
        &topic,
        "hi",
        "--retain",
        "--message-expiry",
        "1h",
        "--content-type",
        "text/plain",
        "--response-topic",
        "answers",
        "--correlation-data",
        "7",
        "--user-property",
        "unit=C",
    ];
    place.broker.squall_done("pub", &ours);
    let mut listens = place.command("mosquitto_sub", &["-t", &topic, "-C", "1", "-F", "=%j"]);
    let told = heard(begin(&mut listens));
    let told: serde_json::Value = serde_json::from_str(&told[0]).expect("it is JSON");
    let properties = told["properties"].to_string();
    for property in [
        r#""message-expiry-interval":3600"#,
        r#""content-type":"text/plain""#,
        r#""response-topic":"answers""#,
        r#""correlation-data":"7""#,
        r#""unit":"C""#,
    ] {
        assert!(properties.contains(property), "{property}: {properties}");
    }
    let theirs = "-D publish content-type text/html -D publish user-property a 1 -D publish correlation-data 8";
    let more: Vec<&str> = theirs.split(' ').collect();
    place.publishes(&[&["-t", &topic, "-m", "ho", "-r", "-q", "1"], &more[..]].concat());
    let json = [&topic, "--count", "1", "--format", "json"];
    let came = place.broker.squall_done("sub", &json);
    let came: serde_json::Value = serde_json::from_slice(&came.stdout).expect("it is JSON");
    let properties = came["properties"].to_string();
    for property in [
        r#"{"content_type":"text/html"}"#,
        r#"{"user_property":["a","1"]}"#,
        r#"{"correlation_data":"8"}"#,
    ] {
        assert!(properties.contains(property), "{property}: {properties}");
    }
    place.publishes(&["-t", &topic, "-n", "-r"]);
}

/// What comes while a client is away waits for it.
fn sessions(place: &Place<'_>) {
    let topic = place.topic("kept");
    let me = format!("me-{}", place.name);
    let mut kept = vec!["-t", &topic, "-q", "2", "-i", &me, "-c"];
    if place.version == "mqttv5" {
        kept.extend(["-x", "3600"]);
    }
    // -E ends it as soon as it is subscribed.
    let begun = place.subscribes(&[&kept[..], &["-E"]].concat());
    assert!(heard(begun).is_empty());
    for n in ["1", "2", "3"] {
        place.publishes(&["-t", &topic, "-q", n.min("2"), "-m", n]);
    }
    let back = place.subscribes(&[&kept[..], &["-C", "3"]].concat());
    assert_eq!(heard(back), ["1 0 1", "2 0 2", "2 0 3"]);
}

/// mosquitto_sub is killed, and its will comes to our subscriber.
fn wills(place: &Place<'_>) {
    let (topic, other) = (place.topic("will"), place.topic("never"));
    let will = ["--will-topic", &topic, "--will-payload", "gone"];
    let more = [
        &["-t", &other, "-C", "1"][..],
        &will,
        &["--will-qos", "1", "--will-retain"],
    ];
    let mut dies = place.subscribes(&more.concat());
    // It is connected when it has said that it is subscribed.
    let mut said = String::new();
    let out = dies.stdout.take().expect("it is piped");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(out));
    while !said.contains("SUBACK") {
        said += &lines.next().expect("it goes on").expect("it is text");
    }
    dies.kill().expect("it runs");
    dies.wait().expect("it ends");
    let more = [&topic, "--count", "1", "--quiet", "--for", "20s"];
    let heard = place.broker.squall("sub", &more);
    assert_eq!(words(&end(heard, "squall sub")), "gone\n");
}
