//! The faults of a proxy, and what of them is in store for one connection.

use crate::tap::ending;
use squall_protocol::Role;
use squall_scenarios::{
    model::{LinkSpec, Way as Ways},
    random::Stream,
    wire::{self, What, WireFault},
};
use squall_transport::tap::{Cut, Ending, Part, Passage, Place, Shape, Tap};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

/// Clients whose cuts are remembered while they are not connected. The cuts of a client that was forgotten strike again.
const KEPT: usize = 10_000;

/// All faults, and which of them have struck.
#[derive(Debug)]
pub(super) struct Faults {
    list: Vec<WireFault>,
    struck: Vec<bool>,
    seed: u64,
    taps: BTreeMap<String, Rc<RefCell<ClientTap>>>,
}

/// Something that happens to a connection at a time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Nothing passes any more, or everything again.
    Block { ways: Ways, blocked: bool },
    /// What one side sends stays until then.
    Stall { from: Option<Role>, until: u64 },
    /// It dies.
    Cut(Ending),
}

/// An act, when, and of which fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) at: u64,
    pub(super) fault: usize,
    pub(super) act: Act,
}

/// How one direction of a connection is shaped, and by which faults.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shaped {
    pub(super) shape: Shape,
    pub(super) fragment: Option<usize>,
    pub(super) coalesce: Option<usize>,
}

/// How the link of a connection is, and by which faults.
#[derive(Clone, Debug, Default)]
pub(super) struct Linked {
    pub(super) latency: Option<((u32, u32), usize)>,
    pub(super) loss: Option<(u16, usize)>,
}

impl Linked {
    pub(super) fn spec(&self) -> LinkSpec {
        let (min, max) = self.latency.map_or((0, 0), |(range, _)| range);
        LinkSpec {
            latency_min_ms: min,
            latency_max_ms: max,
            loss_permille: self.loss.map_or(0, |(loss, _)| loss),
        }
    }
}

impl Faults {
    pub(super) fn new(list: Vec<WireFault>, seed: u64) -> Self {
        Self {
            struck: vec![false; list.len()],
            list,
            seed,
            taps: BTreeMap::new(),
        }
    }

    /// Whether there are none.
    pub(super) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether the link model is needed.
    pub(super) fn has_links(&self) -> bool {
        let of_link = |f: &WireFault| matches!(f.what, What::Link(_) | What::Partition { .. });
        self.list.iter().any(of_link)
    }

    pub(super) fn strike(&mut self, fault: usize) {
        self.struck[fault] = true;
    }

    /// Those that never struck, as they were written.
    pub(super) fn idle(&self) -> Vec<String> {
        let all = self.list.iter().zip(&self.struck);
        all.filter(|(_, struck)| !**struck)
            .map(|(fault, _)| fault.text.clone())
            .collect()
    }

    /// The seed of one connection's link.
    pub(super) fn seed_of(&self, conn: u64) -> u64 {
        let mut stream = Stream::new(self.seed, &format!("proxy/{conn}"));
        let mut half = || u64::from(stream.between(0, u32::MAX));
        half() << 32 | half()
    }

    /// The faults for this client alone, or for everybody when nobody is named.
    fn of<'f>(&'f self, who: Option<&'f str>) -> impl Iterator<Item = (usize, &'f What)> {
        let list = self.list.iter().enumerate();
        list.filter(move |(_, fault)| fault.who.as_deref() == who)
            .map(|(n, fault)| (n, &fault.what))
    }

    /// What happens at a time to a connection that these faults concern from `now` on; in order.
    pub(super) fn schedule(&self, who: Option<&str>, conn: u64, now: u64) -> Vec<Due> {
        let mut all = Vec::new();
        for (fault, what) in self.of(who) {
            let mut push = |at, act| all.push(Due { at, fault, act });
            match what {
                What::Partition { way, at, lasts } => {
                    let (from, until) = window(*at, *lasts);
                    let block = |blocked| Act::Block {
                        ways: *way,
                        blocked,
                    };
                    if now < until {
                        push(from.max(now), block(true));
                        push(until, block(false));
                    }
                }
                What::Stall { from, at, lasts } => {
                    let (begins, until) = window(*at, *lasts);
                    if now < until {
                        let from = *from;
                        push(begins.max(now), Act::Stall { from, until });
                    }
                }
                What::Cut {
                    place: wire::Place::Time(at),
                    by,
                } if ms(*at) >= now => push(ms(*at), Act::Cut(ending(*by))),
                What::Flap {
                    every,
                    at,
                    lasts,
                    by,
                } => {
                    let name = format!("proxy/{conn}/flap/{fault}");
                    let mut stream = Stream::new(self.seed, &name);
                    let small = |d: Duration| u32::try_from(d.as_millis()).unwrap_or(u32::MAX);
                    let after = stream.between(small(every.0), small(every.1));
                    let (from, until) = window(*at, Some(*lasts));
                    let next = from.max(now).saturating_add(after.into());
                    if next < until {
                        push(next, Act::Cut(ending(*by)));
                    }
                }
                _ => {}
            }
        }
        all.sort_by_key(|due| due.at);
        all
    }

    /// Takes over how these faults shape a direction.
    pub(super) fn shape(&self, who: Option<&str>, from: Role, shaped: &mut Shaped) {
        let ours = |of: &Option<Role>| of.is_none_or(|of| of == from);
        for (fault, what) in self.of(who) {
            match what {
                What::Fragment { from, size } if ours(from) => {
                    shaped.shape.fragment = usize::try_from(*size).unwrap_or(usize::MAX);
                    shaped.fragment = Some(fault);
                }
                What::Coalesce { from, time } if ours(from) => {
                    shaped.shape.coalesce = *time;
                    shaped.coalesce = Some(fault);
                }
                _ => {}
            }
        }
    }

    /// Takes over what these faults do to a link.
    pub(super) fn link(&self, who: Option<&str>, linked: &mut Linked) {
        for (fault, what) in self.of(who) {
            if let What::Link(change) = what {
                linked.latency = change.latency_ms.map(|l| (l, fault)).or(linked.latency);
                linked.loss = change.loss_permille.map(|l| (l, fault)).or(linked.loss);
            }
        }
    }

    /// The tap of a client, for a new connection of it; one without a name is new each time.
    pub(super) fn tap(&mut self, id: &str, conn: u64) -> Rc<RefCell<ClientTap>> {
        if let Some(tap) = self.taps.get(id) {
            tap.borrow_mut().turn_to(conn);
            return Rc::clone(tap);
        }
        let mut tap = ClientTap::default();
        tap.turn_to(conn);
        for (fault, what) in self.of(None).chain(self.of(Some(id))) {
            if let What::Cut { place, by } = what
                && let Some(place) = self::place(*place)
            {
                tap.tap.arm(place, ending(*by));
                tap.armed.push(fault);
                tap.told.push(false);
            }
        }
        let tap = Rc::new(RefCell::new(tap));
        if id.is_empty() || tap.borrow().armed.is_empty() {
            return tap;
        }
        if self.taps.len() >= KEPT {
            let mut idle = self.taps.iter().filter(|(_, t)| Rc::strong_count(t) == 1);
            if let Some(id) = idle.next().map(|(id, _)| id.clone()) {
                self.taps.remove(&id);
            }
        }
        self.taps.insert(id.to_owned(), Rc::clone(&tap));
        tap
    }
}

/// The cuts of one client, over all its connections.
#[derive(Debug, Default)]
pub(super) struct ClientTap {
    tap: Tap,
    /// The fault of each place that was armed, and whether it was said that it has struck.
    armed: Vec<usize>,
    told: Vec<bool>,
    /// The newest connection: only that is watched.
    conn: u64,
}

impl ClientTap {
    fn turn_to(&mut self, conn: u64) {
        self.conn = conn;
        self.tap.begin();
    }

    /// Lets bytes pass: how many, what ends the connection after them, and the fault that does.
    pub(super) fn pass(&mut self, conn: u64, from: Role, bytes: &[u8]) -> (usize, Option<Struck>) {
        if self.conn != conn {
            return (bytes.len(), None);
        }
        let Passage { bytes, cut } = self.tap.pass(from, bytes);
        let Some(cut) = cut else {
            return (bytes, None);
        };
        let waited = self.tap.waited();
        let mut new = waited.iter().zip(&mut self.told).enumerate();
        let fault = new.find_map(|(n, (waited, told))| {
            let new = waited.bit && !std::mem::replace(told, waited.bit);
            new.then_some(self.armed[n])
        });
        (bytes, fault.map(|fault| Struck { cut, fault }))
    }
}

/// A cut that bites, and of which fault it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Struck {
    pub(super) cut: Cut,
    pub(super) fault: usize,
}

fn place(place: wire::Place) -> Option<Place> {
    match place {
        wire::Place::Packet {
            packet,
            from,
            nth,
            part,
        } => Some(Place::Packet {
            packet,
            from,
            nth,
            part: match part {
                wire::Part::Nothing => Part::Nothing,
                wire::Part::Half => Part::Half,
                wire::Part::Whole => Part::Whole,
            },
        }),
        wire::Place::Byte { from, nth } => Some(Place::Byte {
            from,
            nth: nth.into(),
        }),
        wire::Place::Time(_) => None,
    }
}

/// From when to when, in milliseconds.
fn window(at: Duration, lasts: Option<Duration>) -> (u64, u64) {
    let from = ms(at);
    (
        from,
        lasts.map_or(u64::MAX, |lasts| from.saturating_add(ms(lasts))),
    )
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
