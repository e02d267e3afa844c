//! TLS 1.2 and 1.3 by rustls, with ring. It draws on the randomness and the clock of the system, so it is for real sockets
//! only: nothing of a simulation goes through here.

mod client;
mod failure;
mod files;
mod server;
mod stream;
mod subject;

pub use client::{ClientTls, Secured, TlsSettings};
pub use files::TlsError;
pub use server::ServerTls;

use rustls::crypto::{CryptoProvider, ring};
use std::sync::Arc;

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
