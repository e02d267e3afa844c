//! The verdict on a run: the trace is translated into a [`squall_history`] and judged there by monitors and oracles;
//! [`squall_scenarios::judge()`] judges what the scenario asks for in particular.

mod clients;
mod grade;
mod scripted;
mod seen;
mod step;
mod told;

pub use seen::{Ends, Sight};
pub(crate) use step::{STEP, undone};
pub use told::Judgement;

use crate::{director::Fate, world::Played};
use scripted::For;
use seen::Translator;
use squall_history::{
    Findings, Monitors, Scene, Seen,
    model::{Model, Reader},
    oracle,
};
use squall_protocol::{Role, Version};
use squall_scenarios::model::Scenario;
use told::{BROKER, Told, once, setting, settled};

/// Judges a run.
#[must_use]
pub fn judge(plan: &Scenario, version: Version, played: &Played, sight: Sight) -> Judgement {
    let Sight { ends, stranger } = sight;
    if ends == Ends::Sockets {
        return clients::judge(plan, version, played);
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
    };
    // Nobody but the clients of the story publishes.
    let mut of_broker = Monitors::of(Role::Server, scene(Some("")));
    let mut of_clients = Monitors::of(Role::Client, scene(None));
    let settled = settled(plan, trace).filter(|_| told == Told::Whole);
    let reader = || Reader::new(setting(plan, version, &sessions, sight, settled));
    // Of scripted clients less can be known than what came.
    let unruly = plan.clients.iter().any(|c| c.scripted);
    let (mut story, mut known) = (reader(), unruly.then(reader));
    let five = version == Version::V5_0;
    let mut translator = Translator::new(ends, &sessions, &plan.clients, five);
    for (ix, written) in trace.records().iter().enumerate() {
        let blind = translator.blind().is_some();
        translator.translate(ix, written, &mut |whom, record| {
            if matches!(whom, For::All | For::Story) {
                story.see(&record);
            }
            if let Some(known) = known.as_mut().filter(|_| !blind)
                && matches!(whom, For::All | For::Oracles)
            {
                known.see(&record);
            }
            if !matches!(whom, For::All | For::Monitors) {
                return;
            }
            let mut found = |finding| broken.push(finding);
            // Each party is watched on its own side of the wire, where that is seen.
            if record.end.side == ends.watched() || matches!(record.seen, Seen::Unknown) {
                of_broker.see(&record, &mut found);
            }
            if record.end.side == Role::Client && !plan.clients[record.end.client].scripted {
                of_clients.see(&record, &mut found);
            }
        });
    }
    let model = story.finish(played.end);
    match known {
        None => oracle::judge(&model, &mut broken),
        Some(known) => {
            let mut known = known.finish(translator.blind().unwrap_or(played.end));
            if translator.blind().is_some() {
                known.unknown = true;
                known.setting.settled = None;
            }
            oracle::judge(&known, &mut broken);
        }
    }
    // No statement gives a server a time to deliver in.
    if stranger && !model.is_over() {
        broken.break_off();
    }
    let doubt = stranger.then(|| doubt(&model, played)).flatten();
    if doubt.is_none() {
        squall_scenarios::judge(plan, &model, stranger, &mut broken);
    }
    let mut findings = once(broken.into_list());
    // A stranger that lets a story fail has broken no promise by that alone, unless the story says which.
    let failure = played.failure.as_ref().filter(|_| stranger);
    let step = failure.map(|failure| undone(failure, version, trace));
    findings.extend(step.filter(|f| !f.statements.is_empty()));
    let (findings, described) = match stranger {
        true => findings
            .into_iter()
            .partition(|f| grade::demands(version, f)),
        false => (findings, Vec::new()),
    };
    Judgement {
        findings,
        described,
        doubt,
    }
}

/// Why a story proves nothing about a stranger beyond what the standard says of every packet.
fn doubt(model: &Model<'_>, played: &Played) -> Option<String> {
    if let Some((_, what)) = &model.less {
        return Some(format!("the story counts on more: {what}"));
    }
    // No statement gives a server a time to answer in.
    if let Some(failure) = &played.failure {
        return Some(format!("`{}`: {}", failure.step, failure.message));
    }
    // The story may have gone another way than it is meant to.
    let never = played.faults.iter().any(Fate::never_bit);
    never.then(|| "a cut of the story found nothing to cut".to_owned())
}
