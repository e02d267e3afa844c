//! The server goes down, and comes back.

use super::Reader;
use crate::model::{Keeps, Mark, Outage};
use squall_protocol::{QoS, ReasonCode, Role};

impl Reader<'_> {
    /// The server goes down, with all its connections. At its own end they are over; a client's end tells itself when it
    /// learns of that.
    pub fn crash(&mut self, mark: Mark, keeps: Keeps) {
        let up = None;
        let outage = Outage {
            down: mark,
            up,
            keeps,
        };
        self.model.outages.push(outage);
        self.model.end = self.model.end.max(mark.at);
        if self.model.sharp() {
            self.connections_end(mark);
        }
        match keeps {
            Keeps::Nothing => {
                for session in 0..self.open_qos2.len() {
                    self.model.subscriptions.end_all(session, mark.ix);
                    self.open_qos2[session].clear();
                }
            }
            // What it was asked to end and did not answer for may go on.
            Keeps::All(_) => {
                for ((n, _), (_, filters)) in &self.unasked {
                    let session = self.model.session(self.model.connections[*n].client);
                    for filter in *filters {
                        let subscriptions = &mut self.model.subscriptions;
                        subscriptions.perhaps(session, filter, QoS::AtMostOnce, mark.ix);
                    }
                }
            }
        }
        self.unasked.clear();
    }

    /// It is back.
    pub fn restart(&mut self, mark: Mark) {
        if let Some(outage) = self.model.outages.last_mut() {
            outage.up.get_or_insert(mark);
        }
    }

    fn connections_end(&mut self, mark: Mark) {
        for n in 0..self.model.connections.len() {
            let connection = &mut self.model.connections[n];
            if connection.closed.is_none() {
                connection.closed = Some((mark, Role::Server));
                connection.crashed = true;
            }
            let asked = connection.connect.filter(|_| connection.crashed);
            let unanswered = asked.filter(|_| connection.answered.is_none());
            let session = self.model.setting.sessions[connection.client];
            if unanswered.is_some() {
                // It may have begun a session without any subscription.
                self.model.subscriptions.doubt_all(session, mark.ix);
            }
            let connection = &self.model.connections[n];
            let left = connection.farewell == Some(ReasonCode::NORMAL_DISCONNECTION);
            let closed = connection.closed.map(|(mark, _)| mark);
            if left && closed.is_some_and(|closed| self.model.is_shaky(closed)) {
                self.model.connections[n].farewell_lost = true;
            }
        }
    }
}
