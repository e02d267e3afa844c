//! The transition tables as text, for a reviewer, and what has to hold of every row.

use squall_protocol::{
    Version,
    flow::{Cell, Row, receiver, sender},
};
use std::fmt::{Debug, Write};

/// One block for each row; one line where the versions agree, and one each where they differ.
fn print<S, E, A>(table: &[Row<S, E, A>]) -> String
where
    S: Copy + Debug + PartialEq,
    E: Copy + Debug,
    A: Copy + Debug + PartialEq,
{
    let mut text = String::new();
    let mut before = None;
    for row in table {
        if before != Some(row.state) {
            writeln!(
                text,
                "{}{:?}",
                if before.is_some() { "\n" } else { "" },
                row.state
            )
            .unwrap();
            before = Some(row.state);
        }
        writeln!(text, "  {:<15} {}", format!("{:?}", row.event), row.why).unwrap();
        for version in Version::ALL {
            let (outcome, statements) = match row.cell(version) {
                Cell::To {
                    next,
                    action,
                    statements,
                } => (format!("{action:?} -> {next:?}"), statements),
                Cell::Never { statements } => ("never".to_owned(), statements),
            };
            let statements = statements.join(" ");
            writeln!(
                text,
                "    {:<6} {outcome:<36} {statements}",
                version.as_str()
            )
            .unwrap();
        }
    }
    text.lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_sender_in_full() {
    insta::assert_snapshot!(print(&sender::TABLE));
}

#[test]
fn the_receiver_in_full() {
    insta::assert_snapshot!(print(&receiver::TABLE));
}

#[test]
fn every_pair_of_state_and_event_has_its_own_row() {
    for state in sender::State::ALL {
        for event in sender::Event::ALL {
            let row = sender::row(state, event);
            assert_eq!((row.state, row.event), (state, event));
        }
    }
    for state in receiver::State::ALL {
        for event in receiver::Event::ALL {
            let row = receiver::row(state, event);
            assert_eq!((row.state, row.event), (state, event));
        }
    }
}

/// `Outbound` looks up what this side does on its own account without a version.
#[test]
fn what_a_side_does_itself_is_the_same_in_both_versions() {
    use sender::Event;
    let own = [
        Event::SendRequest,
        Event::SendQoS1,
        Event::SendQoS2,
        Event::Resume,
        Event::GiveUp,
        Event::Abandon,
        Event::Discard,
    ];
    for row in sender::TABLE.iter().filter(|row| own.contains(&row.event)) {
        let outcome = |version| match row.cell(version) {
            Cell::To { next, action, .. } => Some((next, action)),
            Cell::Never { .. } => None,
        };
        assert_eq!(outcome(Version::V3_1_1), outcome(Version::V5_0), "{row:?}");
    }
}

/// `resend` ends the requests, which are no session state, and otherwise leaves the states as they are.
#[test]
fn resuming_changes_the_state_of_requests_only() {
    for row in &sender::TABLE {
        if let (sender::Event::Resume, Cell::To { next, .. }) = (row.event, row.v5_0) {
            match row.state {
                sender::State::AwaitsAnswer => assert_eq!(next, sender::State::Free),
                state => assert_eq!(next, state),
            }
        }
    }
    for row in &receiver::TABLE {
        if let (receiver::Event::Resume, Cell::To { next, .. }) = (row.event, row.v5_0) {
            assert_eq!(next, row.state);
        }
    }
}

/// A cell that acts names who says so, in the catalogue of its own version.
#[test]
fn every_packet_that_is_sent_and_every_refusal_is_by_a_statement() {
    for row in &sender::TABLE {
        for version in Version::ALL {
            if let Cell::To {
                next,
                action,
                statements,
            } = row.cell(version)
            {
                let idle = matches!(action, sender::Action::Ignore | sender::Action::Finish);
                assert!(idle || !statements.is_empty(), "{version} {row:?}");
                assert!(idle || action != sender::Action::Close || next == row.state);
            }
        }
    }
    for row in &receiver::TABLE {
        for version in Version::ALL {
            if let Cell::To {
                action, statements, ..
            } = row.cell(version)
            {
                let idle = action == receiver::Action::Ignore;
                assert!(idle || !statements.is_empty(), "{version} {row:?}");
            }
        }
    }
}

/// A packet identifier that the receiver may have seen is free only by the receiver's own word, or when both sides
/// forget the session.
#[test]
fn what_was_sent_is_freed_by_an_acknowledgement_or_with_the_session() {
    use sender::{Event, State};
    let free = |state, event, version| {
        let cell = sender::row(state, event).cell(version);
        matches!(
            cell,
            Cell::To {
                next: State::Free,
                ..
            }
        )
    };
    for version in Version::ALL {
        for state in State::ALL.into_iter().filter(|state| *state != State::Free) {
            let ends = Event::ALL
                .into_iter()
                .filter(|&event| free(state, event, version));
            let acknowledged: &[Event] = match (state, version) {
                (State::AwaitsPubAck | State::AbandonedQoS1, _) => &[Event::PubAck],
                (State::AwaitsPubRec | State::AbandonedQoS2, Version::V5_0) => {
                    &[Event::PubRecError]
                }
                (State::AwaitsPubComp, _) => &[Event::PubComp],
                (State::AwaitsAnswer, _) => &[Event::Answer, Event::Resume],
                _ => &[],
            };
            // Given up is what was never sent, or a request.
            let given_up: &[Event] = match state {
                State::AwaitsAnswer | State::AwaitsPubAck | State::AwaitsPubRec => &[Event::GiveUp],
                _ => &[],
            };
            let expected = [acknowledged, given_up, &[Event::Discard]].concat();
            assert_eq!(ends.collect::<Vec<_>>(), expected, "{version} {state:?}");
        }
    }
}

/// Reason codes exist in 5.0 only, so no cell of 3.1.1 sends one.
#[test]
fn mqtt_3_1_1_never_sends_a_reason_code() {
    for row in &sender::TABLE {
        if let Cell::To { action, .. } = row.v3_1_1 {
            assert_ne!(action, sender::Action::SendPubRelNotFound, "{row:?}");
        }
        if row.event == sender::Event::PubRecError {
            assert!(matches!(row.v3_1_1, Cell::Never { .. }), "{row:?}");
        }
    }
    for row in &receiver::TABLE {
        if let Cell::To { action, .. } = row.v3_1_1 {
            use receiver::Action::{SendPubCompNotFound, SendPubRecError};
            assert!(
                !matches!(action, SendPubCompNotFound | SendPubRecError),
                "{row:?}"
            );
        }
    }
}
