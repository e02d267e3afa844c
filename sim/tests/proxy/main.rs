//! Clients and brokers with a proxy between them, in virtual time.

mod hostile;
mod stage;
mod told;
