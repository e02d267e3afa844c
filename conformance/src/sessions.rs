//! What a target does with sessions: whether it keeps them, and whether Session Present says so. Found out once in a
//! run, so that a check whose subject is something in a session does not take a wrong flag for a lost session.

use crate::{
    cx::Cx,
    outcome::{Outcome, inconclusive},
};
use squall_protocol::{QoS, packet::ConnAck};

/// What was found. When it could not be found out, it counts as not kept.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sessions {
    /// Session Present was 1 for a session with a subscription.
    pub(crate) said: bool,
    /// The subscription of that session delivered without a new SUBSCRIBE.
    pub(crate) kept: bool,
}

impl Sessions {
    /// Makes a session with a subscription, comes back and looks.
    pub(crate) async fn found_by(cx: Cx) -> Self {
        let found = Self::look(&cx).await.unwrap_or_default();
        cx.tidy().await;
        found
    }

    async fn look(cx: &Cx) -> Result<Self, Outcome> {
        let (id, topic) = (cx.id(), cx.topic("session"));
        let mut publisher = cx.client("publisher").await?;
        let mut client = cx.dial("client").id(&id).kept().go().await?;
        client.subscribe(&topic, QoS::AtMostOnce).await?;
        client.bye().await;
        let mut again = cx.dial("client again").id(&id).kept().go().await?;
        publisher.publish(&topic, QoS::AtMostOnce, b"m").await?;
        let kept = again.message().await?.is_some();
        let said = again.connack.session_present;
        again.bye().await;
        publisher.bye().await;
        Ok(Self { said, kept })
    }
}

impl Cx {
    /// Whether a session that should be there is: by its CONNACK, or although that says otherwise.
    pub(crate) async fn resumed(&self, connack: &ConnAck) -> Result<(), Outcome> {
        if connack.session_present || self.sessions().await.kept {
            return Ok(());
        }
        Err(inconclusive(
            "the server keeps no session; session/kept judges that",
        ))
    }

    /// For checks that only Session Present can tell something.
    pub(crate) async fn told(&self, connack: &ConnAck) -> Result<(), Outcome> {
        self.resumed(connack).await?;
        match connack.session_present {
            true => Ok(()),
            false => Err(inconclusive(
                "Session Present is 0 for a session that is there, so it does not tell; session/kept judges that",
            )),
        }
    }
}
