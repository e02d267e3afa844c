//! How a client is asked for things, by handles and by streams.

use super::{
    desk::{Outcome, Place, Shared},
    error::RequestError,
};
use crate::core::{Command, Ticket};
use squall_protocol::{Properties, ReasonCode, topic::TopicFilter};
use tokio::sync::{mpsc::UnboundedSender, oneshot};

/// The way to a client's driver. The client runs as long as somebody has it.
#[derive(Clone, Debug)]
pub(super) struct Orders {
    pub(super) commands: UnboundedSender<Command>,
    pub(super) shared: Shared,
}

impl Orders {
    pub(super) async fn unsubscribe(
        &self,
        filters: Vec<TopicFilter>,
    ) -> Result<Vec<ReasonCode>, RequestError> {
        let place = self.shared.place(0).await?;
        let outcome = self.ask(Some(place), filters.clone(), |ticket| {
            Command::Unsubscribe {
                ticket,
                filters,
                properties: Properties::new(),
            }
        });
        outcome.await.unwrap_or(Err(RequestError::Stopped))
    }

    pub(super) fn ask(
        &self,
        place: Option<Place>,
        filters: Vec<TopicFilter>,
        command: impl FnOnce(Ticket) -> Command,
    ) -> oneshot::Receiver<Outcome> {
        // The order of the commands is that of the tickets, whoever asks.
        let mut desk = self.shared.desk();
        let (ticket, outcome) = desk.open(place, filters);
        self.give(command(ticket));
        outcome
    }

    /// A driver that has ended has told so to whoever waits.
    pub(super) fn give(&self, command: Command) {
        let _ = self.commands.send(command);
    }
}
