//! Adapters that do what none may do: each is told apart from the others, soon, and with its last words.
#![cfg(unix)]

use squall_clients::{
    Adapter, AdapterError, Command, Connect, Doing, Happened, Limits, Outcome, Report, Trouble,
};
use squall_protocol::Version;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// What a fake says until it is taken for an adapter.
const GREETING: &str = r#"
hello() { echo "{\"id\":$1,\"outcome\":\"hello\",\"protocol\":1,\"name\":\"fake\",\"version\":\"1\",\"mqtt\":[\"5.0\"]}"; }
read line; hello 1; read line; echo '{"id":2,"outcome":"unsupported","what":"squall_invented_this"}'
"#;

/// However slow the machine: nothing here may take longer.
const SOON: Duration = Duration::from_secs(60);

fn limits() -> Limits {
    Limits {
        line: 64 << 10,
        queue: 256 << 10,
        answer: Duration::from_secs(3),
    }
}

async fn raw(script: &str) -> Result<Adapter, AdapterError> {
    let command = Command::of(["sh", "-c", script]).unwrap();
    let start = Adapter::start_within(&command, limits());
    timeout(SOON, start).await.expect("soon")
}

async fn greeted(then: &str) -> Adapter {
    raw(&format!("{GREETING}\n{then}"))
        .await
        .expect("it greets as adapters do")
}

fn connect() -> Doing {
    let connect = Connect::new("127.0.0.1", 1, Version::V5_0, "fake");
    Doing::Connect(Box::new(connect))
}

/// What becomes of a connect.
async fn asked(then: &str) -> Result<Outcome, AdapterError> {
    let mut adapter = greeted(then).await;
    let id = adapter.send(connect());
    timeout(SOON, adapter.answer(id)).await.expect("soon")
}

#[tokio::test]
async fn one_that_behaves_is_taken() {
    let mut adapter = greeted(
        r#"read line; echo '{"event":"connected","session_present":false}'
           echo '{"event":"log","text":"hi"}'; echo '{"id":3,"outcome":"connected","reason":0,"session_present":false}'
           read line; echo '{"id":4,"outcome":"done"}'"#,
    )
    .await;
    assert_eq!(adapter.introduction().name, "fake");
    assert_eq!(adapter.introduction().mqtt, [Version::V5_0]);
    let id = adapter.send(connect());
    let outcome = adapter.answer(id).await.unwrap();
    assert!(matches!(outcome, Outcome::Connected { .. }), "{outcome:?}");
    let kept = adapter.next().await.unwrap();
    let connected = Happened::Connected {
        session_present: false,
    };
    assert_eq!(kept, Report::Event(connected));
    assert!(matches!(
        adapter.next().await.unwrap(),
        Report::Event(Happened::Log { .. })
    ));
    adapter.stop().await.unwrap();
}

#[tokio::test]
async fn one_that_is_not_there() {
    let command = Command::parse("/nowhere/adapter").unwrap();
    let error = Adapter::start(&command).await.unwrap_err();
    assert!(matches!(error.trouble, Trouble::Start(_)), "{error}");
}

#[tokio::test]
async fn one_that_dies() {
    let error = raw("echo 'no module named paho' >&2; exit 7")
        .await
        .unwrap_err();
    assert!(
        matches!(error.trouble, Trouble::Died(status) if status.code() == Some(7)),
        "{error}"
    );
    assert_eq!(error.complained, ["no module named paho"]);
    let error = asked("read line; echo 'half a li'; kill -9 $$")
        .await
        .unwrap_err();
    // A line that is no report comes before the end of the process.
    assert!(matches!(error.trouble, Trouble::Garbage { .. }), "{error}");
    let error = asked("read line; printf 'half a line'; kill -9 $$")
        .await
        .unwrap_err();
    assert!(matches!(error.trouble, Trouble::Died(_)), "{error}");
    assert_eq!(error.said.last().map(String::as_str), Some("half a line"));
    assert!(error.to_string().contains("half a line"), "{error}");
}

#[tokio::test]
async fn one_that_closes_its_output() {
    let error = asked("exec >&-; sleep 600").await.unwrap_err();
    assert!(matches!(error.trouble, Trouble::Closed), "{error}");
}

#[tokio::test]
async fn one_that_leaves_a_child_with_its_output() {
    let error = asked("sleep 600 & exit 3").await.unwrap_err();
    assert!(matches!(error.trouble, Trouble::Died(_)), "{error}");
}

#[tokio::test]
async fn one_that_hangs() {
    let error = raw("sleep 600").await.unwrap_err();
    assert!(
        matches!(&error.trouble, Trouble::Hung { operation, .. } if operation == "hello"),
        "{error}"
    );
    // A connect may take any time, but then the adapter has to say that it is alive.
    let error = asked("sleep 600").await.unwrap_err();
    assert!(
        matches!(&error.trouble, Trouble::Hung { operation, .. } if operation == "hello"),
        "{error}"
    );
}

#[tokio::test]
async fn one_that_waits_for_its_broker_is_alive() {
    let outcome = asked(
        r#"read connect; read probe; hello 4; read probe; hello 5
           echo '{"id":3,"outcome":"lost","why":"nobody is there"}'"#,
    );
    let began = Instant::now();
    assert!(matches!(outcome.await, Ok(Outcome::Lost { .. })));
    assert!(began.elapsed() >= 2 * limits().answer);
}

#[tokio::test]
async fn one_that_says_something_else() {
    let error = raw("echo 'Traceback (most recent call last):'")
        .await
        .unwrap_err();
    assert!(matches!(&error.trouble, Trouble::Garbage { .. }), "{error}");
    for garbage in [
        r#"printf '\377\376\n'"#,
        "echo '[]'",
        r#"echo '{"outcome":"done"}'"#,
        r#"echo '{"id":-3,"outcome":"done"}'"#,
        r#"echo '{"id":3,"outcome":"well done"}'"#,
        r#"echo '{"id":3,"outcome":"refused","reason":256}'"#,
        r#"echo '{"id":3,"outcome":"refused","reason":1,"reason_string":"misspelt"}'"#,
        r#"echo '{"event":"rained"}'"#,
        r#"echo '{"event":"delivered","topic":"a","payload":{"hex":"0"},"qos":0}'"#,
        r#"echo '{"event":"delivered","topic":"a","payload":"","qos":3}'"#,
    ] {
        let error = asked(&format!("read line; {garbage}; read line"))
            .await
            .unwrap_err();
        assert!(
            matches!(&error.trouble, Trouble::Garbage { .. }),
            "{garbage}: {error}"
        );
    }
}

#[tokio::test]
async fn one_that_answers_what_nobody_asked() {
    for twice in [
        r#"echo '{"id":7,"outcome":"done"}'"#,
        // The invented operation was answered already.
        r#"echo '{"id":2,"outcome":"unsupported","what":""}'"#,
    ] {
        let error = asked(&format!("read line; {twice}; read line"))
            .await
            .unwrap_err();
        assert!(
            matches!(error.trouble, Trouble::UnknownId(2 | 7)),
            "{error}"
        );
    }
    let error = asked(r#"read line; echo '{"id":3,"outcome":"done"}'; read line"#).await;
    assert!(matches!(error.unwrap_err().trouble, Trouble::Unfit { .. }));
}

#[tokio::test]
async fn one_that_takes_anything() {
    let script = GREETING.replace("unsupported\",\"what\":\"squall_invented_this", "done");
    let error = raw(&script).await.unwrap_err();
    assert!(
        matches!(error.trouble, Trouble::Credulous("done")),
        "{error}"
    );
}

#[tokio::test]
async fn one_of_another_version() {
    let script = GREETING.replace("protocol\\\":1", "protocol\\\":2");
    let error = raw(&script).await.unwrap_err();
    assert!(matches!(error.trouble, Trouble::Protocol(2)), "{error}");
}

#[tokio::test]
async fn one_whose_line_never_ends() {
    let error = raw("while :; do printf '%01000d' 0; done")
        .await
        .unwrap_err();
    assert!(
        matches!(error.trouble, Trouble::LongLine(65_536)),
        "{error}"
    );
}

#[tokio::test]
async fn one_that_floods() {
    for line in [
        r#"{"event":"log","text":"and on and on and on and on and on and on and on and on and on"}"#,
        r#"{"event":"delivered","topic":"a","payload":"and on and on and on and on and on","qos":0}"#,
    ] {
        let error = asked(&format!("read line; while :; do echo '{line}'; done"))
            .await
            .unwrap_err();
        assert!(matches!(error.trouble, Trouble::Flood(_)), "{error}");
    }
    // Whoever takes what is delivered as it comes is not flooded by it.
    let mut adapter = greeted(
        r#"while :; do echo '{"event":"delivered","topic":"a","payload":"and on and on and on and on","qos":0}'; done"#,
    )
    .await;
    for _ in 0..10_000 {
        adapter.next().await.unwrap();
    }
}

#[tokio::test]
async fn one_that_complains_without_end_is_read_all_the_same() {
    let outcome = asked(
        r#"(while :; do echo 'it is all so hard' >&2; done) & read line
           echo '{"id":3,"outcome":"lost","why":"it is"}'; read line"#,
    );
    assert!(matches!(outcome.await, Ok(Outcome::Lost { .. })));
}

#[tokio::test]
async fn one_that_does_not_read() {
    let mut adapter = greeted("sleep 600").await;
    for _ in 0..100 {
        adapter.send_raw(&"x".repeat(8 << 10), serde_json::Map::new());
    }
    let error = adapter.next().await.unwrap_err();
    assert!(matches!(error.trouble, Trouble::Unread(_)), "{error}");
}

#[tokio::test]
async fn nothing_is_lost_when_somebody_stops_listening() {
    let mut adapter = greeted(
        r#"for n in 1 2 3 4 5 6 7 8 9; do printf '{"event":"log",'; sleep 0.02; printf '"text":"'$n'"}\n'; done; read line"#,
    )
    .await;
    let mut heard = String::new();
    while heard.len() < 9 {
        if let Ok(report) = timeout(Duration::from_millis(3), adapter.next()).await
            && let Report::Event(Happened::Log { text }) = report.unwrap()
        {
            heard += &text;
        }
    }
    assert_eq!(heard, "123456789");
}

#[tokio::test]
async fn its_children_end_with_it() {
    let mut adapter =
        greeted(r#"sleep 600 & echo "{\"event\":\"log\",\"text\":\"$!\"}"; read line"#).await;
    let Report::Event(Happened::Log { text }) = adapter.next().await.unwrap() else {
        panic!("it says the number of its child");
    };
    let child = rustix::process::Pid::from_raw(text.parse().unwrap()).unwrap();
    assert!(rustix::process::test_kill_process(child).is_ok());
    drop(adapter);
    let began = Instant::now();
    // An orphan is in the system's table until its new parent has looked.
    while is_alive(&text) {
        assert!(began.elapsed() < SOON, "its child lives");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whether a process runs; one that is over may still be in the table.
fn is_alive(number: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
    let state = status.rsplit(") ").next().unwrap_or_default();
    !(state.is_empty() || state.starts_with('Z') || state.starts_with('X'))
}
