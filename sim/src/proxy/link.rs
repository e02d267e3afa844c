//! The link model of one connection, and which of its faults have struck.

use super::faults::{Faults, Linked};
use crate::{
    net::{ConnIx, Kind, Network, Tally, Way},
    world::line::Parcel,
};
use squall_protocol::Role;
use squall_scenarios::model::{LinkChange, Way as Ways};

/// The link of one connection.
pub(super) struct Link {
    net: Network<Parcel>,
    ix: ConnIx,
    linked: Linked,
    /// Partitions under way, and what was counted before.
    partitions: Vec<(usize, Tally)>,
}

impl Link {
    pub(super) fn new(seed: u64, now: u64) -> Self {
        let linked = Linked::default();
        let mut net = Network::new(seed, [linked.spec()]);
        // Nobody waits for the opening: what comes after it does.
        let (opened, _) = tokio::sync::oneshot::channel();
        let ix = net.open(now, 0, Parcel::Syn(opened));
        Self {
            net,
            ix,
            linked,
            partitions: Vec::new(),
        }
    }

    /// From now on the faults for everybody concern it, or those for one client.
    pub(super) fn subject_to(&mut self, faults: &Faults, who: Option<&str>) {
        faults.link(who, &mut self.linked);
        let spec = self.linked.spec();
        let latency = (spec.latency_min_ms, spec.latency_max_ms);
        self.net.change(0, LinkChange::latency(latency));
        self.net.change(0, LinkChange::loss(spec.loss_permille));
    }

    pub(super) fn send(&mut self, now: u64, from: Role, parcel: Parcel) {
        let way = match from {
            Role::Client => Way::Up,
            Role::Server => Way::Down,
        };
        let kind = parcel.kind();
        self.net.send(now, self.ix, way, kind, parcel);
    }

    /// What has come through, and who sent it.
    pub(super) fn bring(&mut self, now: u64) -> Vec<(Role, Parcel)> {
        let due = self.net.advance(now).into_iter();
        due.filter(|delivery| delivery.kind != Kind::Syn)
            .map(|delivery| match delivery.way {
                Way::Up => (Role::Client, delivery.payload),
                Way::Down => (Role::Server, delivery.payload),
            })
            .collect()
    }

    /// Nothing comes through any more.
    pub(super) fn is_dead(&self) -> bool {
        self.net.is_dead(self.ix)
    }

    pub(super) fn kill(&mut self, now: u64) {
        self.net.kill(now, self.ix);
    }

    pub(super) fn next_at(&self) -> Option<u64> {
        self.net.next_at()
    }

    /// Lets nothing pass, or everything again; gives the faults that have struck when it is over.
    pub(super) fn block(
        &mut self,
        now: u64,
        fault: usize,
        ways: Ways,
        blocked: bool,
    ) -> Vec<usize> {
        if ways != Ways::Down {
            self.net.block(0, Way::Up, blocked);
        }
        if ways != Ways::Up {
            self.net.block(0, Way::Down, blocked);
        }
        if blocked {
            self.partitions.push((fault, self.net.tallies()[0]));
            return Vec::new();
        }
        self.net.nudge(now, 0);
        let struck = self.struck();
        self.partitions.retain(|(of, _)| *of != fault);
        struck
    }

    /// The faults that have struck.
    pub(super) fn struck(&self) -> Vec<usize> {
        let tally = self.net.tallies()[0];
        let latency = self.linked.latency.filter(|_| tally.passed > 0);
        let loss = self.linked.loss.filter(|_| tally.lost > 0);
        let stopped = self.partitions.iter().filter(|(_, before)| {
            let since = tally.since(*before);
            since.stopped_up + since.stopped_down > 0
        });
        let link = latency.map(|l| l.1).into_iter().chain(loss.map(|l| l.1));
        link.chain(stopped.map(|(fault, _)| *fault)).collect()
    }
}
