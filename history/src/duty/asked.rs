//! A client publishes what its application gave to it. The standard says nothing of this, so it is at most a warning.

use super::{Duty, Step, wire::Content};
use crate::{
    finding::{Cite, Finding},
    record::{Application, Seen},
    words,
};
use squall_protocol::{Packet, QoS};
use std::collections::BTreeMap;

const NONE: Cite = (&[], &[]);

/// What the application gave, with which QoS and RETAIN.
#[derive(Debug, Default)]
pub(super) struct Asked<'a> {
    given: BTreeMap<Content<'a>, Vec<(QoS, bool)>>,
}

impl<'a> Duty<'a> for Asked<'a> {
    fn see(&mut self, step: &Step<'_, 'a>, broken: &mut dyn FnMut(Finding)) {
        match step.record.seen {
            Seen::Application(Application::Published { message, .. }) => {
                let content: Content<'a> = (message.topic, message.payload);
                let given = self.given.entry(content).or_default();
                given.push((message.qos, message.retain));
            }
            Seen::Sent(Packet::Publish(publish)) => {
                let Some(topic) = step.wire.sent_topic(publish) else {
                    return;
                };
                let content: Content<'a> = (topic, &publish.payload);
                let given = self.given.get(&content).map_or(&[][..], |given| given);
                if given.contains(&(publish.qos, publish.retain)) {
                    return;
                }
                let (qos, retain) = (publish.qos, u8::from(publish.retain));
                let message = format!(
                    "{} published {} on `{topic}` with QoS {qos} and RETAIN {retain}",
                    step.about.who(),
                    words::payload(&publish.payload)
                );
                let expected = match given.first() {
                    None => "nothing: its application gave it no such message".to_owned(),
                    Some((qos, retain)) => format!(
                        "QoS {qos} and RETAIN {}, as its application asked for",
                        u8::from(*retain)
                    ),
                };
                broken(
                    step.about
                        .finding(NONE, message, expected, vec![step.record.ix]),
                );
            }
            _ => {}
        }
    }
}
