//! When a will is published. What it says was decided by CONNECT.

use super::{
    Broker, Timer,
    message::{KeptWill, Message},
    session::SessionId,
};
use squall_protocol::{Text, Time};
use std::time::Duration;

impl Broker {
    /// The connection ended, whoever ended it [X-3.1.1-will-3], [X-5.0-will-3], and the will was not deleted: it is published
    /// now, or waits for its delay [MQTT-3.1.2-8], [X-5.0-will-6].
    pub(super) fn connection_lost_will(&mut self, now: Time, id: SessionId) {
        let session = &mut self.sessions[id];
        let Some(kept) = &session.will else { return };
        let delay = kept.will.properties.will_delay_interval().unwrap_or(0);
        if delay > 0 {
            let at = now + Duration::from_secs(delay.into());
            // The end of the session publishes it too, so a longer delay needs no timer.
            if session.ends_at.is_none_or(|end| at < end) {
                session.delay_will(at);
                self.deadlines.set(at, Timer::Will(id));
            }
            return;
        }
        self.will_is_due(now, id);
    }

    /// The will's time has come.
    pub(super) fn will_is_due(&mut self, now: Time, id: SessionId) {
        let session = &mut self.sessions[id];
        // At once [X-3.1.1-will-1], [X-5.0-will-1], and not again [MQTT-3.1.2-10].
        let (will, client_id) = (session.take_will(), session.client_id.clone());
        let user = session.user.clone();
        if let Some(kept) = will {
            self.publish_will(now, kept, client_id, user.as_deref());
        }
    }

    /// The client came back: a will that still waits is not published [MQTT-3.1.3-9] (5.0).
    pub(super) fn cancel_will(&mut self, id: SessionId) {
        let session = &mut self.sessions[id];
        if let Some(at) = session.will_at {
            self.deadlines.clear(at, Timer::Will(id));
        }
        session.take_will();
    }

    /// Publishes a will, retained or not as it says [MQTT-3.1.2-16], [MQTT-3.1.2-17] (3.1.1), [MQTT-3.1.2-14],
    /// [MQTT-3.1.2-15] (5.0).
    pub(super) fn publish_will(
        &mut self,
        now: Time,
        kept: KeptWill,
        client_id: Text,
        user: Option<&str>,
    ) {
        // What was charged for the will makes room for the message.
        let will = kept.into_will();
        if !self.may(user, &client_id, |access, who| {
            access.may_publish(who, &will.topic)
        }) {
            self.counters.denied += 1;
            return;
        }
        let message = Message::will(now, will, client_id, &self.messages);
        self.accept(now, message);
    }
}
