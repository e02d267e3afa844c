//! Oracles, each with somebody who breaks its guarantee and somebody odd who does not: at the server's end, and where
//! only the clients' ends are seen.

mod clients_ends;
mod expiry;
mod identifiers;
mod outage;
mod retained;
mod server_end;
mod stage;
mod wills;
