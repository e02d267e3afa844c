//! A target that was lost in the middle of a run: whether it is dead, comes back by itself, or is started anew.
//!
//! That a connection ends is no death: no statement forbids a server to close any. Dead is a target whose process has
//! ended, or where nobody listens any more.

use crate::{cx::Env, greet::Offer, target::credentials::connect};
use squall_client::probe::{Heard, Probe, ProbeError};
use squall_protocol::{Packet, Version};
use std::{io::ErrorKind, rc::Rc, time::Duration};
use tokio::time::{Instant, sleep};

/// So often a target that nobody here starts may die and come back.
const MOST_LIVES: u32 = 3;
/// So often one is started anew.
const MOST_STARTS: u32 = 48;

/// The lives of a target.
pub(crate) struct Lives<'r> {
    env: &'r Rc<Env>,
    offers: &'r [Offer; 2],
    /// How often it was alive again by itself.
    back: u32,
    /// How often it was started anew.
    starts: u32,
    /// Why it could not be started anew.
    pub(crate) trouble: Option<String>,
}

impl<'r> Lives<'r> {
    pub(crate) const fn new(env: &'r Rc<Env>, offers: &'r [Offer; 2]) -> Self {
        Self {
            env,
            offers,
            back: 0,
            starts: 0,
            trouble: None,
        }
    }

    /// Whether somebody here can start it anew.
    pub(crate) fn may_be_started(&self) -> bool {
        self.env.process.is_some()
    }

    /// Waits for it to answer a new client again, as one does that somebody starts anew, or starts it. Whether it lives.
    pub(crate) async fn come_back(&mut self) -> bool {
        // Refused connections are no death for somebody else's target: whoever runs it may start it anew.
        let hopeless = self.may_be_started() && self.death().await.is_some();
        if !hopeless && self.back < MOST_LIVES && self.answers_in_time().await {
            self.back += 1;
            self.env.gone.set(None);
            return true;
        }
        self.start_anew().await
    }

    /// Starts it anew, whether it is dead or not. Whether it lives then.
    pub(crate) async fn start_anew(&mut self) -> bool {
        let Some(process) = &self.env.process else {
            return false;
        };
        if self.starts >= MOST_STARTS {
            self.trouble = Some(format!("it was started anew {MOST_STARTS} times already"));
            return false;
        }
        self.starts += 1;
        match process.restart().await {
            Ok(()) => {
                self.env.gone.set(None);
                true
            }
            Err(error) => {
                self.trouble = Some(format!("it could not be started anew: {error}"));
                false
            }
        }
    }

    /// How the target is dead, if it is: its process has ended, or connections are refused for as long as three answers
    /// may take.
    pub(crate) async fn death(&self) -> Option<String> {
        let until = Instant::now() + self.patience();
        loop {
            let process = self.env.process.as_ref();
            if let Some(status) = process.and_then(|process| process.ended()) {
                return Some(format!("its process ended ({status})"));
            }
            match Probe::connect(self.env.endpoint.clone(), self.wait()).await {
                Err(ProbeError::Connect(_, error))
                    if error.kind() == ErrorKind::ConnectionRefused => {}
                _ => return None,
            }
            if Instant::now() >= until {
                return Some("it accepts no connection any more".to_owned());
            }
            sleep(self.env.wait / 10).await;
        }
    }

    async fn answers_in_time(&self) -> bool {
        let until = Instant::now() + self.patience();
        while Instant::now() < until {
            if self.answers().await {
                return true;
            }
            sleep(self.env.wait / 10).await;
        }
        false
    }

    /// Whether it answers a new client.
    async fn answers(&self) -> bool {
        let Ok(mut probe) = Probe::connect(self.env.endpoint.clone(), self.wait()).await else {
            return false;
        };
        let version = match &self.offers[0] {
            Offer::Accepted(_) => Version::V3_1_1,
            _ => Version::V5_0,
        };
        let id = format!("{}back{}", self.env.run, self.back);
        let first = connect(version, &id, self.env.credentials.as_ref());
        if probe.send(&Packet::Connect(Box::new(first))).await.is_err() {
            return false;
        }
        let heard = probe.next(self.wait()).await;
        let answered = matches!(heard, Heard::Packet(_) | Heard::Violation(_));
        probe.disconnect(Duration::ZERO).await;
        answered
    }

    fn wait(&self) -> Duration {
        self.env.pace.get().answer()
    }

    fn patience(&self) -> Duration {
        3 * self.wait()
    }
}
