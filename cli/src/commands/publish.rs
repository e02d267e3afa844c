//! `squall pub`: messages from the command line, a file or standard input to a broker.

mod payloads;

use super::caller::{Line, Over, Trouble, Work, needs_5_0, with_client};
use crate::{
    args::Publish,
    exit::{CliError, Ending, Result},
    input::bytes_of,
    screen,
};
use bytes::Bytes;
use payloads::Payloads;
use squall_client::{Delivery, Handle, Message, Publication};
use squall_protocol::{PacketType, Properties, Property, QoS, ReasonCode, Version};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};
use tokio::{
    select,
    time::{Interval, MissedTickBehavior, interval},
};

/// Messages whose outcome is not known yet, at most; the client has bounds of its own below.
const UNDER_WAY: usize = 1_000;

pub(crate) fn run(args: &Publish) -> Result<Ending> {
    let publisher = Publisher {
        args,
        properties: properties(args)?,
        payloads: RefCell::new(Payloads::new(args)?),
        published: Cell::new(0),
        refused: Cell::new(0),
    };
    Ok(match with_client(&args.url, &args.caller, &publisher)? {
        Over::Done(ending) => ending,
        Over::Signalled(signal) => Ending::Interrupted(128 + signal),
    })
}

/// The properties that were asked for.
fn properties(args: &Publish) -> Result<Properties> {
    let of = &args.properties;
    let mut all = Properties::new();
    let hex = |digits: &String| {
        bytes_of(digits).map_err(|why| CliError::input(format!("--correlation-hex: {why}")))
    };
    let correlation = match (&of.correlation_data, &of.correlation_hex) {
        (Some(text), _) => Some(Bytes::copy_from_slice(text.as_bytes())),
        (None, Some(digits)) => Some(hex(digits)?.into()),
        (None, None) => None,
    };
    let each = [
        of.payload_format_indicator
            .map(Property::PayloadFormatIndicator),
        of.message_expiry.map(Property::MessageExpiryInterval),
        of.content_type.clone().map(Property::ContentType),
        of.response_topic.clone().map(Property::ResponseTopic),
        correlation.map(Property::CorrelationData),
    ];
    each.into_iter().flatten().for_each(|one| all.push(one));
    for (name, value) in &of.user_property {
        all.push(Property::UserProperty(name.clone(), value.clone()));
    }
    if !all.is_empty() {
        needs_5_0(args.caller.mqtt, "properties of a message")?;
    }
    Ok(all)
}

struct Publisher<'a> {
    args: &'a Publish,
    properties: Properties,
    payloads: RefCell<Payloads>,
    /// Messages that the broker has taken.
    published: Cell<u64>,
    /// Messages that it has not.
    refused: Cell<u64>,
}

impl Work for Publisher<'_> {
    async fn work(&self, client: Handle, line: &Line) -> std::result::Result<Ending, Trouble> {
        line.answer("CONNECT", client.connected()).await?;
        let mut under_way = VecDeque::new();
        let mut clock = self.args.every.map(interval);
        if let Some(clock) = &mut clock {
            clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let mut payloads = self.payloads.take();
        while let Some(payload) = self.next(&mut payloads, &mut under_way, line).await? {
            for _ in 0..self.args.repeat {
                self.pause(clock.as_mut(), line).await?;
                let message = self.message(payload.clone());
                let queued = line.answer("PUBLISH", client.enqueue(message)).await?;
                under_way.push_back(queued);
                let room = match clock {
                    Some(_) => 0,
                    None => UNDER_WAY,
                };
                self.settle(&mut under_way, room, line).await?;
            }
        }
        self.settle(&mut under_way, 0, line).await?;
        let (published, refused) = (self.published.get(), self.refused.get());
        line.tell(|| format!("published {published}, refused {refused}"));
        Ok(match refused {
            0 => Ending::Good,
            _ => Ending::Failed,
        })
    }

    fn unclaimed(&self, delivery: Delivery) {
        // A session that is gone on with may bring messages; who only publishes leaves them to whoever comes for them.
        drop(delivery);
    }
}

impl Publisher<'_> {
    /// The next payload. Meanwhile outcomes are told as they come, and a connection that ends ends the wait.
    async fn next(
        &self,
        payloads: &mut Payloads,
        under_way: &mut VecDeque<Publication>,
        line: &Line,
    ) -> std::result::Result<Option<Bytes>, Trouble> {
        loop {
            let outcome = async {
                match under_way.front_mut() {
                    Some(first) => first.await,
                    None => std::future::pending().await,
                }
            };
            select! {
                biased;
                payload = payloads.next() => return Ok(payload?),
                reason = outcome => {
                    let reason = line.answer("PUBLISH", async { reason }).await?;
                    under_way.pop_front();
                    self.heard(reason, line);
                }
                () = line.ended() => return Err(Trouble::Gone),
            }
        }
    }

    /// Waits for the time of the next message.
    async fn pause(
        &self,
        clock: Option<&mut Interval>,
        line: &Line,
    ) -> std::result::Result<(), Trouble> {
        let Some(clock) = clock else {
            return Ok(());
        };
        select! {
            biased;
            _ = clock.tick() => Ok(()),
            () = line.ended() => Err(Trouble::Gone),
        }
    }

    /// Waits until no more than this many are under way.
    async fn settle(
        &self,
        under_way: &mut VecDeque<Publication>,
        most: usize,
        line: &Line,
    ) -> std::result::Result<(), Trouble> {
        while under_way.len() > most
            && let Some(first) = under_way.front_mut()
        {
            let reason = line.answer("PUBLISH", first).await?;
            under_way.pop_front();
            self.heard(reason, line);
        }
        Ok(())
    }

    fn heard(&self, reason: ReasonCode, line: &Line) {
        let (counter, topic) = match reason.is_error() {
            true => (&self.refused, self.args.topic.as_str()),
            false => (&self.published, self.args.topic.as_str()),
        };
        counter.set(counter.get() + 1);
        let packet = match self.args.qos {
            QoS::ExactlyOnce => PacketType::PubRec,
            _ => PacketType::PubAck,
        };
        if reason.is_error() {
            let words = line.words(packet, reason);
            screen::complain(&format!("{topic}: the broker refuses it: {words}"));
        } else if self.args.caller.mqtt == Version::V3_1_1 || self.args.qos == QoS::AtMostOnce {
            // There is no code to be told.
            line.tell(|| format!("{topic}: published"));
        } else {
            line.tell(|| format!("{topic}: published, {}", line.words(packet, reason)));
        }
    }

    fn message(&self, payload: Bytes) -> Message {
        Message {
            retain: self.args.retain,
            properties: self.properties.clone(),
            ..Message::new(self.args.topic.clone(), payload, self.args.qos)
        }
    }
}
