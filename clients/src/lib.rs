//! Other people's MQTT clients, each driven by an *adapter*: a small program that speaks JSON lines on standard input and
//! output and uses one library as its users do.
//!
//! * [`Operation`] and [`Report`] are the two directions of that protocol, version [`PROTOCOL`]; `clients/README.md` tells
//!   it to people and `clients/schema.json` to programs.
//! * [`Adapter`] is a running adapter: started, proven, asked and listened to. Whatever it does wrong is an
//!   [`AdapterError`], and never says anything about MQTT.
//! * [`Desk`] is the other side, for adapters that are written in Rust.
//! * [`Listing`] is what is known about an adapter that comes with Squall: how it is installed and started.
//!
//! This room knows no broker, no scenario and no other client; what an adapter is asked to do, others decide.

mod adapter;
mod command;
mod desk;
mod deviation;
mod error;
mod groups;
mod listing;
mod operation;
mod packets;
#[cfg(test)]
mod page;
mod process;
mod report;
#[cfg(test)]
mod schema;
mod values;
mod waiting;

pub use adapter::{Adapter, Introduction};
pub use command::{Command, CommandError};
pub use desk::{Desk, Taken, operations};
pub use deviation::Deviation;
pub use error::{AdapterError, Trouble};
pub use groups::end_all as end_all_adapters;
pub use listing::{Listing, Places, listing, listing_names};
pub use operation::{
    Acknowledge, Connect, Disconnect, Doing, MessageKind, Operation, PROTOCOL, Part, Publish,
    Subscribe, Subscription, Unsubscribe, Will,
};
pub use packets::{filter, pairs, properties, reason_called, text, user_properties};
pub use process::Limits;
pub use report::{Delivered, Happened, Outcome, Report};
pub use values::{Binary, MessageProperties};
