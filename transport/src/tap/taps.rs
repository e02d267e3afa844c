//! The taps of one client, over all its connections.

use super::{Cut, Ending, Place, Shape, Tap, Waited};
use squall_protocol::Role;
use std::{cell::RefCell, fmt, rc::Rc, task::Waker, time::Duration};
use tokio::time::Instant;

/// The taps of one client: on its connection, and on those that come after it. Copies are the same.
#[derive(Clone)]
pub struct Taps {
    pub(super) shared: Rc<RefCell<State>>,
}

pub(super) struct State {
    pub(super) tap: Tap,
    pub(super) up: Setting,
    pub(super) down: Setting,
    /// What times are counted from.
    pub(super) start: Option<Instant>,
    /// Connections so far.
    pub(super) connections: u64,
    /// The newest one, until its end is gone.
    pub(super) now: Option<Now>,
}

/// How a direction is treated, on this connection and those after it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Setting {
    pub(super) shape: Shape,
    pub(super) stalled: Option<u64>,
}

/// The newest connection.
pub(super) struct Now {
    /// It was cut.
    pub(super) cut: Option<Ending>,
    /// Who is told of it.
    pub(super) told: Option<Box<dyn FnOnce(Cut)>>,
    pub(super) reader: Option<Waker>,
}

impl Now {
    /// Cuts it. Gives who is to be told, and what.
    pub(super) fn end(&mut self, cut: Cut) -> impl FnOnce() + use<> {
        self.cut = Some(cut.by);
        self.wake();
        let told = self.told.take();
        move || told.into_iter().for_each(|told| told(cut))
    }

    pub(super) fn wake(&mut self) {
        self.reader.take().into_iter().for_each(Waker::wake);
    }
}

impl Default for Taps {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Taps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taps").finish_non_exhaustive()
    }
}

impl Taps {
    /// Taps that let everything pass.
    #[must_use]
    pub fn new() -> Self {
        let state = State {
            tap: Tap::new(),
            up: Setting::default(),
            down: Setting::default(),
            start: None,
            connections: 0,
            now: None,
        };
        let shared = Rc::new(RefCell::new(state));
        Self { shared }
    }

    /// See [`Tap::arm`].
    pub fn arm(&self, place: Place, by: Ending) {
        self.shared.borrow_mut().tap.arm(place, by);
    }

    /// See [`Tap::disarm`].
    pub fn disarm(&self) {
        self.shared.borrow_mut().tap.disarm();
    }

    /// See [`Tap::waited`].
    #[must_use]
    pub fn waited(&self) -> Vec<Waited> {
        self.shared.borrow().tap.waited()
    }

    /// Cuts the current connection. Whether there was one that was whole.
    pub fn cut(&self, by: Ending) -> bool {
        let tell = {
            let state = &mut *self.shared.borrow_mut();
            let whole = state.now.as_mut().filter(|now| now.cut.is_none());
            whole.map(|now| now.end(Cut { by, packet: None }))
        };
        let cut = tell.is_some();
        tell.into_iter().for_each(|tell| tell());
        cut
    }

    /// Shapes what this side sends from now on.
    pub fn shape(&self, from: Role, shape: Shape) {
        self.change(from, |setting, _| setting.shape = shape);
    }

    /// Stalls what this side sends: for a time, in whole milliseconds, or until [`Self::resume`].
    pub fn stall(&self, from: Role, lasts: Option<Duration>) {
        self.change(from, |setting, now| {
            setting.stalled = Some(lasts.map_or(u64::MAX, |d| now.saturating_add(ms(d))));
        });
    }

    /// Ends a stall.
    pub fn resume(&self, from: Role) {
        self.change(from, |setting, _| setting.stalled = None);
    }

    fn change(&self, from: Role, change: impl FnOnce(&mut Setting, u64)) {
        let state = &mut *self.shared.borrow_mut();
        let now = state.elapsed();
        let setting = match from {
            Role::Client => &mut state.up,
            Role::Server => &mut state.down,
        };
        change(setting, now);
        state.now.iter_mut().for_each(Now::wake);
    }
}

impl State {
    /// Milliseconds since the start.
    fn elapsed(&mut self) -> u64 {
        let now = Instant::now();
        let start = *self.start.get_or_insert(now);
        ms(now.duration_since(start))
    }

    /// As [`Self::elapsed`], where anybody asks for the time: nobody does while all is plain.
    pub(super) fn time(&mut self, plain: bool) -> u64 {
        let is_plain = |s: &Setting| s.shape == Shape::default() && s.stalled.is_none();
        match plain && is_plain(&self.up) && is_plain(&self.down) {
            true => 0,
            false => self.elapsed(),
        }
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
