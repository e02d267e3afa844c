//! A client that somebody else wrote, as this world speaks to it.

use super::stop::Stop;
use squall_client::{Command, Event};
use squall_protocol::Version;
use squall_scenarios::model::{ClientIx, Scenario};
use squall_transport::Endpoint;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A client that is told what to do, and tells what its application sees. Whatever it sends is seen at its socket, so of
/// the events only those are looked at that an application has.
pub trait Foreign {
    /// Hands it a command.
    fn tell(&mut self, command: Command);

    /// What it tells next.
    fn poll_told(&mut self, cx: &mut Context<'_>) -> Poll<Told>;

    /// Whether it dials again by itself after an unwanted end when [`Command::Backoff`] says so; where it does not, this
    /// world has it connect again.
    fn redials(&self) -> bool {
        false
    }
}

/// What a client tells.
#[derive(Clone, Debug)]
pub enum Told {
    /// Its application was told this.
    Event(Event),
    /// It cannot do what it was told to; what and why.
    Unsupported(String),
    /// It, or what drives it, is of no more use.
    Lost(String),
}

/// A client that was hired, or why there is none.
pub type Hired<'t> = Pin<Box<dyn Future<Output = Result<Box<dyn Foreign>, Stop>> + 't>>;

/// What a client is hired for.
#[derive(Clone, Debug)]
pub struct Hiring<'t> {
    /// The version that it is to speak.
    pub version: Version,
    /// Its number in the story.
    pub client: ClientIx,
    /// Its name there.
    pub name: &'t str,
    /// The story, as it is played.
    pub plan: &'t Scenario,
    /// Where it finds the broker.
    pub endpoint: Endpoint,
}

/// Where clients come from.
pub trait Troupe {
    /// Gets a client. It does not connect before it is told to.
    fn hire<'t>(&'t self, hiring: Hiring<'t>) -> Hired<'t>;

    /// Whether its clients are in this process, and connect without sockets.
    fn in_memory(&self) -> bool {
        false
    }

    /// Why clients of this version cannot be had, if so.
    fn lacks(&self, _version: Version) -> Option<String> {
        None
    }
}
