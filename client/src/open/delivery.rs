//! A message on its way to the application, and how it is acknowledged.

use crate::core::{Command, Message, Receipt};
use squall_protocol::ReasonCode;
use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::mpsc::WeakUnboundedSender;

/// A message that was delivered.
///
/// It is acknowledged already, unless [`crate::Settings::manual_acknowledgement`] was asked for. Then it waits for
/// [`Self::acknowledge`] or [`Self::refuse`], and as acknowledgements go out in the order in which the messages came,
/// those of all later ones wait with it. One that is dropped without a word stays unacknowledged until the connection
/// ends, and comes again on the next one.
#[derive(Debug)]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// The DUP flag it came with.
    pub dup: bool,
    pub(super) claim: Option<Arc<Claim>>,
}

impl Deref for Delivery {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.message
    }
}

impl Delivery {
    /// The application has it. Does nothing where that was said already, and for QoS 0.
    pub fn acknowledge(&mut self) {
        self.say(ReasonCode::SUCCESS);
    }

    /// The application does not take it, for this reason, from 0x80. In 5.0 the server is told, and does not send it again;
    /// 3.1.1 has no words for it, and acknowledges it. Where several streams have the message, the first to refuse it
    /// counts.
    pub fn refuse(&mut self, reason: ReasonCode) {
        self.say(reason);
    }

    pub(super) fn say(&mut self, reason: ReasonCode) {
        if let Some(claim) = self.claim.take() {
            claim.say(reason);
        }
    }
}

/// What every copy of a message has in common: it is acknowledged when all were.
#[derive(Debug)]
pub(super) struct Claim {
    receipt: Receipt,
    commands: WeakUnboundedSender<Command>,
    open: Mutex<(usize, ReasonCode)>,
}

impl Claim {
    pub(super) fn new(
        receipt: Receipt,
        copies: usize,
        commands: WeakUnboundedSender<Command>,
    ) -> Arc<Self> {
        Arc::new(Self {
            receipt,
            commands,
            open: Mutex::new((copies, ReasonCode::SUCCESS)),
        })
    }

    pub(super) fn say(&self, reason: ReasonCode) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, said) = &mut *open;
        if !said.is_error() {
            *said = reason;
        }
        *left = left.saturating_sub(1);
        // A client that has stopped has nobody to tell.
        if let (0, Some(commands)) = (*left, self.commands.upgrade()) {
            let _ = commands.send(Command::Acknowledge(self.receipt, *said));
        }
    }
}
