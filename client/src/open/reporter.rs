//! Hands what the core tells to those who wait for it.

use super::{
    delivery::{Claim, Delivery},
    desk::{Desk, Item, Shared},
    error::RequestError,
    happening::Happening,
    references::References,
};
use crate::core::{Again, Command, EndCause, Event, Message, Receipt, Ticket};
use squall_protocol::ReasonCode;
use tokio::sync::mpsc::WeakUnboundedSender;

/// Sees every event of the core. When it goes, so does every hope.
pub(super) struct Reporter {
    pub(super) shared: Shared,
    /// Not to keep the client alive.
    pub(super) commands: WeakUnboundedSender<Command>,
    pub(super) reconnects: bool,
    pub(super) follows: bool,
    pub(super) references: Option<References>,
}

impl Reporter {
    pub(super) fn report(&self, event: &Event) {
        let desk = &mut *self.shared.desk();
        match event {
            Event::Received(frame) => {
                if let Some(references) = &self.references {
                    references.note(&frame.packet);
                }
            }
            Event::Acknowledged { ticket, reason } => {
                desk.settle(*ticket, Ok(vec![*reason]));
            }
            Event::Subscribed { ticket, reasons } => subscribed(desk, *ticket, reasons),
            Event::Unsubscribed { ticket, reasons } => {
                if let Some(filters) = desk.settle(*ticket, Ok(reasons.clone())) {
                    let mut codes = reasons.iter();
                    let gone = filters.into_iter().filter(|_| {
                        // 3.1.1 has no codes.
                        codes.next().is_none_or(|code| !code.is_error())
                    });
                    let gone: Vec<_> = gone.collect();
                    for line in desk.routes.forget(&gone) {
                        desk.inboxes.end(line);
                    }
                }
            }
            Event::Abandoned { ticket, why } => {
                let outcome = Err(RequestError::Abandoned(why.clone()));
                let asked = desk.settle(*ticket, outcome);
                if let (None, Some(line)) = (asked, desk.routes.line_of(*ticket)) {
                    // It could not be subscribed again.
                    desk.routes.remove(line);
                    desk.inboxes.end(line);
                }
            }
            Event::Connected {
                ack,
                session_present,
            } => {
                desk.arrive(Ok(ack.clone()));
                let (session_present, ack) = (*session_present, ack);
                tell(desk, || Happening::Connected {
                    session_present,
                    ack: ack.clone(),
                });
            }
            Event::Ended { cause } => self.ended(desk, cause),
            Event::Violation(violation) => tell(desk, || Happening::Violation(violation.clone())),
            Event::Delivered {
                message,
                dup,
                receipt,
                ..
            } => self.delivered(desk, message, *dup, *receipt),
            Event::Sent(_) | Event::SentRaw { .. } | Event::Refused { .. } => {}
        }
    }

    fn ended(&self, desk: &mut Desk, cause: &EndCause) {
        let again = self.reconnects
            && match Again::after(cause) {
                Again::Never => false,
                Again::Elsewhere => self.follows,
                Again::Later | Again::AtOnce => true,
            };
        if !again {
            desk.end(cause);
            desk.arrive(Err(RequestError::Ended(cause.clone())));
            if let Some(commands) = self.commands.upgrade() {
                // There is nothing left to be done.
                let _ = commands.send(Command::Stop);
            }
        }
        for line in desk.listeners.clone() {
            let end = Happening::Ended {
                cause: cause.clone(),
                again,
            };
            // A server that stays away is no reason for memory without a bound.
            let alike = |last: &Item| matches!(last, Item::Happening(last) if matches!(**last, Happening::Ended { .. }));
            desk.inboxes
                .push_or_replace(line, Item::Happening(Box::new(end)), alike);
        }
    }

    fn delivered(&self, desk: &mut Desk, message: &Message, dup: bool, receipt: Option<Receipt>) {
        let commands = &self.commands;
        let claim = |copies| receipt.map(|r| Claim::new(r, copies, commands.clone()));
        if desk.respond(message) {
            if let Some(claim) = claim(1) {
                claim.say(ReasonCode::SUCCESS);
            }
            return;
        }
        let streams = desk.routes.of(message);
        let unclaimed = streams.is_empty();
        let lines = if unclaimed {
            desk.listeners.clone()
        } else {
            streams
        };
        let Some(claim) = claim(lines.len()) else {
            return put(desk, lines, unclaimed, || Delivery {
                message: message.clone(),
                dup,
                claim: None,
            });
        };
        if lines.is_empty() {
            // Nobody wants it. Unacknowledged, it would hold up all after it.
            return claim.say(ReasonCode::SUCCESS);
        }
        put(desk, lines, unclaimed, || Delivery {
            message: message.clone(),
            dup,
            claim: Some(claim.clone()),
        });
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// Puts a copy into each of these lines.
fn put(desk: &mut Desk, lines: Vec<u64>, unclaimed: bool, copy: impl Fn() -> Delivery) {
    for line in lines {
        let delivery = copy();
        let weight = delivery.weight();
        let item = match unclaimed {
            true => Item::Happening(Box::new(Happening::Unclaimed(delivery))),
            false => Item::Delivery(delivery),
        };
        desk.inboxes.push(line, weight, item);
    }
}

/// Tells everybody who listens.
fn tell(desk: &mut Desk, what: impl Fn() -> Happening) {
    for line in desk.listeners.clone() {
        desk.inboxes
            .push(line, 0, Item::Happening(Box::new(what())));
    }
}

/// A subscription was answered: for the first time, or again.
fn subscribed(desk: &mut Desk, ticket: Ticket, reasons: &[ReasonCode]) {
    if let Some(line) = desk.routes.granted(ticket, reasons) {
        desk.inboxes.end(line);
    }
    if desk.settle(ticket, Ok(reasons.to_vec())).is_none() {
        tell(desk, || Happening::Resubscribed(reasons.to_vec()));
    }
}
