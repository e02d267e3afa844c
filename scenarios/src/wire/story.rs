//! The faults of a story, without the story.

use super::{Part, Place, What, WireFault};
use crate::{
    client::LinkChange,
    construct::Happen,
    model::{ClientSpec, Fault, Scenario, Step, StepKind},
    source::ClientIx,
};
use std::time::Duration;

/// The faults of a story, each for the Client Identifier that its client has there. A fault without a packet comes when
/// the waits before it are over, counted from the first connection. Beside them, what was left out, in words.
#[must_use]
pub fn of_story(scenario: &Scenario) -> (Vec<WireFault>, Vec<String>) {
    let mut taken = Taken {
        clients: &scenario.clients,
        faults: Vec::new(),
        left: Vec::new(),
    };
    for client in &scenario.clients {
        taken.link(client);
    }
    taken.steps(&scenario.steps, Duration::ZERO);
    (taken.faults, taken.left)
}

struct Taken<'s> {
    clients: &'s [ClientSpec],
    faults: Vec<WireFault>,
    left: Vec<String>,
}

impl Taken<'_> {
    fn link(&mut self, client: &ClientSpec) {
        let (link, weather) = (client.link, client.weather);
        let change = LinkChange {
            latency_ms: (weather.latency.source.line > 0)
                .then_some((link.latency_min_ms, link.latency_max_ms)),
            loss_permille: (weather.loss.source.line > 0 && link.loss_permille > 0)
                .then_some(link.loss_permille),
            optional: false,
        };
        if change != LinkChange::default() {
            let text = format!("{} of {}", change.told(), client.client_id);
            let who = Some(client.client_id.clone());
            let what = What::Link(change);
            self.faults.push(WireFault { text, who, what });
        }
    }

    /// Takes over the steps, which begin at this time; gives when they are over.
    fn steps(&mut self, steps: &[Step], mut at: Duration) -> Duration {
        for step in steps {
            at = match &step.kind {
                StepKind::Wait(wait) => at.saturating_add(wait.0),
                StepKind::Settle(settle) => {
                    self.heal(None, at);
                    at.saturating_add(settle.0)
                }
                StepKind::Parallel(branches) => {
                    let over = branches.iter().map(|branch| self.steps(branch, at));
                    over.max().unwrap_or(at)
                }
                StepKind::Timeline(entries) => {
                    let over = entries.iter().map(|entry| {
                        let step = std::slice::from_ref(&entry.step);
                        self.steps(step, at.saturating_add(entry.after))
                    });
                    over.max().unwrap_or(at)
                }
                StepKind::Fault(fault) => {
                    self.fault(fault, step.source.line, at);
                    at
                }
                StepKind::Network(_) => {
                    let line = step.source.line;
                    self.left.push(format!("the network of line {line}"));
                    at
                }
                StepKind::Life(life) => {
                    let (line, told) = (step.source.line, life.told(&[]));
                    self.left.push(format!("`{told}` of line {line}"));
                    at
                }
                StepKind::Client { .. } | StepKind::Broker { .. } | StepKind::Workload(_) => at,
            };
        }
        at
    }

    fn fault(&mut self, fault: &Fault, line: u32, at: Duration) {
        let names: Vec<&str> = self.clients.iter().map(|c| c.client_id.as_str()).collect();
        let (who, what) = match fault {
            Fault::Cut(cut) => {
                let place = cut.point.map_or(Place::Time(at), |point| Place::Packet {
                    packet: point.packet,
                    from: point.from,
                    nth: point.nth,
                    part: if point.after {
                        Part::Whole
                    } else {
                        Part::Nothing
                    },
                });
                (Some(cut.client), What::Cut { place, by: cut.by })
            }
            Fault::Partition(partition) => {
                let (way, lasts) = (partition.way, partition.lasts);
                (partition.client, What::Partition { way, at, lasts })
            }
            Fault::Flap(flap) => {
                let (every, lasts, by) = (flap.every, flap.lasts, flap.by);
                let what = What::Flap {
                    every,
                    at,
                    lasts,
                    by,
                };
                (Some(flap.client), what)
            }
            Fault::Heal(heal) => return self.heal(heal.client, at),
            Fault::Disk(_) => {
                let told = fault.in_words(&names);
                self.left.push(format!("`{told}` of line {line}"));
                return;
            }
        };
        self.faults.push(WireFault {
            text: fault.in_words(&names),
            who: who.and_then(|who| self.id(who)),
            what,
        });
    }

    fn id(&self, client: ClientIx) -> Option<String> {
        self.clients.get(client).map(|c| c.client_id.clone())
    }

    /// Partitions end that have no end yet.
    fn heal(&mut self, client: Option<ClientIx>, now: Duration) {
        let id = client.and_then(|client| self.id(client));
        for fault in &mut self.faults {
            if let What::Partition { at, lasts, .. } = &mut fault.what
                && lasts.is_none()
                && (id.is_none() || fault.who == id)
            {
                *lasts = Some(now.saturating_sub(*at));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        load_str,
        model::{CutBy, Way},
    };
    use squall_protocol::{PacketType, Role};

    #[test]
    fn a_storys_faults_come_at_its_packets_or_after_its_waits() {
        let text = "\
title: A story
network: { latency: 5ms..40ms }
clients: { app: {}, lock: { client_id: l-1 } }
steps:
  - app: connect
  - lock: connect
  - wait: 3s
  - fault: { cut: app, after: PUBREC, from: broker }
  - fault: { partition: lock, way: up }
  - network: { loss: 1% }
  - parallel:
    - [{ wait: 2s }]
    - [{ wait: 1s }, { fault: { cut: lock, by: silence } }]
  - fault: { heal: all }
expect: []
";
        let scenario = load_str("a", "a.yaml", text).unwrap();
        let (faults, left) = of_story(&scenario);
        let (app, lock) = (Some("app".to_owned()), Some("l-1".to_owned()));
        let told: Vec<_> = faults
            .iter()
            .map(|f| (f.who.clone(), f.what.clone()))
            .collect();
        let seconds = Duration::from_secs;
        let latency = What::Link(LinkChange::latency((5, 40)));
        let cut = |place, by| What::Cut { place, by };
        let packet = Place::Packet {
            packet: PacketType::PubRec,
            from: Role::Server,
            nth: 1,
            part: Part::Whole,
        };
        let partition = What::Partition {
            way: Way::Up,
            at: seconds(3),
            lasts: Some(seconds(2)),
        };
        assert_eq!(
            told,
            [
                (app.clone(), latency.clone()),
                (lock.clone(), latency),
                (app, cut(packet, CutBy::Reset)),
                (lock.clone(), partition),
                (lock, cut(Place::Time(seconds(4)), CutBy::Silence)),
            ]
        );
        assert_eq!(left, ["the network of line 10"]);
    }
}
