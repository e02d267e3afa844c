//! Network connections.

use super::{
    certain::Certain,
    index::{ClientIx, Mark},
};
use squall_protocol::{
    ReasonCode, Role, Time, Version,
    packet::{ConnAck, Connect, Disconnect, Will},
};
use std::time::Duration;

/// A network connection, as it is seen at the end that is looked at.
#[derive(Clone, Debug)]
pub struct Connection<'a> {
    /// The client.
    pub client: ClientIx,
    /// Its number in the world.
    pub conn: u64,
    /// The CONNECT, once it came. A second one, which is an error, changes nothing.
    pub connect: Option<(Mark, &'a Connect)>,
    /// The latest CONNACK.
    pub answered: Option<Answer>,
    /// The same, as it was sent.
    pub connack: Option<(Mark, &'a ConnAck)>,
    /// Keep Alive in force, in seconds.
    pub keep_alive: u16,
    /// Session Expiry Interval in force, in seconds; `None` never expires.
    pub expiry: Option<u32>,
    /// The client's DISCONNECT, where it may be sent: its reason code.
    pub farewell: Option<ReasonCode>,
    /// The server's DISCONNECT: its reason code.
    pub told: Option<ReasonCode>,
    /// When that was seen.
    pub told_at: Option<Mark>,
    /// When it ended, and who ended it.
    pub closed: Option<(Mark, Role)>,
    /// The network made it silent: both ends may believe in it, and nothing passes.
    pub silenced: bool,
    /// Something came on it that is no packet, or that nobody may send: who got it ends the connection, whatever the other
    /// side had in mind.
    pub broken: bool,
    /// The last packet of the client.
    pub heard: Option<Mark>,
    /// The longest silence of the client before that, and the packet before it.
    pub silence: Option<(Mark, Duration)>,
    /// What is certain of the server, where only the clients' ends are seen.
    pub certain: Certain,
    /// The connection with which the session began that this one has, itself or an older one. `None`: it began where
    /// nobody looked, or which of two CONNECTs came first is not known.
    pub began: Option<usize>,
    /// Its CONNECT was under way at the same time as another one of the session: which came first is not known.
    pub raced: bool,
    /// It ended as the server went down.
    pub crashed: bool,
    /// The server went down so soon after the client's DISCONNECT that it may know nothing of that.
    pub farewell_lost: bool,
}

/// A CONNACK.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Where it was seen.
    pub mark: Mark,
    /// Session Present.
    pub session_present: bool,
    /// Its reason code, in the numbers of 5.0.
    pub reason: ReasonCode,
}

impl<'a> Connection<'a> {
    pub(super) fn new(client: ClientIx, conn: u64) -> Self {
        Self {
            client,
            conn,
            connect: None,
            answered: None,
            connack: None,
            keep_alive: 0,
            expiry: Some(0),
            farewell: None,
            told: None,
            told_at: None,
            closed: None,
            silenced: false,
            broken: false,
            heard: None,
            silence: None,
            certain: Certain::default(),
            began: None,
            raced: false,
            crashed: false,
            farewell_lost: false,
        }
    }

    /// Whether the server refused it.
    #[must_use]
    pub fn refused(&self) -> bool {
        self.answered.is_some() && !self.accepted()
    }

    /// Whether the session was there when it began.
    #[must_use]
    pub fn resumed(&self) -> bool {
        self.answered.is_some_and(|answer| answer.session_present)
    }

    /// Whether the server accepted it.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.answered
            .is_some_and(|answer| answer.reason == ReasonCode::SUCCESS)
    }

    /// The Will Message of its CONNECT.
    #[must_use]
    pub fn will(&self) -> Option<&'a Will> {
        self.connect?.1.will.as_ref()
    }

    /// Whether it ended in a way after which the will is published [MQTT-3.1.2-8]: in any but after a DISCONNECT with
    /// reason code 0x00 [MQTT-3.1.2-10].
    #[must_use]
    pub fn calls_for_will(&self) -> bool {
        // With another DISCONNECT it is over, whoever closes it.
        self.accepted()
            && (self.farewell != Some(ReasonCode::NORMAL_DISCONNECTION) || self.farewell_lost)
            && (self.closed.is_some() || self.farewell.is_some())
    }

    /// Whether the server ended it, without having been told to.
    #[must_use]
    pub fn ended_by_server(&self) -> bool {
        self.farewell.is_none() && matches!(self.closed, Some((_, Role::Server)))
    }

    pub(super) fn hears(&mut self, mark: Mark) {
        self.certain.sends(self.heard, mark);
        if let Some(before) = self.heard.replace(mark) {
            let silence = mark.at.since(before.at);
            if self.silence.is_none_or(|(_, longest)| silence > longest) {
                self.silence = Some((before, silence));
            }
        }
    }

    /// The longest silence of the client up to `now` or to the end of the connection, and the packet before it.
    #[must_use]
    pub fn longest_silence(&self, now: Time) -> Option<(Mark, Duration)> {
        let heard = self.heard?;
        let until = self.closed.map_or(now, |(mark, _)| mark.at);
        let last = (heard, until.since(heard.at));
        let longer = |s: &(Mark, Duration)| s.1 > last.1;
        Some(self.silence.filter(longer).unwrap_or(last))
    }

    pub(super) fn connects(&mut self, mark: Mark, connect: &'a Connect) {
        self.keep_alive = connect.keep_alive;
        self.expiry = asked_expiry(connect);
        self.connect = Some((mark, connect));
    }

    /// A DISCONNECT of the client. One that sets an expiry where CONNECT set none is an error, and ends nothing
    /// gracefully (section 3.14.2.2.2).
    pub(super) fn says_farewell(&mut self, disconnect: &Disconnect) {
        let asked = disconnect.properties.session_expiry_interval();
        let none = self.connect.is_none_or(|(_, c)| asked_expiry(c) == Some(0));
        match asked {
            Some(expiry) if none && expiry > 0 => return,
            Some(expiry) => self.expiry = lasting(expiry),
            None => {}
        }
        self.farewell = Some(disconnect.reason);
    }
}

/// Session Expiry Interval that a CONNECT asks for; `None` never expires.
fn asked_expiry(connect: &Connect) -> Option<u32> {
    match connect.version {
        // A 3.1.1 session lasts as long as its connection, or without limit [MQTT-3.1.2-4], [MQTT-3.1.2-6].
        Version::V3_1_1 => connect.clean_start.then_some(0),
        // Absent means 0 (section 3.1.2.11.2).
        Version::V5_0 => lasting(connect.properties.session_expiry_interval().unwrap_or(0)),
    }
}

/// 0xFFFFFFFF means never (section 3.1.2.11.2).
pub(super) fn lasting(expiry: u32) -> Option<u32> {
    (expiry != u32::MAX).then_some(expiry)
}
