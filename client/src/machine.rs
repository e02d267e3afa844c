//! What a driver, or a simulator, needs of a client.

use crate::core::{Client, Command, Event, Output};
use squall_protocol::Time;
use squall_transport::Hangup;
use std::fmt;

/// A client as a state machine: what [`Client`] and [`crate::Scripted`] have in common. [`Client`] says in which order
/// the methods are called.
pub trait Machine: fmt::Debug {
    /// Does what a command says.
    fn handle_command(&mut self, now: Time, command: Command);
    /// The dial succeeded.
    fn handle_dialed(&mut self, now: Time);
    /// The dial failed.
    fn handle_dial_failed(&mut self, now: Time, why: String);
    /// Bytes arrived.
    fn handle_bytes(&mut self, now: Time, bytes: &[u8]);
    /// The transport ended.
    fn handle_closed(&mut self, now: Time, how: Hangup);
    /// Does everything that is due.
    fn handle_timeout(&mut self, now: Time);
    /// When [`Self::handle_timeout`] is due, if ever.
    fn poll_timeout(&self) -> Option<Time>;
    /// Whether the transport has room for more. A driver without limits never asks.
    fn handle_room(&mut self, _now: Time, _room: bool) {}
    /// Whether what arrives is read. A driver without limits always reads.
    fn handle_reading(&mut self, _now: Time, _reading: bool) {}
    /// The next thing to do.
    fn poll_output(&mut self) -> Option<Output>;
    /// The next thing that happened.
    fn poll_event(&mut self) -> Option<Event>;
}

impl Machine for Client {
    fn handle_command(&mut self, now: Time, command: Command) {
        Self::handle_command(self, now, command);
    }

    fn handle_dialed(&mut self, now: Time) {
        Self::handle_dialed(self, now);
    }

    fn handle_dial_failed(&mut self, now: Time, why: String) {
        Self::handle_dial_failed(self, now, why);
    }

    fn handle_bytes(&mut self, now: Time, bytes: &[u8]) {
        Self::handle_bytes(self, now, bytes);
    }

    fn handle_closed(&mut self, now: Time, how: Hangup) {
        Self::handle_closed(self, now, how);
    }

    fn handle_timeout(&mut self, now: Time) {
        Self::handle_timeout(self, now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        Self::poll_timeout(self)
    }

    fn handle_room(&mut self, now: Time, room: bool) {
        Self::handle_room(self, now, room);
    }

    fn handle_reading(&mut self, now: Time, reading: bool) {
        Self::handle_reading(self, now, reading);
    }

    fn poll_output(&mut self) -> Option<Output> {
        Self::poll_output(self)
    }

    fn poll_event(&mut self) -> Option<Event> {
        Self::poll_event(self)
    }
}

impl<M: Machine + ?Sized> Machine for Box<M> {
    fn handle_command(&mut self, now: Time, command: Command) {
        (**self).handle_command(now, command);
    }

    fn handle_dialed(&mut self, now: Time) {
        (**self).handle_dialed(now);
    }

    fn handle_dial_failed(&mut self, now: Time, why: String) {
        (**self).handle_dial_failed(now, why);
    }

    fn handle_bytes(&mut self, now: Time, bytes: &[u8]) {
        (**self).handle_bytes(now, bytes);
    }

    fn handle_closed(&mut self, now: Time, how: Hangup) {
        (**self).handle_closed(now, how);
    }

    fn handle_timeout(&mut self, now: Time) {
        (**self).handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        (**self).poll_timeout()
    }

    fn handle_room(&mut self, now: Time, room: bool) {
        (**self).handle_room(now, room);
    }

    fn handle_reading(&mut self, now: Time, reading: bool) {
        (**self).handle_reading(now, reading);
    }

    fn poll_output(&mut self) -> Option<Output> {
        (**self).poll_output()
    }

    fn poll_event(&mut self) -> Option<Event> {
        (**self).poll_event()
    }
}
