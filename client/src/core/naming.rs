//! Topic Aliases towards the server (5.0, section 3.3.2.3.4): which topic has which.
//!
//! It does not know what is published, or whether it can be sent.

use squall_protocol::Text;
use std::collections::BTreeMap;

/// The aliases of one connection [MQTT-3.3.2-7] (5.0). When all are in use, the one that was used longest ago stands for
/// the next topic.
#[derive(Debug, Default)]
pub(super) struct Naming {
    maximum: u16,
    /// Alias and last use of each topic.
    topics: BTreeMap<Text, (u16, u64)>,
    /// Topics by their last use.
    uses: BTreeMap<u64, Text>,
    next_use: u64,
}

/// How a topic is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// By itself.
    Plain,
    /// By itself, and from now on this alias stands for it [X-5.0-alias-2].
    New(u16),
    /// By its alias alone.
    Known(u16),
}

/// Bytes of the property that carries an alias: a topic no longer than this is not made shorter.
const COST: usize = 3;

impl Naming {
    /// `maximum` aliases from 1 [MQTT-3.3.2-8], [MQTT-3.3.2-9]; none with 0 [MQTT-3.2.2-18].
    pub(super) fn new(maximum: u16) -> Self {
        Self {
            maximum,
            ..Self::default()
        }
    }

    /// How to say this topic. Nothing changes before [`Self::said`].
    pub(super) fn name(&self, topic: &Text) -> Name {
        if self.maximum == 0 || topic.len() <= COST {
            return Name::Plain;
        }
        if let Some((alias, _)) = self.topics.get(topic) {
            return Name::Known(*alias);
        }
        let given = self.topics.len();
        if given < usize::from(self.maximum) {
            return Name::New(given as u16 + 1);
        }
        let oldest = self.uses.values().next();
        let oldest = oldest.and_then(|topic| self.topics.get(topic));
        oldest.map_or(Name::Plain, |(alias, _)| Name::New(*alias))
    }

    /// It was said so, in a packet that is sent.
    pub(super) fn said(&mut self, topic: &Text, name: Name) {
        let alias = match name {
            Name::Plain => return,
            Name::New(alias) => {
                if self.topics.len() >= usize::from(self.maximum)
                    && let Some((_, oldest)) = self.uses.pop_first()
                {
                    self.topics.remove(&oldest);
                }
                alias
            }
            Name::Known(alias) => {
                let before = self.topics.remove(topic);
                before.map(|(_, at)| self.uses.remove(&at));
                alias
            }
        };
        self.next_use += 1;
        self.uses.insert(self.next_use, topic.clone());
        self.topics.insert(topic.clone(), (alias, self.next_use));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(naming: &mut Naming, topic: &str) -> Name {
        let topic = Text::from(topic);
        let name = naming.name(&topic);
        naming.said(&topic, name);
        name
    }

    #[test]
    fn a_topic_has_an_alias_from_its_second_message_on() {
        let mut naming = Naming::new(2);
        assert_eq!(say(&mut naming, "long/a"), Name::New(1));
        assert_eq!(say(&mut naming, "long/b"), Name::New(2));
        assert_eq!(say(&mut naming, "long/a"), Name::Known(1));
        assert_eq!(say(&mut naming, "abc"), Name::Plain, "it would get longer");
    }

    #[test]
    fn the_alias_that_was_used_longest_ago_is_given_away() {
        let mut naming = Naming::new(2);
        for topic in ["long/a", "long/b", "long/a"] {
            say(&mut naming, topic);
        }
        assert_eq!(say(&mut naming, "long/c"), Name::New(2));
        assert_eq!(say(&mut naming, "long/b"), Name::New(1));
        assert_eq!(say(&mut naming, "long/c"), Name::Known(2));
        assert_eq!(say(&mut naming, "long/a"), Name::New(1));
    }

    #[test]
    fn without_a_maximum_there_are_none() {
        assert_eq!(say(&mut Naming::new(0), "long/a"), Name::Plain);
    }

    #[test]
    fn what_was_not_sent_sets_nothing() {
        let naming = Naming::new(1);
        let topic = Text::from("long/a");
        assert_eq!(naming.name(&topic), Name::New(1));
        assert_eq!(naming.name(&topic), Name::New(1));
    }
}
