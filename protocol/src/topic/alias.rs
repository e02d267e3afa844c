//! What the peer's Topic Aliases stand for on one connection (5.0, section 3.3.2.3.4).

use crate::{Text, packet::Publish};
use std::collections::BTreeMap;

/// Topics that a peer has set Topic Aliases for. They do not outlive the connection [MQTT-3.3.2-7] (5.0). `X` is what the
/// owner keeps beside each topic.
#[derive(Clone, Debug)]
pub struct TopicAliases<X = ()> {
    maximum: u16,
    topics: BTreeMap<u16, (Text, X)>,
}

/// What a PUBLISH says of its topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicNamed {
    /// The topic stands in the packet, without an alias.
    Plainly,
    /// It stands in the packet, and this alias is to stand for it from now on [X-5.0-alias-2].
    AndAliased(u16),
    /// An alias stands for it; this is the topic.
    ByAlias(Text),
}

/// A Topic Alias that may not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicAliasError {
    /// There is a Topic Alias, and the Topic Alias Maximum is 0.
    #[error("a Topic Alias where none is allowed")]
    NotAllowed,
    /// It is above the Topic Alias Maximum.
    #[error("a Topic Alias above the Topic Alias Maximum")]
    TooLarge,
    /// It stands for no topic on this connection [X-5.0-alias-4].
    #[error("a Topic Alias that stands for no topic")]
    Unknown,
}

impl<X> TopicAliases<X> {
    /// No alias is set; `maximum` is the Topic Alias Maximum that the peer was told, 0 where it was told none.
    #[must_use]
    pub const fn new(maximum: u16) -> Self {
        Self {
            maximum,
            topics: BTreeMap::new(),
        }
    }

    /// What a PUBLISH of the peer says of its topic. Nothing is set yet: whoever is told
    /// [`TopicNamed::AndAliased`] does so, or refuses to.
    ///
    /// # Errors
    /// The alias is above the maximum, or stands for nothing.
    pub fn look_up(&self, publish: &Publish) -> Result<TopicNamed, TopicAliasError> {
        let Some(alias) = publish.properties.topic_alias() else {
            return Ok(TopicNamed::Plainly);
        };
        if self.maximum == 0 {
            return Err(TopicAliasError::NotAllowed);
        }
        if alias > self.maximum {
            return Err(TopicAliasError::TooLarge);
        }
        if !publish.topic.is_empty() {
            return Ok(TopicNamed::AndAliased(alias));
        }
        let known = self.topics.get(&alias);
        let topic = known.map(|(topic, _)| topic.clone());
        topic
            .map(TopicNamed::ByAlias)
            .ok_or(TopicAliasError::Unknown)
    }

    /// An alias stands for a topic from now on.
    pub fn set(&mut self, alias: u16, topic: Text, beside: X) {
        self.topics.insert(alias, (topic, beside));
    }

    /// An alias stands for nothing any more; what was kept beside its topic, if there was one.
    pub fn forget(&mut self, alias: u16) -> Option<X> {
        self.topics.remove(&alias).map(|(_, beside)| beside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Properties, Property, QoS};
    use bytes::Bytes;

    fn publish(topic: &str, alias: Option<u16>) -> Publish {
        let mut properties = Properties::new();
        if let Some(alias) = alias {
            properties.push(Property::TopicAlias(alias));
        }
        Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: Text::from(topic),
            packet_id: None,
            properties,
            payload: Bytes::new(),
        }
    }

    #[test]
    fn an_alias_stands_for_the_topic_it_was_set_with_last() {
        let mut aliases = TopicAliases::new(2);
        let look = |aliases: &TopicAliases, topic, alias| aliases.look_up(&publish(topic, alias));
        assert_eq!(look(&aliases, "a", None), Ok(TopicNamed::Plainly));
        assert_eq!(look(&aliases, "", Some(2)), Err(TopicAliasError::Unknown));
        for topic in ["a", "b"] {
            let said = look(&aliases, topic, Some(2));
            assert_eq!(said, Ok(TopicNamed::AndAliased(2)));
            aliases.set(2, Text::from(topic), ());
            let by_alias = TopicNamed::ByAlias(Text::from(topic));
            assert_eq!(look(&aliases, "", Some(2)), Ok(by_alias));
        }
        assert_eq!(aliases.forget(2), Some(()));
        assert_eq!(look(&aliases, "", Some(2)), Err(TopicAliasError::Unknown));
        assert_eq!(aliases.forget(2), None);
    }

    #[test]
    fn an_alias_above_the_maximum_is_refused_with_a_topic_and_without() {
        for topic in ["", "a"] {
            let look = |maximum, alias| {
                TopicAliases::<()>::new(maximum).look_up(&publish(topic, Some(alias)))
            };
            assert_eq!(look(0, 1), Err(TopicAliasError::NotAllowed));
            assert_eq!(look(2, 3), Err(TopicAliasError::TooLarge));
        }
    }
}
