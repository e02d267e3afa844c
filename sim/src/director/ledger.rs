//! How often each fault of a story bit: the one place where that is kept.
//!
//! Nothing is counted here that the two worlds could count differently. What links did is read from the network's
//! tallies when a fault begins and ends, what the disk did from its wear, what armed cuts saw from the taps when the
//! story is over, and a cut at once from its record in the trace.

use crate::{
    net::{Tally, Way},
    order::Order,
    tap::Waited,
    trace::{Record, What},
    wear::Wear,
};
use squall_protocol::{PacketType, Time};
use squall_scenarios::model::{ClientIx, ClientSpec, LinkChange, Said, Source};
use std::collections::{BTreeMap, VecDeque};

/// What became of one fault of a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Where the story says it.
    pub source: Source,
    /// What it is, such as `cut app by reset` or `loss 1.0 %`.
    pub told: String,
    /// What has to happen so that it bites.
    pub tied: Tied,
    /// It may come to nothing.
    pub optional: bool,
    /// When it began, in virtual time.
    pub at: Time,
    /// Connections that it cut; transmissions that it lost, stopped or made longer than the shortest; what the disk
    /// refused, was late with or lost.
    pub bites: u64,
}

impl Fate {
    /// It waited for a packet, had to bite, and did not.
    #[must_use]
    pub fn never_bit(&self) -> bool {
        matches!(self.tied, Tied::Packet { .. }) && !self.optional && self.bites == 0
    }
}

/// What a fault depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tied {
    /// On a packet, at which it happens once.
    Packet {
        /// Whose connection.
        client: ClientIx,
        /// Which packet.
        packet: PacketType,
        /// What went by while it waited.
        waited: Waited,
        /// When it was disarmed, if it was.
        disarmed: Option<Time>,
    },
    /// On what goes on at its time: cuts at once, partitions, troubles of the disk.
    Time,
    /// On what passes a link.
    Latency,
    /// On what is sent over a link, and chance.
    Loss,
}

impl Fate {
    /// What is said of links, from this time on.
    pub(super) fn of_link(said: Said, change: &LinkChange, at: Time) -> Self {
        Self {
            source: said.source,
            told: change.told(),
            tied: match change.loss_permille {
                Some(_) => Tied::Loss,
                None => Tied::Latency,
            },
            optional: said.optional,
            at,
            bites: 0,
        }
    }
}

/// What a link does, as far as faults have to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Up,
    Down,
    Latency,
    Loss,
}

impl From<Way> for Side {
    fn from(way: Way) -> Self {
        match way {
            Way::Up => Self::Up,
            Way::Down => Self::Down,
        }
    }
}

/// How often a fault bit, by what a link did while the fault was there.
type Count = fn(Tally) -> u64;

/// The same, by what the disk did.
pub(super) type Worn = fn(Wear) -> u64;

/// What links and the disk have done up to now.
#[derive(Clone, Copy, Debug)]
pub struct Done<'a> {
    /// The links, by client.
    pub links: &'a [Tally],
    /// The disk.
    pub disk: Wear,
}

/// What a fault of the disk is over with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Until {
    /// With the next trouble, or with none.
    Trouble,
    /// When the broker is restarted.
    Restart,
}

/// Something to be done when it is known what links and the disk have done.
enum Mark {
    Begin(usize, ClientIx, Side, Count),
    End(ClientIx, Side),
    Wears(usize, Until, Worn),
    Over(Until),
}

/// A fault that a side of a link has now.
struct Running {
    fault: usize,
    count: Count,
    /// What the link had done when it began.
    before: Tally,
}

/// The faults of a run, in the order in which they began.
#[derive(Default)]
pub(super) struct Ledger {
    fates: Vec<Fate>,
    marks: Vec<Mark>,
    /// Faults that are on now.
    now: BTreeMap<(ClientIx, Side), Vec<Running>>,
    /// Those of the disk, with what it had done when they began.
    worn: BTreeMap<Until, (usize, Worn, Wear)>,
    /// By client: cuts that were armed, in order.
    armed: BTreeMap<ClientIx, Vec<usize>>,
    /// Cuts at once that were not carried out yet, and the one that was last.
    cuts: VecDeque<usize>,
    cutting: Option<usize>,
}

impl Ledger {
    /// A fault begins.
    pub(super) fn add(&mut self, fate: Fate) -> usize {
        self.fates.push(fate);
        self.fates.len() - 1
    }

    /// It is an armed cut of this client.
    pub(super) fn armed(&mut self, fault: usize, client: ClientIx) {
        self.armed.entry(client).or_default().push(fault);
    }

    /// It is a cut at once.
    pub(super) fn cut(&mut self, fault: usize) {
        self.cuts.push_back(fault);
    }

    /// A direction of a link is blocked by it from now on.
    pub(super) fn blocks(&mut self, fault: usize, client: ClientIx, way: Way) {
        let count: Count = match way {
            Way::Up => |t| t.stopped_up,
            Way::Down => |t| t.stopped_down,
        };
        self.marks
            .push(Mark::Begin(fault, client, way.into(), count));
    }

    /// A link takes this long from now on because of it. A single time is felt by whatever passes, a range by whatever
    /// takes longer than the shortest.
    pub(super) fn delays(&mut self, fault: usize, client: ClientIx, (min, max): (u32, u32)) {
        let count: Count = if min == max {
            |t| t.passed
        } else {
            |t| t.slower
        };
        self.marks
            .push(Mark::Begin(fault, client, Side::Latency, count));
    }

    /// A link loses transmissions because of it from now on.
    pub(super) fn loses(&mut self, fault: usize, client: ClientIx) {
        self.marks
            .push(Mark::Begin(fault, client, Side::Loss, |t| t.lost));
    }

    /// The disk has it until then.
    pub(super) fn wears(&mut self, fault: usize, until: Until, worn: Worn) {
        self.marks.push(Mark::Wears(fault, until, worn));
    }

    /// The links as the story has them at its beginning, as far as it says so.
    pub(super) fn weather(&mut self, clients: &[ClientSpec]) {
        // One saying may be about many links.
        let mut known: BTreeMap<(Source, Side), usize> = BTreeMap::new();
        for (client, spec) in clients.iter().enumerate() {
            let (link, weather) = (spec.link, spec.weather);
            let mut fault = |ledger: &mut Self, side, said: Said, change: LinkChange| {
                let add = || ledger.add(Fate::of_link(said, &change, Time::ZERO));
                *known.entry((said.source, side)).or_insert_with(add)
            };
            let range = (link.latency_min_ms, link.latency_max_ms);
            if weather.latency.source.line > 0 && range.0 < range.1 {
                let change = LinkChange::latency(range);
                let fault = fault(self, Side::Latency, weather.latency, change);
                self.delays(fault, client, range);
            }
            if weather.loss.source.line > 0 && link.loss_permille > 0 {
                let change = LinkChange::loss(link.loss_permille);
                let fault = fault(self, Side::Loss, weather.loss, change);
                self.loses(fault, client);
            }
        }
        self.keep(Done {
            links: &vec![Tally::default(); clients.len()],
            disk: Wear::default(),
        });
    }

    /// An order is given, whether it changes anything or not.
    pub(super) fn ordered(&mut self, order: &Order, now: Time) {
        match order {
            Order::Block(client, way, false) => {
                self.marks.push(Mark::End(*client, Side::from(*way)));
            }
            Order::Link(client, change) => {
                let sides = [
                    (Side::Latency, change.latency_ms.is_some()),
                    (Side::Loss, change.loss_permille.is_some()),
                ];
                let ended = sides.into_iter().filter(|(_, ended)| *ended);
                self.marks
                    .extend(ended.map(|(side, _)| Mark::End(*client, side)));
            }
            Order::Disk(..) => self.marks.push(Mark::Over(Until::Trouble)),
            Order::Restart => self.marks.push(Mark::Over(Until::Restart)),
            Order::Disarm(client) => {
                for fault in self.armed.get(client).into_iter().flatten() {
                    if let Tied::Packet { disarmed, .. } = &mut self.fates[*fault].tied {
                        disarmed.get_or_insert(now);
                    }
                }
            }
            _ => {}
        }
    }

    /// Something happened.
    pub(super) fn observe(&mut self, record: &Record) {
        match &record.what {
            What::Order(Order::Cut(..)) => self.cutting = self.cuts.pop_front(),
            What::Cut(cut) if cut.packet.is_none() => {
                if let Some(fault) = self.cutting.take() {
                    self.fates[fault].bites += 1;
                }
            }
            _ => {}
        }
    }

    /// What was begun and ended is kept with what was done up to now.
    pub(super) fn keep(&mut self, done: Done<'_>) {
        for mark in std::mem::take(&mut self.marks) {
            match mark {
                Mark::Begin(fault, client, side, count) => {
                    let before = done.links[client];
                    let running = Running {
                        fault,
                        count,
                        before,
                    };
                    self.now.entry((client, side)).or_default().push(running);
                }
                Mark::End(client, side) => self.end(client, side, done.links[client]),
                Mark::Wears(fault, until, worn) => {
                    self.worn.insert(until, (fault, worn, done.disk));
                }
                Mark::Over(until) => self.sound(until, done.disk),
            }
        }
    }

    fn end(&mut self, client: ClientIx, side: Side, tally: Tally) {
        for running in self.now.remove(&(client, side)).unwrap_or_default() {
            self.fates[running.fault].bites += (running.count)(tally.since(running.before));
        }
    }

    fn sound(&mut self, until: Until, disk: Wear) {
        if let Some((fault, worn, before)) = self.worn.remove(&until) {
            self.fates[fault].bites += worn(disk) - worn(before);
        }
    }

    /// What became of all of them, at the end of the story; `waited` is what each client's tap says.
    pub(super) fn close(mut self, done: Done<'_>, waited: &[Vec<Waited>]) -> Vec<Fate> {
        self.keep(done);
        let open: Vec<_> = self.now.keys().copied().collect();
        for (client, side) in open {
            self.end(client, side, done.links[client]);
        }
        for until in [Until::Trouble, Until::Restart] {
            self.sound(until, done.disk);
        }
        for (client, armed) in std::mem::take(&mut self.armed) {
            // The last may not have been armed any more: the story was over.
            for (fault, saw) in armed.into_iter().zip(&waited[client]) {
                let fate = &mut self.fates[fault];
                fate.bites = saw.bit.into();
                if let Tied::Packet {
                    waited, disarmed, ..
                } = &mut fate.tied
                {
                    *waited = *saw;
                    *disarmed = disarmed.filter(|_| !saw.bit);
                }
            }
        }
        self.fates
    }
}
