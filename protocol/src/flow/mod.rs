//! State of QoS 1 and 2 flows (section 4.3), the same for client and server: whoever publishes has an
//! [`Outbound`], whoever is published to has an [`Inbound`]. Both are part of the session state and outlive the
//! network connection.

mod inbound;
mod outbound;

pub use inbound::{Inbound, Received};
pub use outbound::{FlowError, Outbound, Resend};
