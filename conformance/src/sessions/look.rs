//! Finds out what the target does with sessions, and tells checks that depend on it.

use super::Sessions;
use crate::{
    cx::Cx,
    outcome::{Outcome, inconclusive},
};
use squall_protocol::{QoS, packet::ConnAck};
use std::rc::Rc;

impl Sessions {
    /// Makes a session with a subscription, comes back and looks.
    async fn found_by(cx: Cx) -> Self {
        let found = Self::look(&cx).await.unwrap_or_default();
        cx.tidy().await;
        found
    }

    async fn look(cx: &Cx) -> Result<Self, Outcome> {
        let (id, topic) = (cx.id(), cx.topic("session"));
        let mut publisher = cx.client("publisher").await?;
        let mut client = cx.dial("client").id(&id).kept().go().await?;
        // A server may keep the state of QoS 1 and lose a subscription of QoS 0; session/kept judges that.
        let qos = client.subscribe_up_to(&topic, QoS::AtLeastOnce).await?;
        client.bye().await;
        let mut again = cx.dial("client again").id(&id).kept().go().await?;
        publisher.publish(&topic, qos, b"m").await?;
        let kept = again.message().await?.is_some();
        let said = again.connack.session_present;
        again.bye().await;
        publisher.bye().await;
        Ok(Self { said, kept })
    }
}

impl Cx {
    /// What this target does with sessions in this version, found out once in a run.
    pub(crate) async fn sessions(&self) -> Sessions {
        let known = &self.env.sessions[self.version as usize];
        let name = format!("s{}", self.version.level());
        // A number of its own: what it leaves is tidied up by itself, and nothing else with it.
        let number = usize::MAX - self.version as usize;
        let env = Rc::clone(&self.env);
        let cx = Self::new(env, self.version, number, name, self.main);
        *known.get_or_init(|| Sessions::found_by(cx)).await
    }

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
