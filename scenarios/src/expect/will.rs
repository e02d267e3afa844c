//! `will`: how often a will is published.

use super::judge::Judge;
use crate::{
    construct::{Cast, Doubt, Expect, Observed},
    diagnostic::quoted,
    kind::{CLIENT, FLAG, Form, Maybe, Own, POSITIVE},
    reader::{Context, Fields},
    record::record,
    source::ClientIx,
    values::{self, Wrong},
};
use serde_json::json;
use squall_history::{
    Cite,
    model::{Connection, Delivered, Mark, MessageIx, Model},
    words,
};
use squall_protocol::Time;
use std::{collections::BTreeSet, time::Duration};

const WILL: Cite = (&["MQTT-3.1.2-8"], &["MQTT-3.1.2-8", "MQTT-3.1.3-9"]);

record! {
    /// A client's will is published this often in the whole story.
    pub struct Will, "will", check = Self::check {
        /// whose will
        of: ClientIx = "of", needed(0, CLIENT);
        /// how often it is published in the whole story
        published: u32 = "published", needed(1, PUBLISHED);
        /// not earlier than this after the end of the connection
        after: Option<Duration> = "after", usual(None, Maybe(POSITIVE));
        /// `true`: it may speak of nothing that happened, which otherwise fails the run
        optional: bool = "optional", usual(false, FLAG);
    }
}

impl Will {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        if let (0, Some(key)) = (self.published, fields.key("after")) {
            let message = "`after` of a will that is never published";
            cx.contradicts(key, message, "contradicts `never`");
        }
        true
    }
}

impl Expect for Will {
    const WORD: &'static str = "will";
    const MEANING: &'static str = "how often the will of a client is published, and how late";
    const EXAMPLE: &'static str = "{ of: lock, published: once, after: 5s }";

    fn excludes(&self, other: &Self) -> bool {
        self.of == other.of && self.published != other.published
    }

    /// It is expected of a client that never has one.
    fn doubt(&self, cast: &dyn Cast) -> Option<Doubt> {
        if self.published == 0 || cast.has_will(self.of) {
            return None;
        }
        Some(Doubt {
            message: format!(
                "{} has no will that could be published",
                quoted(cast.name(self.of))
            ),
            label: "cannot come true",
            help: "add `will: {topic: …}` to the client",
        })
    }

    fn observe(&self, observed: &mut Observed) {
        observed.wills.push(self.of);
    }

    fn is_optional(&self) -> bool {
        self.optional
    }

    fn judge(&self, judge: &mut Judge<'_, '_>) {
        let Self {
            of,
            published,
            after,
            ..
        } = *self;
        let mut own = judge.model.connections_of(of);
        if published == 0 && !own.any(|c| c.accepted() && c.will().is_some()) {
            let name = judge.model.name(of);
            let why =
                format!("{name} never had a connection with a will that could have been published");
            judge.speaks_of_nothing(why);
        }
        let Some(observer) = judge.found.observer else {
            return;
        };
        let model = judge.model;
        let own = judge.connections_of(of);
        let mut heard: Vec<&Delivered<'_>> = Vec::new();
        let mut wills: BTreeSet<MessageIx> = BTreeSet::new();
        let mut said_too = 0;
        for will in own.iter().filter_map(|c| c.will()) {
            let what = model.messages.find(&will.topic, &will.payload);
            if let Some(what) = what.filter(|what| wills.insert(*what)) {
                let all = model.messages.get(what).delivered.iter();
                let live = all
                    .map(|n| &model.delivered[*n])
                    .filter(|d| !d.message.retain);
                heard.extend(live.filter(|d| d.to == observer));
                // A client may publish the very same words itself.
                let said = model.messages.get(what).published.iter();
                said_too += said
                    .filter(|n| model.published[**n].arrived.is_some())
                    .count();
            }
        }
        let mut witness: Vec<usize> = own.iter().filter_map(|c| Some(c.connect?.0.ix)).collect();
        witness.extend(own.iter().filter_map(|c| Some(c.closed?.0.ix)));
        witness.extend(heard.iter().map(|d| d.mark.ix));
        witness.sort_unstable();
        let name = judge.model.name(of);
        let times = heard.len().saturating_sub(said_too);
        if times != published as usize {
            let message = format!("the will of {name} was published {}", words::times(times));
            let expected = format!("it is published {}", words::times(published as usize));
            let absence = times < published as usize;
            let excused = absence && judge.stranger && own.iter().any(|c| came_back(model, c));
            if !excused {
                judge.add(WILL, message, expected, witness.clone(), absence);
            }
        }
        // Which of them is the will cannot be told where the client says the same.
        if let (Some(after), 0) = (after, said_too) {
            too_early(judge, of, &heard, after, &witness);
        }
    }
}

/// Whether the client of a connection with a delayed will may have come back before the will was due. Then a server may
/// forget the will [MQTT-3.1.2-8], also where the session ends with that; section 3.1.3.2.2 has it go out there.
fn came_back(model: &Model<'_>, connection: &Connection<'_>) -> bool {
    let delay = connection
        .will()
        .and_then(|w| w.properties.will_delay_interval());
    let Some(delay) = delay.filter(|d| *d > 0) else {
        return false;
    };
    // It is due when the session has ended, too.
    let due = connection.expiry.map_or(delay, |expiry| expiry.min(delay));
    // The server may notice late that the connection is over.
    let silence = Duration::from_millis(u64::from(connection.keep_alive) * 1500);
    let latest = |(closed, _): (Mark, _)| {
        closed.at + Duration::from_secs(due.into()) + silence + model.setting.slack
    };
    let latest = connection.closed.map(latest);
    let own = model.session(connection.client);
    model.connections.iter().any(|later| {
        let dialled = later.connect.map(|(mark, _)| mark);
        model.session(later.client) == own
            && dialled > connection.connect.map(|(mark, _)| mark)
            && dialled.is_some_and(|mark| latest.is_none_or(|latest| mark.at <= latest))
    })
}

/// A will must not come sooner after the end of its connection than this.
fn too_early(
    judge: &mut Judge<'_, '_>,
    of: ClientIx,
    heard: &[&Delivered<'_>],
    after: Duration,
    witness: &[usize],
) {
    let own = judge.connections_of(of).into_iter();
    let mut ends: Vec<Time> = own.filter_map(|c| Some(c.closed?.0.at)).collect();
    ends.sort_unstable();
    let name = judge.model.name(of);
    for d in heard {
        let before = ends.partition_point(|at| *at <= d.mark.at);
        let ended = ends[..before].last().copied();
        let waited = ended.map_or(Duration::ZERO, |at| d.mark.at.since(at));
        if waited < after && !judge.broken.full() {
            let message = format!(
                "the will of {name} came {} ms after its connection ended",
                waited.as_millis()
            );
            let expected = format!("not before {} ms", after.as_millis());
            judge.report(WILL, message, expected, witness.to_vec());
        }
    }
}

/// `once`, `never` or a number.
const PUBLISHED: Own<u32> = Own {
    read: |cx, node| {
        cx.scalar(node, "`once`, `never` or a number", |s| {
            match s.text.as_str() {
                "once" => Ok(1),
                "never" => Ok(0),
                _ => values::number(s, 0, u32::MAX.into())
                    .map(|n| u32::try_from(n).unwrap_or(u32::MAX))
                    .map_err(|_| {
                        let text = quoted(&s.text);
                        Wrong::new(format!("{text} is not `once`, `never` or a number"))
                    }),
            }
        })
    },
    show: |times, _| match times {
        0 => "never".into(),
        1 => "once".into(),
        n => n.to_string(),
    },
    form: || {
        let number = json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX });
        let schema = json!({ "anyOf": [{ "enum": ["once", "never"] }, number] });
        Form::new("`once`, `never` or a number", schema)
    },
};
