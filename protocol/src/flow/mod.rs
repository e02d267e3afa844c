//! State of QoS 1 and 2 flows (sections 4.3, 4.4 and 4.9), the same for client and server: whoever publishes has an
//! [`Outbound`], whoever is published to has an [`Inbound`]. Both are part of the session state and outlive the
//! network connection; the [`ReceiveQuota`] does not.
//!
//! What happens is written in two transition tables, [`sender::TABLE`] and [`receiver::TABLE`]: a row for each state
//! and event, a cell for each version, with the statements that decide it. `Outbound` and `Inbound` keep the states
//! and look everything else up there. `tests/flow` prints both tables.
//!
//! Several messages may be in flight at a time [X-3.1.1-qos-1], [X-5.0-qos-1]. Time is not known here: a message that was
//! sent does not expire [MQTT-4.3.3-7], and one that was received is acknowledged to the end [MQTT-4.3.3-13]
//! (5.0). A refusal ends one exchange and nothing else [X-5.0-error-4].

mod inbound;
mod outbound;
mod packet_ids;
mod quota;
pub mod receiver;
pub mod sender;
mod table;

pub use inbound::Inbound;
pub use outbound::{Kept, Outbound, Outcome, Resend};
pub use quota::{ReceiveMaximumExceeded, ReceiveQuota};
pub use table::{Cell, Row};
