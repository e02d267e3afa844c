//! Which messages a client of a check has got, and which it has not: by order where the standard orders them, else by
//! time. What is late is told apart from what is lost. Nothing here knows what a message has to look like.

use crate::{
    outcome::{Outcome, inconclusive},
    party::Client,
};
use squall_protocol::{Packet, QoS, packet::Publish};
use squall_reports::Verdict;
use std::time::Duration;
use tokio::time::Instant;

impl Client<'_> {
    /// The next message, `None` when none comes within the wait.
    pub(crate) async fn message(&mut self) -> Result<Option<Publish>, Outcome> {
        self.message_within(self.cx.wait()).await
    }

    /// The next message, `None` when none comes within `limit`.
    pub(crate) async fn message_within(
        &mut self,
        limit: Duration,
    ) -> Result<Option<Publish>, Outcome> {
        if let Some(publish) = self.inbox.pop_front() {
            return Ok(Some(publish));
        }
        let until = Instant::now() + limit;
        while let Some(packet) = self.hear(until).await? {
            match packet {
                Packet::Publish(publish) => return Ok(Some(publish)),
                other => self.keep(other)?,
            }
        }
        self.probe.note(format!("no message within {limit:?}"));
        Ok(None)
    }

    /// All messages before the one whose payload is `mark`, and that one as the last. What is missing before it is lost
    /// only where the standard orders both: one publisher, one topic and one QoS, a subscription that is not shared, and
    /// first deliveries [MQTT-4.6.0-6]. For everything else there are [`Self::gathered`] and [`Self::quiet`].
    pub(crate) async fn messages_to(&mut self, mark: &[u8]) -> Result<Vec<Publish>, Outcome> {
        let is_last = |m: &Publish| &m.payload[..] == mark;
        let messages = self.gathered(|all| all.last().is_some_and(is_last)).await?;
        match messages.last().is_some_and(is_last) {
            true => Ok(messages),
            false => Err(inconclusive(format!(
                "{} did not get `{}`, the message that ends the wait, within {:?}",
                self.name,
                String::from_utf8_lossy(mark),
                self.cx.wait()
            ))),
        }
    }

    /// Like [`Self::messages_to`], and waits for what is `wanted` too: what is not there then is lost. For messages that
    /// the standard orders; one that comes, but after the mark that was published later, is not lost, it is out of order.
    pub(crate) async fn ordered_to(
        &mut self,
        wanted: &[&[u8]],
        mark: &[u8],
    ) -> Result<Vec<Publish>, Outcome> {
        let at = |all: &[Publish], payload: &[u8]| all.iter().position(|m| m.payload == payload);
        let there = |all: &[Publish], payload: &[u8]| at(all, payload).is_some();
        let enough =
            |all: &[Publish]| there(all, mark) && wanted.iter().all(|payload| there(all, payload));
        let got = self.gathered(enough).await?;
        let Some(last) = at(&got, mark) else {
            return Err(inconclusive(format!(
                "{} did not get `{}`, the message that ends the wait, within {:?}",
                self.name,
                String::from_utf8_lossy(mark),
                self.cx.wait()
            )));
        };
        let late = wanted
            .iter()
            .filter_map(|payload| at(&got, payload))
            .find(|at| *at > last);
        match late {
            None => Ok(got),
            Some(late) => {
                let text = format!(
                    "`{}` came after `{}`, which was published later: same publisher, topic and QoS",
                    String::from_utf8_lossy(&got[late].payload),
                    String::from_utf8_lossy(mark)
                );
                let rule = self.cx.pick("MQTT-4.6.0-6", "MQTT-4.6.0-5");
                let outcome = Outcome::new(Verdict::Fail, text).citing(&[rule]);
                Err(outcome.showing(&Packet::Publish(got[late].clone())))
            }
        }
    }

    /// Messages until `enough` holds for them; after the wait without, whatever has come. What is late is taken like what
    /// is in time; what is missing then is lost.
    pub(crate) async fn gathered(
        &mut self,
        mut enough: impl FnMut(&[Publish]) -> bool,
    ) -> Result<Vec<Publish>, Outcome> {
        let until = Instant::now() + self.cx.wait();
        let mut messages = Vec::new();
        while !enough(&messages) {
            let left = until.saturating_duration_since(Instant::now());
            match self.message_within(left).await? {
                Some(publish) => messages.push(publish),
                None => break,
            }
        }
        Ok(messages)
    }

    /// Everything that comes until nothing has come for the quiet time, or for as long as an answer is waited for.
    pub(crate) async fn quiet(&mut self) -> Result<Vec<Publish>, Outcome> {
        let until = Instant::now() + self.cx.wait().max(self.cx.quiet());
        let mut messages = Vec::new();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.message_within(left.min(self.cx.quiet())).await? {
                Some(publish) => messages.push(publish),
                None => return Ok(messages),
            }
        }
    }

    /// [`Self::gathered`], and then everything until it is [quiet](Self::quiet): also what may come later.
    pub(crate) async fn all(
        &mut self,
        enough: impl FnMut(&[Publish]) -> bool,
    ) -> Result<Vec<Publish>, Outcome> {
        let mut messages = self.gathered(enough).await?;
        messages.extend(self.quiet().await?);
        Ok(messages)
    }

    /// Everything up to the message `mark`, without which it is inconclusive, and until it is quiet after it.
    pub(crate) async fn all_beside(&mut self, mark: &[u8]) -> Result<Vec<Publish>, Outcome> {
        let mut messages = self.messages_to(mark).await?;
        messages.extend(self.quiet().await?);
        Ok(messages)
    }

    /// The positive control of a pair: a message of `publisher` on `topic` reaches this client.
    pub(crate) async fn hears(
        &mut self,
        publisher: &mut Client<'_>,
        topic: &str,
        qos: QoS,
    ) -> Result<(), Outcome> {
        // Both at once: a server may wait for this client's acknowledgement before it sends its own.
        let (published, all) = tokio::join!(
            publisher.publish(topic, qos, b"control"),
            self.messages_to(b"control")
        );
        published?;
        all.map(drop).map_err(|mut outcome| {
            if outcome.is_inconclusive() {
                outcome.message =
                    format!("an ordinary message does not arrive: {}", outcome.message);
            }
            outcome
        })
    }

    /// Messages that have come and were not yet looked at.
    pub(crate) fn waiting(&mut self) -> Vec<Publish> {
        self.inbox.drain(..).collect()
    }
}
