//! What every expectation needs to be judged: the history, and words for what is wrong.
//!
//! An expectation that speaks of nothing that happened is a green that means nothing: it fails too, unless it is
//! optional.

use bytes::Bytes;
use squall_history::{
    Cite, Finding, Findings, cited,
    model::{Connection, Delivered, MessageIx, Model},
};
use squall_protocol::topic;
use std::collections::BTreeMap;

pub(crate) const NOTHING: Cite = (&[], &[]);

/// Judges one expectation after the other.
pub(crate) struct Judge<'j, 'h> {
    pub(crate) model: &'h Model<'h>,
    pub(crate) found: &'j Found<'h>,
    /// Only what the standard asks of every broker is asked.
    pub(crate) stranger: bool,
    /// The number of the expectation.
    pub(crate) demand: usize,
    /// It may speak of nothing that happened.
    pub(crate) optional: bool,
    pub(crate) broken: &'j mut Findings,
}

/// What several expectations ask for.
pub(crate) struct Found<'h> {
    /// The hidden client that hears wills and finds retained messages.
    pub(crate) observer: Option<usize>,
    /// By topic: what the observer was sent as retained.
    pub(crate) retained: BTreeMap<&'h str, Vec<&'h Delivered<'h>>>,
    /// Client and message of each delivery, with its index; sorted.
    arrivals: Vec<(usize, MessageIx, usize)>,
}

impl<'h> Found<'h> {
    pub(crate) fn of(observer: Option<usize>, model: &'h Model<'h>) -> Self {
        let mut retained: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for n in observer.map_or(&[][..], |o| &model.delivered_to[o]) {
            let d = &model.delivered[*n];
            if d.message.retain {
                let topic = d.message.topic.as_str();
                retained.entry(topic).or_default().push(d);
            }
        }
        let all = model.delivered.iter().enumerate();
        let mut arrivals: Vec<_> = all.map(|(n, d)| (d.to, d.what, n)).collect();
        arrivals.sort_unstable();
        Self {
            observer,
            retained,
            arrivals,
        }
    }

    /// Deliveries of a message to these clients, in order: indices into the history's.
    pub(crate) fn arrivals(&self, what: MessageIx, to: &[usize]) -> Vec<usize> {
        let mut all = Vec::new();
        for &to in to {
            let from = self.arrivals.partition_point(|a| *a < (to, what, 0));
            let own = self.arrivals[from..].iter();
            let own = own.take_while(|(t, w, _)| (*t, *w) == (to, what));
            all.extend(own.map(|(.., n)| *n));
        }
        all.sort_unstable();
        all
    }
}

impl<'h> Judge<'_, 'h> {
    /// Something happened that must not.
    pub(crate) fn report(
        &mut self,
        cite: Cite,
        message: String,
        expected: String,
        witness: Vec<usize>,
    ) {
        self.add(cite, message, expected, witness, false);
    }

    /// Something is not as it must be; `absence`: because something did not happen.
    pub(crate) fn add(
        &mut self,
        cite: Cite,
        message: String,
        expected: String,
        witness: Vec<usize>,
        absence: bool,
    ) {
        self.broken.push(Finding {
            rule: "expectation",
            statements: cited(self.model.setting.version, cite),
            message,
            expected,
            witness,
            absence,
            demand: Some(self.demand),
            version: None,
        });
    }

    /// Nothing happened that the expectation speaks of. What a stranger did not do says nothing about the story.
    pub(crate) fn speaks_of_nothing(&mut self, why: String) {
        if self.optional || self.stranger {
            return;
        }
        let expected = "the story does what this expectation speaks of; `optional: true` in it says that it may not";
        self.add(NOTHING, why, expected.into(), vec![], true);
    }

    pub(crate) fn connections_of(&self, client: usize) -> Vec<&'h Connection<'h>> {
        self.model.connections_of(client).collect()
    }

    /// Whether the broker ever accepted a connection of a client.
    pub(crate) fn was_there(&self, client: usize) -> bool {
        self.model.connections_of(client).any(Connection::accepted)
    }

    /// Messages that an expectation means and that there were: published by a client, as a will, or delivered from
    /// wherever. In the order in which they were first seen.
    pub(crate) fn meant(&self, filter: &str, payload: Option<&Bytes>) -> Vec<MessageIx> {
        let messages = &self.model.messages;
        let mut all: Vec<MessageIx> = match payload {
            _ if filter.contains(['+', '#']) => {
                let fits = |n: &MessageIx| {
                    let seen = messages.get(*n);
                    topic::matches(filter, seen.topic) && payload.is_none_or(|b| b == seen.payload)
                };
                (0..messages.len()).filter(fits).collect()
            }
            Some(payload) => messages.find(filter, payload).into_iter().collect(),
            None => messages.on_topic(filter).collect(),
        };
        all.sort_unstable();
        all.retain(|n| self.existed(*n));
        all
    }

    /// Whether anybody published a message, as far as that is known.
    pub(crate) fn existed(&self, what: MessageIx) -> bool {
        let seen = self.model.messages.get(what);
        !seen.published.is_empty() || !seen.delivered.is_empty() || self.wills(what).0 > 0
    }

    /// How often a message was published as a will: at least, and at most.
    pub(crate) fn wills(&self, what: MessageIx) -> (usize, usize) {
        let seen = self.model.messages.get(what);
        let wills = seen.wills.iter().map(|n| &self.model.connections[*n]);
        let accepted: Vec<&Connection<'_>> = wills.filter(|c| c.accepted()).collect();
        // With a delay it may be cancelled in time. A client does not know what the server noticed.
        let surely = |c: &&&Connection<'_>| {
            let delay = c.will().and_then(|w| w.properties.will_delay_interval());
            c.calls_for_will() && delay.unwrap_or(0) == 0
        };
        let surely = match self.model.sharp() {
            true => accepted.iter().filter(surely).count(),
            false => 0,
        };
        // What arrived and was said by nobody else was a will.
        let heard = usize::from(seen.published.is_empty() && !seen.delivered.is_empty());
        (surely.max(heard.min(accepted.len())), accepted.len())
    }
}
