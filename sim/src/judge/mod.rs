//! The verdict on a run: the trace is translated into a [`squall_history`] and judged there by monitors and oracles;
//! [`squall_scenarios::judge()`] judges what the scenario asks for in particular.

mod clients;
mod grade;
mod outage;
mod pace;
mod scripted;
mod seen;
mod step;
mod told;

pub use seen::{Ends, Sight};
pub(crate) use step::{STEP, undone};
pub use told::Judgement;

use crate::{
    director::{Fate, Order},
    offer::{Offer, lacks},
    trace::{Node, Record as Written, What},
    world::Played,
};
use scripted::For;
use seen::Translator;
use squall_client::{EndCause, Event};
use squall_history::{
    Finding, Findings, Monitors, Record, Scene, Seen,
    model::{Keeps, Model, Outcome, Published, Reader},
    oracle,
};
use squall_protocol::{Packet, Role, Time, Version};
use squall_scenarios::model::{ExpectKind, Scenario};
use std::collections::BTreeSet;
use told::{BROKER, Told, once, others, setting, settled};

/// Judges a run.
#[must_use]
pub fn judge(plan: &Scenario, version: Version, played: &Played, sight: Sight) -> Judgement {
    let Sight { ends, stranger } = sight;
    if ends == Ends::Sockets || plan.broker.scripted {
        return clients::judge(plan, version, played, sight);
    }
    let (trace, told) = (&played.trace, Told::of(played));
    let sessions = seen::sessions(plan);
    let mut broken = Findings::new(told != Told::ToLimit);
    let name = |client: usize| plan.clients[client].name.clone();
    let scene = |own_topics| Scene {
        version,
        name: &name,
        server: BROKER,
        own_topics,
        buffers: stranger,
        whole: true,
    };
    let settled = settled(plan, trace).filter(|_| told == Told::Whole);
    let reader = || Reader::new(setting(plan, version, &sessions, sight, settled));
    let mut ears = Ears {
        plan,
        ends,
        // Nobody but the clients of the story publishes.
        of_broker: Monitors::of(Role::Server, scene(Some(""))).but(others(plan, version)),
        of_clients: Monitors::of(Role::Client, scene(None)).but(others(plan, version)),
        story: reader(),
        // Of scripted clients less can be known than what came.
        known: plan.clients.iter().any(|c| c.scripted).then(reader),
    };
    let keeps = outage::keeps(plan);
    let mut translator = Translator::new(ends, &sessions, &plan.clients, version);
    for (ix, written) in trace.records().iter().enumerate() {
        let blind = translator.blind().is_some();
        ears.outage(ix, written, keeps);
        translator.translate(ix, written, &mut |whom, record| {
            ears.hear(whom, &record, blind, &mut broken);
        });
    }
    let model = ears.story.finish(played.end);
    match ears.known {
        None => oracle::judge(&model, &mut broken),
        Some(known) => as_known(known, translator.blind(), played, &mut broken),
    }
    // No statement gives a server a time to deliver in.
    if stranger && !model.is_over() {
        broken.break_off();
    }
    let doubt = stranger.then(|| doubt(plan, &model, played)).flatten();
    if doubt.is_none() {
        squall_scenarios::judge(plan, &model, stranger, &mut broken);
    }
    let step = demanded_step(plan, &model, played).filter(|_| stranger);
    let found = once(broken.into_list()).into_iter().chain(step);
    let (findings, described) = graded(found, version, stranger);
    Judgement {
        findings,
        described,
        doubt,
    }
}

/// What is held against the broker, and what is only otherwise than described.
fn graded(
    found: impl Iterator<Item = Finding>,
    version: Version,
    stranger: bool,
) -> (Vec<Finding>, Vec<Finding>) {
    let demanded = |f: &Finding| !stranger || grade::demands(f.version.unwrap_or(version), f);
    let (findings, mut described): (Vec<_>, Vec<_>) = found.partition(demanded);
    // What no statement forbids a server, such as a User Property of its own in each message, is described nowhere.
    described.retain(|f| !f.statements.is_empty() || f.demand.is_some());
    (findings, described)
}

/// A stranger that lets a story fail has broken no promise by that alone, unless the story says which. With less than it
/// counts on, or a message refused, a story goes another way; and what somebody did not wait for longer than this server
/// takes may come still.
fn demanded_step(plan: &Scenario, model: &Model<'_>, played: &Played) -> Option<Finding> {
    let failure = played.failure.as_ref()?;
    let refused = |p: &Published<'_>| matches!(p.outcome, Outcome::Refused(..));
    let another_way = model.less.is_some() || model.published.iter().any(refused);
    let waited = failure.demand.as_ref()?.waited;
    // Where it has answered nothing, nobody knows how long it takes.
    let unknown = model.connections.iter().all(|c| c.answered.is_none());
    let too_short = waited.is_some_and(|waited| unknown || waited < model.setting.slack);
    if another_way || too_short || settings(plan, played).is_some() {
        return None;
    }
    let step = undone(failure, &played.trace);
    Some(step).filter(|f| !f.statements.is_empty())
}

/// Asks the oracles about a history with scripted clients in it.
fn as_known(known: Reader<'_>, blind: Option<Time>, played: &Played, broken: &mut Findings) {
    let mut known = known.finish(blind.unwrap_or(played.end));
    if blind.is_some() {
        known.unknown = true;
        known.setting.settled = None;
    }
    oracle::judge(&known, broken);
}

/// Whether the broker's monitors are shown what was seen at this side, and the clients'.
const fn watchers(ends: Ends, side: Role) -> (bool, bool) {
    match (ends, side) {
        // Each party is watched on its own side of the wire, where that is seen.
        (Ends::Both | Ends::Sockets, Role::Server) => (true, false),
        (Ends::Both | Ends::Sockets, Role::Client) => (false, true),
        (Ends::Clients, Role::Server) => (false, false),
        (Ends::Clients, Role::Client) => (true, true),
    }
}

/// Everybody who listens to a history.
struct Ears<'n, 'a> {
    plan: &'a Scenario,
    ends: Ends,
    of_broker: Monitors<'n, 'a>,
    of_clients: Monitors<'n, 'a>,
    /// What the story expects is judged by this.
    story: Reader<'a>,
    /// What the oracles judge, where that is less.
    known: Option<Reader<'a>>,
}

impl<'a> Ears<'_, 'a> {
    /// Takes in that the broker went down, or is back.
    fn outage(&mut self, ix: usize, written: &Written, keeps: Keeps) {
        outage::tell(&mut self.story, ix, written, keeps);
        if let Some(known) = &mut self.known {
            outage::tell(known, ix, written, keeps);
        }
        if outage::goes_down(written) {
            self.of_broker.crash();
        }
    }

    /// `blind`: something went out before of which nothing is known.
    fn hear(&mut self, whom: For, record: &Record<'a>, blind: bool, broken: &mut Findings) {
        if matches!(whom, For::All | For::Story) {
            self.story.see(record);
        }
        if let Some(known) = self.known.as_mut().filter(|_| !blind)
            && matches!(whom, For::All | For::Oracles)
        {
            known.see(record);
        }
        if !matches!(whom, For::All | For::Monitors) {
            return;
        }
        let mut found = |finding| broken.push(finding);
        let (broker, clients) = watchers(self.ends, record.end.side);
        if broker || matches!(record.seen, Seen::Unknown) {
            self.of_broker.see(record, &mut found);
        }
        if clients && !self.plan.clients[record.end.client].scripted {
            self.of_clients.see(record, &mut found);
        }
    }
}

/// Whether a client has given up a connection because the server took its time: one whose link the story left alone.
fn impatient(played: &Played) -> bool {
    let mut disturbed = BTreeSet::new();
    for record in played.trace.records() {
        match (&record.node, &record.what) {
            (
                _,
                What::Order(
                    Order::Block(client, _, true) | Order::Arm(client, ..) | Order::Cut(client, _),
                ),
            ) => {
                disturbed.insert(*client);
            }
            (
                Node::Client(client),
                What::Client(Event::Ended {
                    cause: EndCause::PingTimeout | EndCause::ConnectTimeout,
                }),
            ) if !disturbed.contains(client) => return true,
            _ => {}
        }
    }
    false
}

/// A setting of the story's broker that a stranger does not have, as far as its CONNACK says.
fn settings(plan: &Scenario, played: &Played) -> Option<String> {
    let mut connacks = played.trace.records().iter().filter_map(|r| match &r.what {
        What::Client(Event::Received(frame)) => match &frame.packet {
            Packet::ConnAck(ack) => Some(Offer::from(ack)),
            _ => None,
        },
        _ => None,
    });
    lacks(&plan.broker, connacks.next().as_ref())
}

/// A session that the story counts on and the server has not kept: it may discard one (section 4.1).
fn lost_session(plan: &Scenario, model: &Model<'_>) -> Option<String> {
    plan.expect.iter().find_map(|expectation| {
        let ExpectKind::Session(expected) = &expectation.kind else {
            return None;
        };
        let own = model.connections_of(expected.of).filter(|c| c.accepted());
        let flags = own.filter_map(|c| c.answered).map(|a| a.session_present);
        let lost = expected
            .present
            .iter()
            .zip(flags)
            .any(|(expected, is)| *expected && !is);
        let name = model.name(expected.of);
        lost.then(|| format!("the story counts on more: a session of {name} was not kept"))
    })
}

/// Why a story proves nothing about a stranger beyond what the standard says of every packet.
fn doubt(plan: &Scenario, model: &Model<'_>, played: &Played) -> Option<String> {
    if let Some(setting) = settings(plan, played) {
        return Some(format!("the story needs a broker with {setting}"));
    }
    if let Some((_, what)) = &model.less {
        return Some(format!("the story counts on more: {what}"));
    }
    if let Some(lost) = lost_session(plan, model) {
        return Some(lost);
    }
    // No statement gives a server a time to answer in.
    if let Some(failure) = &played.failure {
        return Some(format!("`{}`: {}", failure.step, failure.message));
    }
    if impatient(played) {
        return Some("a client of the story waited no longer for an answer".to_owned());
    }
    // The story may have gone another way than it is meant to.
    let never = played.faults.iter().any(Fate::never_bit);
    never.then(|| "a cut of the story found nothing to cut".to_owned())
}
