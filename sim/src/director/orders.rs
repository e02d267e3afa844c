//! What the director can ask of a world, and how scenario words become client commands.

use crate::net::Way;
use squall_client::{Command, ConnectOptions, Message, Ticket};
use squall_protocol::{Properties, Property, Text, Version, packet::Will};
use squall_scenarios::model::{
    ClientIx, ClientSpec, ConnectSpec, CutBy, CutPoint, LinkChange, MessageSpec, WillSpec,
};

/// One thing a world does for the director, before anything else happens at that instant.
#[derive(Clone, Debug)]
pub enum Order {
    /// Hands a command to a client.
    Client(ClientIx, Box<Command>),
    /// Changes a link.
    Link(ClientIx, LinkChange),
    /// Blocks or opens one direction of a link.
    Block(ClientIx, Way, bool),
    /// Sends at once whatever waits for a retransmission.
    Nudge(ClientIx),
    /// Arms a cut.
    Arm(ClientIx, CutPoint, CutBy),
    /// Cuts the current connection, if there is one.
    Cut(ClientIx, CutBy),
    /// Disarms every cut.
    Disarm(ClientIx),
}

impl Order {
    /// The message that a client is given to publish, if this is what the order says.
    #[must_use]
    pub fn published(&self) -> Option<(ClientIx, Ticket, &Message)> {
        match self {
            Self::Client(client, command) => match &**command {
                Command::Publish(ticket, message) => Some((*client, *ticket, message)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The client it is about.
    #[must_use]
    pub const fn client(&self) -> ClientIx {
        match self {
            Self::Client(c, _)
            | Self::Link(c, _)
            | Self::Block(c, ..)
            | Self::Arm(c, ..)
            | Self::Cut(c, _)
            | Self::Nudge(c)
            | Self::Disarm(c) => *c,
        }
    }
}

/// `shared`: another client of the story has the same Client Identifier.
pub(super) fn connect_options(
    client: &ClientSpec,
    shared: bool,
    connect: &ConnectSpec,
    version: Version,
) -> ConnectOptions {
    let v5 = version == Version::V5_0;
    let mut options = ConnectOptions::new(version, client.client_id.as_str());
    options.clean_start = connect.clean_start;
    options.takes_over = shared;
    options.session_expiry = connect.session_expiry.filter(|_| v5);
    options.keep_alive = connect.keep_alive;
    options.receive_maximum = connect.receive_maximum.filter(|_| v5);
    options.will = connect.will.as_ref().map(|will| will_of(will, v5));
    options
}

fn will_of(will: &WillSpec, v5: bool) -> Will {
    let mut properties = Properties::new();
    if v5 && will.delay > 0 {
        properties.push(Property::WillDelayInterval(will.delay));
    }
    Will {
        topic: Text::from(will.topic.as_str()),
        payload: will.payload.clone(),
        qos: will.qos,
        retain: will.retain,
        properties,
    }
}

pub(super) fn message_of(message: &MessageSpec, version: Version) -> Message {
    let mut properties = Properties::new();
    if let (Version::V5_0, Some(expiry)) = (version, message.expiry) {
        properties.push(Property::MessageExpiryInterval(expiry));
    }
    Message {
        topic: Text::from(message.topic.as_str()),
        payload: message.payload.clone(),
        qos: message.qos,
        retain: message.retain,
        properties,
    }
}
