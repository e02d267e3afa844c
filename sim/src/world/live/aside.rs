//! Messages of other stories that are told on the same broker at the same time.
//!
//! A broker that hands them to clients which have not asked for them is wrong, but not in the story where that shows: there
//! it shows in one run and not in the next, by who else was there. So they are set aside: the story goes on as if they had
//! not come. Only what has QoS 0 is, because it leaves the flow of packets as it was.

use super::scene::Scene;
use crate::trace::{Node, Record, What};
use squall_client::Event;
use squall_protocol::{Packet, QoS};
use squall_scenarios::model::ClientIx;
use std::{cell::RefCell, rc::Rc};

/// Messages that are kept of one telling; one is enough to prove it, and of several one may be certain.
const KEPT: usize = 16;

/// What is set aside of one telling of a story. Clones share it.
#[derive(Clone, Debug)]
pub struct Aside {
    run: String,
    own: String,
    strays: Rc<RefCell<Vec<Stray>>>,
}

/// A message of another story.
#[derive(Clone, Debug)]
pub(crate) struct Stray {
    /// Who got it.
    pub(crate) client: ClientIx,
    /// How many records of the trace were there before it.
    pub(crate) before: usize,
    /// That it came.
    pub(crate) record: Record,
}

impl Aside {
    /// Of a story whose topics begin with `own`, a tag that begins with that of the whole run: see
    /// [`squall_scenarios::moved`].
    #[must_use]
    pub fn new(run: &str, own: &str) -> Self {
        Self {
            run: run.to_owned(),
            own: format!("{own}/"),
            strays: Rc::default(),
        }
    }

    /// What was set aside, the first of it.
    pub(crate) fn take(&self) -> Vec<Stray> {
        self.strays.take()
    }

    /// Whether an event is set aside; then nobody else is to hear of it.
    pub(super) fn takes(&self, client: ClientIx, event: &Event, scene: &Scene) -> bool {
        let topic = match event {
            Event::Received(frame) => match &frame.packet {
                Packet::Publish(p) if p.qos == QoS::AtMostOnce => p.topic.as_str(),
                _ => return false,
            },
            Event::Delivered { message, .. } if message.qos == QoS::AtMostOnce => {
                message.topic.as_str()
            }
            _ => return false,
        };
        if !self.is_of_another(topic) {
            return false;
        }
        let mut strays = self.strays.borrow_mut();
        if matches!(event, Event::Received(_)) && strays.len() < KEPT {
            let shared = scene.shared.borrow();
            strays.push(Stray {
                client,
                before: shared.trace.records().len(),
                record: Record {
                    at: shared.now(),
                    node: Node::Client(client),
                    what: What::Client(event.clone()),
                },
            });
        }
        true
    }

    /// A topic of another telling of the same run: its tag, the number of a story, and a letter for the telling.
    fn is_of_another(&self, topic: &str) -> bool {
        let Some(rest) = topic.strip_prefix(&self.run) else {
            return false;
        };
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let telling = rest.strip_prefix(['x', 'y', 'z']);
        telling.is_some_and(|t| t.starts_with('/')) && !topic.starts_with(&self.own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_topics_of_other_stories_are_set_aside() {
        let aside = Aside::new("sqab1", "sqab112x");
        for (topic, other) in [
            ("sqab112x/a", false),
            ("sqab112y/a", true),
            ("sqab11x/a", true),
            ("sqab1/a", false),
            ("sqab112x", false),
            ("else/a", false),
            ("$SYS/a", false),
        ] {
            assert_eq!(aside.is_of_another(topic), other, "{topic}");
        }
    }
}
