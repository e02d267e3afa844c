//! A CONNECT in the making, and what comes of it: the ordinary beginning of every check.

use crate::{
    cx::Cx,
    heard::unanswered,
    outcome::{Outcome, interrupted, not_applicable},
    party::{Client, refused},
    target::credentials::connect,
};
use squall_client::probe::{Heard, Probe, ProbeError};
use squall_protocol::{
    Packet, Properties, Property, QoS, Text,
    packet::{ConnAck, Connect, Will},
};

impl Cx {
    /// A connection to be made as `name` in the evidence.
    pub(crate) fn dial(&self, name: &'static str) -> Dial<'_> {
        Dial {
            cx: self,
            name,
            connect: connect(self.version, &self.id(), self.env.credentials.as_ref()),
        }
    }

    /// A plain connection with a clean session.
    pub(crate) async fn client(&self, name: &'static str) -> Result<Client<'_>, Outcome> {
        self.dial(name).go().await
    }

    /// Whether a client without credentials is let in, too. It is asked once in a run and only where others say some.
    pub(crate) async fn lets_anybody_in(&self) -> bool {
        if self.env.credentials.is_none() {
            return true;
        }
        let ask = || async {
            let asked = self.again();
            let mut dial = asked.dial("anybody");
            dial.connect.user_name = None;
            dial.connect.password = None;
            matches!(dial.try_go().await, Ok((_, connack)) if connack.reason.0 == 0)
        };
        *self.env.anonymous.get_or_init(ask).await
    }

    /// The positive control of checks whose subject is a refused CONNECT: a correct one is accepted, and the
    /// connection works.
    pub(crate) async fn accepts(&self) -> Result<(), Outcome> {
        let mut client = self.client("control").await?;
        client.fence().await?;
        client.bye().await;
        Ok(())
    }
}

/// A CONNECT in the making.
pub(crate) struct Dial<'a> {
    cx: &'a Cx,
    name: &'static str,
    pub(crate) connect: Connect,
}

impl<'a> Dial<'a> {
    /// Under this Client Identifier.
    pub(crate) fn id(mut self, id: &str) -> Self {
        self.connect.client_id = Text::from(id);
        self
    }

    /// With a session that outlives the connection: Clean Session 0, in 5.0 Clean Start 0 and an expiry of 60 s.
    pub(crate) fn kept(mut self) -> Self {
        self.connect.clean_start = false;
        if self.cx.five() {
            self.connect
                .properties
                .set(Property::SessionExpiryInterval(60));
        }
        self
    }

    /// With Clean Session or Clean Start as given.
    pub(crate) fn clean(mut self, clean: bool) -> Self {
        self.connect.clean_start = clean;
        self
    }

    /// With this Keep Alive in seconds.
    pub(crate) fn keep_alive(mut self, seconds: u16) -> Self {
        self.connect.keep_alive = seconds;
        self
    }

    /// With this property (5.0), in the place of an earlier one of its kind.
    pub(crate) fn property(mut self, property: Property) -> Self {
        self.connect.properties.set(property);
        self
    }

    /// With a will message.
    pub(crate) fn will(mut self, topic: &str, payload: &[u8], qos: QoS) -> Self {
        self.connect.will = Some(Will {
            topic: Text::from(topic),
            payload: payload.to_vec().into(),
            qos,
            retain: false,
            properties: Properties::new(),
        });
        self
    }

    /// Changes the will that was set.
    pub(crate) fn alter_will(mut self, change: impl FnOnce(&mut Will)) -> Self {
        if let Some(will) = &mut self.connect.will {
            change(will);
        }
        self
    }

    /// Opens the connection and waits for a CONNACK that accepts it.
    pub(crate) async fn go(self) -> Result<Client<'a>, Outcome> {
        let name = self.name;
        let cx = self.cx;
        let asked = self.connect.properties.session_expiry_interval();
        let (probe, connack) = self.try_go().await?;
        if connack.reason.0 != 0 {
            return Err(refused(cx.version, connack.reason));
        }
        // [X-5.0-connack-4]: the server's value counts, and a session that is gone at once proves nothing.
        let granted = connack.properties.session_expiry_interval();
        if let (Some(asked), Some(granted)) = (asked, granted)
            && granted < asked.min(10)
        {
            let text = format!(
                "the server keeps sessions for {granted} s only, as its Session Expiry Interval says"
            );
            return Err(not_applicable(text));
        }
        Ok(Client::new(cx, name, probe, connack))
    }

    /// Opens the connection and waits for a CONNACK of any code.
    pub(crate) async fn try_go(self) -> Result<(Probe, ConnAck), Outcome> {
        let cx = self.cx;
        let nameless = self.connect.client_id.is_empty();
        let version = self.connect.version;
        let (probe, heard) = self.answer().await?;
        match heard {
            Heard::Packet(Packet::ConnAck(connack)) => {
                if nameless {
                    cx.named(version, &connack);
                }
                Ok((probe, connack))
            }
            Heard::Violation(violation) => Err(Outcome::violation(&violation)),
            other => Err(unanswered(&other, cx.wait())),
        }
    }

    /// Opens the connection, sends the CONNECT and waits for whatever comes first.
    pub(crate) async fn answer(self) -> Result<(Probe, Heard), Outcome> {
        let cx = self.cx;
        let mut probe = cx.open(self.name).await?;
        let sent = self.send(&mut probe).await;
        sent.map_err(|error| interrupted(error.to_string()))?;
        let heard = probe.next(cx.wait()).await;
        Ok((probe, heard))
    }

    /// Sends it on a connection that is open.
    pub(crate) async fn send(self, probe: &mut Probe) -> Result<(), ProbeError> {
        self.cx.connecting(&self.connect);
        probe.send(&Packet::Connect(Box::new(self.connect))).await
    }
}
