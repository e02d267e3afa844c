//! Several servers of one product, where one bears only so many stories at once.

use super::conform::interrupted;
use crate::{
    args::Tls,
    exit::{CliError, Result},
    target::Judgeable,
};
use squall_conformance::{Process, Target};
use squall_transport::Endpoint;
use std::rc::Rc;
use tokio::{
    runtime::Runtime,
    task::{JoinSet, LocalSet},
};

/// Servers of a product that run at once, at most.
const MOST: usize = 24;

/// The servers of a product beyond the first.
pub(super) struct Servers(Vec<(Target, Rc<Process>)>);

impl Servers {
    /// As many as it takes to tell `jobs` stories at once; none where one bears as many as there are, or Squall does not
    /// start it. Nothing runs yet.
    pub(super) fn beside(broker: &Judgeable, jobs: usize, tls: &Tls) -> Result<Self> {
        let file = broker.file.as_ref().filter(|_| broker.process.is_some());
        let Some((file, bears)) = file.and_then(|f| Some((f, f.jobs?))) else {
            return Ok(Self(Vec::new()));
        };
        let count = jobs.div_ceil(bears.into()).clamp(1, MOST);
        let more = (1..count).map(|_| Judgeable::of(file.clone(), None, tls));
        let more = more.collect::<Result<Vec<_>>>()?;
        let started = |b: Judgeable| Some((b.target, b.process?));
        Ok(Self(more.into_iter().filter_map(started).collect()))
    }

    /// How many servers there are with the first.
    pub(super) fn count(&self) -> usize {
        self.0.len() + 1
    }

    /// Where they answer.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = Endpoint> {
        self.0.iter().map(|(_, process)| process.endpoint())
    }

    /// Starts them all at once; false when a signal came first.
    pub(super) fn start(&self, runtime: &Runtime, product: &str) -> Result<bool> {
        let start = async {
            let mut starting = JoinSet::new();
            for (target, process) in &self.0 {
                let (target, process) = (target.clone(), Rc::clone(process));
                starting.spawn_local(async move { target.start(&process).await });
            }
            while let Some(started) = starting.join_next().await {
                started.expect("nothing panics there")?;
            }
            Ok::<(), squall_conformance::ProcessError>(())
        };
        let started = LocalSet::new().block_on(runtime, async {
            tokio::select! {
                biased;
                () = interrupted() => None,
                started = start => Some(started),
            }
        });
        match started {
            None => Ok(false),
            Some(Ok(())) => Ok(true),
            Some(Err(error)) => {
                let count = self.count();
                let message = format!("{count} servers of {product} do not start: {error}");
                let help = "`--jobs 1` tells one story after the other to one server";
                Err(CliError::unreachable(message).help(help))
            }
        }
    }

    /// Stops them all at once.
    pub(super) fn stop(&self, runtime: &Runtime) {
        LocalSet::new().block_on(runtime, async {
            let mut stopping = JoinSet::new();
            for (_, process) in &self.0 {
                let process = Rc::clone(process);
                stopping.spawn_local(async move { process.stop().await });
            }
            while stopping.join_next().await.is_some() {}
        });
    }
}
