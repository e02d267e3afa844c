//! A target that somebody else is about to play with: looked at before, and tidied up after.

use crate::{
    cx::Env,
    greet::{Offer, explore},
    ledger::{Leftover, Owner},
    naming::run_name,
    options::Options,
    runner::{RunError, let_in, reach, unspoken},
    target::address::Target,
};
use squall_protocol::{Version, packet::ConnAck};
use squall_transport::{Credentials, Endpoint};
use std::{collections::BTreeMap, rc::Rc, time::Duration};
use tokio::{task::LocalSet, time::timeout};

/// A target that was looked at.
#[derive(Debug)]
pub struct Visit {
    /// The address that accepts connections.
    pub endpoint: Endpoint,
    /// What every client has to say to be let in, if anything.
    pub credentials: Option<Credentials>,
    /// A name that no other run has: ten letters and digits.
    pub run: String,
    /// Its answer to a CONNECT of each version, or why there is none that lets a client in.
    pub answers: BTreeMap<Version, Result<ConnAck, String>>,
    wait: Duration,
}

/// Looks at a target: whether it can be reached, speaks MQTT, and lets clients in. Needs a runtime with network and time.
///
/// # Errors
/// When it cannot be reached at all, is no MQTT server, or does not let these clients in.
pub async fn visit(target: &Target, options: &Options) -> Result<Visit, RunError> {
    let endpoint = reach(target, options.wait).await?;
    let offers = explore(&endpoint, target.credentials.as_ref(), options).await;
    let offers = offers.map_err(|why| unspoken(target, why))?;
    let_in(target, &offers, &options.versions)?;
    let answers = Version::ALL.into_iter().zip(offers);
    Ok(Visit {
        endpoint,
        credentials: target.credentials.clone(),
        run: run_name(),
        answers: answers.map(|(v, offer)| (v, answer(offer))).collect(),
        wait: options.wait,
    })
}

fn answer(offer: Offer) -> Result<ConnAck, String> {
    match offer {
        Offer::Accepted(connack) => Ok((*connack).clone()),
        Offer::Unsupported { how, .. } | Offer::Broken(how) => Err(how),
        Offer::Refused(reason) => Err(format!("the target refuses clients with {reason}")),
        Offer::Useless(outcome) | Offer::Nothing(outcome) => Err(outcome.message),
    }
}

impl Visit {
    /// Ends these sessions and clears these retained messages, for at most `limit`, and gives what is perhaps still there
    /// after that. Needs a current-thread runtime.
    pub async fn tidy(&self, left: Vec<Leftover>, limit: Duration) -> Vec<Leftover> {
        let mut env = Env::new(self.endpoint.clone(), self.wait, self.run.clone());
        env.credentials.clone_from(&self.credentials);
        let owner = Owner { check: 0, case: 0 };
        for what in left {
            env.ledger.enter(owner, what);
        }
        let ledger = Rc::clone(&env.ledger);
        let clean = async { env.broom(limit).tidy(&ledger, None).await };
        // What was not done in time is still in the ledger.
        let _ = timeout(limit, LocalSet::new().run_until(clean)).await;
        ledger.all()
    }
}
