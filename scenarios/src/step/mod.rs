//! Steps that are nobody's and hold no other steps. Faults are in a room of their own.

mod network;
mod settle;
mod wait;
mod workload;

pub use network::Network;
pub use settle::Settle;
pub use wait::Wait;
pub use workload::Workload;
