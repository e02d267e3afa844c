//! The network both virtual worlds share: when does a segment arrive?
//!
//! The model is what an application can observe of TCP over a bad link. Loss is never a hole: a lost transmission is
//! repeated after a retransmission time-out, later bytes wait behind it, and in the end the connection goes silent.
//! One MQTT packet is one segment. The model owns no clock and no payload's meaning: it is told what is sent at which
//! millisecond and says what is due.

mod flow;
mod model;
mod tally;

pub use flow::{Kind, Way};
pub use model::{ConnIx, Delivery, Network};
pub use tally::Tally;
