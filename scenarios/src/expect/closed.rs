//! `closed`: connections that the broker ended.

use super::judge::{Judge, NOTHING};
use crate::{
    construct::Expect,
    kind::{CLIENT, FLAG, Maybe, Reason, at_least},
    reader::{Context, Fields},
    record::record,
    source::ClientIx,
};
use squall_history::model::Connection;
use squall_protocol::{PacketType, ReasonCode, Role};

record! {
    /// A client's connections were ended by the broker this often.
    pub struct Closed, "closed", check = Self::check {
        /// whose connections
        client: ClientIx = "client", needed(0, CLIENT);
        /// how often the broker ended them
        times: u32 = "times", always(1, at_least(0));
        /// with which reason code in DISCONNECT
        reason: Option<ReasonCode> = "reason",
            usual(None, Maybe(Reason { packet: PacketType::Disconnect, by: Role::Server }));
        /// `true`: it may speak of nothing that happened, which otherwise fails the run
        optional: bool = "optional", usual(false, FLAG);
    }
}

impl Closed {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        if let (0, Some(key)) = (self.times, fields.key("reason")) {
            let message = "a reason of connections that are never closed";
            cx.contradicts(key, message, "contradicts `times: 0`");
        }
        true
    }
}

impl Expect for Closed {
    const WORD: &'static str = "closed";
    const MEANING: &'static str = "how often the broker ended the connections of a client, and why";
    const EXAMPLE: &'static str = "{ client: app, times: 2, reason: Session taken over }";

    fn excludes(&self, other: &Self) -> bool {
        (self.client, self.reason) == (other.client, other.reason) && self.times != other.times
    }

    fn is_optional(&self) -> bool {
        self.optional
    }

    fn judge(&self, judge: &mut Judge<'_, '_>) {
        let Self {
            client,
            times,
            reason,
            ..
        } = *self;
        if times == 0 && !judge.was_there(client) {
            let name = judge.model.name(client);
            let why = format!("{name} never had a connection that the broker could have ended");
            judge.speaks_of_nothing(why);
        }
        let by_broker =
            |c: &&&Connection<'_>| c.ended_by_server() && reason.is_none_or(|r| c.told == Some(r));
        let all = judge.connections_of(client);
        // What the server did to a connection that has fallen silent, or that the client has ended itself because of what came
        // on it, the client can't see.
        if !judge.model.sharp() && all.iter().any(|c| c.silenced || c.broken) {
            return;
        }
        let ends: Vec<usize> = all
            .iter()
            .filter(by_broker)
            .filter_map(|c| Some(c.closed?.0.ix))
            .collect();
        if ends.len() != times as usize {
            let connects = all.iter().filter_map(|c| Some(c.connect?.0.ix));
            let mut witness: Vec<usize> = connects.collect();
            witness.extend(&ends);
            let with = reason
                .map(|r| format!(" with reason code {r}"))
                .unwrap_or_default();
            let name = judge.model.name(client);
            let message = format!(
                "the broker ended {} connections of {name}{with}",
                ends.len()
            );
            let absence = ends.len() < times as usize;
            judge.add(
                NOTHING,
                message,
                format!("it ends {times}"),
                witness,
                absence,
            );
        }
    }
}
