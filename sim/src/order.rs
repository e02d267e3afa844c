//! What the director can ask of a world.

use crate::net::Way;
use squall_broker::Script;
use squall_client::{Command, Message, Ticket};
use squall_scenarios::model::{ClientIx, Crash, CutBy, CutPoint, LinkChange, Trouble, Unsynced};
use std::time::Duration;

/// One thing a world does for the director, before anything else happens at that instant.
#[derive(Clone, Debug)]
pub enum Order {
    /// Hands a command to a client.
    Client(ClientIx, Box<Command>),
    /// Hands a scripted broker what it does to a client.
    Broker(ClientIx, Script),
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
    /// The broker goes down, and this becomes of what its disk had not made durable.
    Crash(Crash, Unsynced),
    /// The broker begins again.
    Restart,
    /// The disk of the broker's store has this trouble from now on; a slow one takes this long to sync.
    Disk(Trouble, (Duration, Duration)),
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

    /// The client it is about; none for what becomes of the broker and its disk.
    #[must_use]
    pub const fn client(&self) -> Option<ClientIx> {
        Some(match self {
            Self::Crash(..) | Self::Restart | Self::Disk(..) => return None,
            Self::Client(c, _)
            | Self::Broker(c, _)
            | Self::Link(c, _)
            | Self::Block(c, ..)
            | Self::Arm(c, ..)
            | Self::Cut(c, _)
            | Self::Nudge(c)
            | Self::Disarm(c) => *c,
        })
    }
}
