//! The access file: who may publish to which topics and subscribe to them.
//!
//! A line is a rule: whom it is about, whether it allows or denies, what, and a topic filter, which is the rest of the
//! line. Lines that are empty or begin with `#` say nothing.
//!
//! ```text
//! all           allow subscribe  public/#
//! users         allow both       home/%u/#
//! user alice    allow both       devices/#
//! user "bob b"  deny  publish    devices/+/state
//! anonymous     deny  subscribe  public/internal/#
//! ```
//!
//! Nothing is allowed unless a rule does so, and what a rule denies no other allows, in whatever order they stand. `%u`
//! stands for the user and `%c` for the Client Identifier, `%%` for a percent sign. Where there is no user, or a value does
//! not fit into one level of a topic (it has `+`, `#` or `/`, begins with `$` or is empty), a rule that allows says
//! nothing, and one that denies does so for everything from that level on.

mod read;
mod scope;

use scope::{covers, meets};
use squall_protocol::topic::{TopicFilter, matches};
use std::{borrow::Cow, collections::BTreeMap};

/// What the rules of an access file come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Rules about everybody, or everybody of a kind.
    common: Vec<(Who, Rule)>,
    /// Those about one user.
    users: BTreeMap<String, Vec<Rule>>,
}

/// Who it is that asks.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The user; `None` for anonymous clients.
    pub user: Option<&'a str>,
    /// The Client Identifier, also one that was assigned.
    pub client_id: &'a str,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Publish,
    Subscribe,
}

/// Whom a rule about more than one user is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    All,
    Users,
    Anonymous,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    allows: bool,
    publish: bool,
    subscribe: bool,
    /// A topic filter, with what stands for something else.
    pattern: Vec<Part>,
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    User,
    ClientId,
}

impl Access {
    /// Whether somebody may publish to this topic.
    #[must_use]
    pub fn may_publish(&self, who: Identity<'_>, topic: &str) -> bool {
        let hit = |pattern: &str| matches(pattern, topic);
        self.decide(who, Deed::Publish, hit, hit)
    }

    /// Whether somebody may be sent messages of this topic.
    #[must_use]
    pub fn may_read(&self, who: Identity<'_>, topic: &str) -> bool {
        let hit = |pattern: &str| matches(pattern, topic);
        self.decide(who, Deed::Subscribe, hit, hit)
    }

    /// Whether somebody may subscribe to this filter: one rule allows all that it matches, and none denies any of it.
    /// What only several rules allow together is refused.
    #[must_use]
    pub fn may_subscribe(&self, who: Identity<'_>, filter: &TopicFilter) -> bool {
        let all = |pattern: &str| covers(pattern, filter.pattern());
        let any = |pattern: &str| meets(pattern, filter.pattern());
        self.decide(who, Deed::Subscribe, all, any)
    }

    fn decide(
        &self,
        who: Identity<'_>,
        deed: Deed,
        allowed: impl Fn(&str) -> bool,
        denied: impl Fn(&str) -> bool,
    ) -> bool {
        let mut allows = false;
        for rule in self.about(who).filter(|rule| rule.is_about(deed)) {
            let pattern = rule.pattern(who);
            match (rule.allows, pattern) {
                (true, Pattern::Whole(pattern)) => allows = allows || allowed(&pattern),
                (true, Pattern::Upto(_)) => {}
                (false, Pattern::Whole(pattern) | Pattern::Upto(pattern)) => {
                    if denied(&pattern) {
                        return false;
                    }
                }
            }
        }
        allows
    }

    fn about<'a>(&'a self, who: Identity<'a>) -> impl Iterator<Item = &'a Rule> {
        let is_user = who.user.is_some();
        let common = self.common.iter().filter(move |(about, _)| match about {
            Who::All => true,
            Who::Users => is_user,
            Who::Anonymous => !is_user,
        });
        let own = who.user.and_then(|user| self.users.get(user));
        common
            .map(|(_, rule)| rule)
            .chain(own.into_iter().flatten())
    }
}

/// A pattern with values in their places.
enum Pattern<'a> {
    /// All of it.
    Whole(Cow<'a, str>),
    /// A value did not fit: everything from its level on.
    Upto(Cow<'a, str>),
}

impl Rule {
    const fn is_about(&self, deed: Deed) -> bool {
        match deed {
            Deed::Publish => self.publish,
            Deed::Subscribe => self.subscribe,
        }
    }

    fn pattern<'a>(&'a self, who: Identity<'_>) -> Pattern<'a> {
        if let [Part::Text(text)] = &self.pattern[..] {
            return Pattern::Whole(text.into());
        }
        let mut whole = String::new();
        for part in &self.pattern {
            let value = match part {
                Part::Text(text) => {
                    whole.push_str(text);
                    continue;
                }
                Part::User => who.user,
                Part::ClientId => Some(who.client_id),
            };
            let Some(value) = value.filter(|value| is_level(value)) else {
                whole.truncate(whole.rfind('/').map_or(0, |at| at + 1));
                whole.push('#');
                return Pattern::Upto(whole.into());
            };
            whole.push_str(value);
        }
        Pattern::Whole(whole.into())
    }
}

/// A text with values in the places of `%u` and `%c`; `None` where one does not fit, or a `%` means nothing.
pub(crate) fn fill(text: &str, who: Identity<'_>) -> Option<String> {
    let parts = read::parts(text).ok()?;
    let value = |part| match part {
        Part::Text(text) => Some(text),
        Part::User => who.user.filter(|user| is_level(user)).map(str::to_owned),
        Part::ClientId => Some(who.client_id.to_owned()).filter(|id| is_level(id)),
    };
    parts.into_iter().map(value).collect()
}

/// Whether a value may stand in a level of a topic filter, and means nothing there but itself.
fn is_level(value: &str) -> bool {
    !value.is_empty() && !value.starts_with('$') && !value.contains(['+', '#', '/'])
}

#[cfg(test)]
mod tests;
