//! From the wish for a connection to the CONNECT on it.
//!
//! It does not know what is sent or received afterwards.

use super::{
    Abandonment, Authentication, Client, EndCause, Event, Output, Stage, connection::Connection,
    send::connect_packet, session::Unfinished,
};
use squall_protocol::{Time, Version};

impl Client {
    /// The dial succeeded: CONNECT is sent.
    pub fn handle_dialed(&mut self, now: Time) {
        self.with_session(|client| {
            if !matches!(client.stage, Stage::Dialing { .. }) {
                return;
            }
            let stage = std::mem::replace(&mut client.stage, Stage::Idle);
            let Stage::Dialing {
                options,
                connect,
                connect_by,
            } = stage
            else {
                return;
            };
            let share = client.share.as_mut();
            let moved_in = share.is_some_and(|share| share.claim(&mut client.session));
            let mut lost = Vec::new();
            if options.clean_start {
                // The server discards the session when it sees this CONNECT, so it must not live on here
                // [MQTT-3.1.2-6] (3.1.1), [MQTT-3.1.2-4] (5.0).
                lost = client.session.discard();
                if moved_in {
                    // Nor do identifiers that another client has used.
                    client.session.unfinished = Unfinished::default();
                }
            }
            let begun = std::mem::replace(&mut client.session.begun, true);
            let had_session = begun || options.shared.is_some();
            client.stage =
                Stage::Open(Box::new(Connection::new(&options, connect_by, had_session)));
            client.abandon_all(lost, &Abandonment::SessionEnded);
            client.full = false;
            // [MQTT-3.1.0-1]
            client.transmit(now, connect.0, connect.1);
        });
    }

    /// The dial failed.
    pub fn handle_dial_failed(&mut self, now: Time, why: String) {
        if matches!(self.stage, Stage::Dialing { .. }) {
            self.end(now, EndCause::DialFailed(why), false);
        }
    }

    /// Begins an attempt with the options at hand: by hand, or `again` by itself.
    pub(super) fn dial(&mut self, now: Time, again: bool) {
        self.redial.at = None;
        let Some(mut options) = self.options.clone() else {
            return;
        };
        let five = options.version == Version::V5_0;
        if let (true, true, Some(id)) = (options.client_id.is_empty(), five, &self.assigned_id) {
            options.client_id = id.clone();
        }
        if again && five && options.resume && self.session.begun {
            options.clean_start = false;
        }
        let exchange = options.authentication.as_ref().filter(|_| five);
        let exchange = exchange.map_or(Vec::new(), Authentication::begin);
        match connect_packet(&options, exchange) {
            Err(why) => self.events.push_back(Event::Ended {
                cause: EndCause::InvalidOptions(why),
            }),
            Ok(connect) => {
                if self.session.owner != options.client_id {
                    let lost = self.session.discard();
                    self.session.owner = options.client_id.clone();
                    self.abandon_all(lost, &Abandonment::SessionEnded);
                }
                let timeout = options.connect_timeout;
                self.stage = Stage::Dialing {
                    options: Box::new(options),
                    connect,
                    connect_by: (!timeout.is_zero()).then(|| now + timeout),
                };
                self.outputs.push_back(Output::Dial);
            }
        }
    }
}
