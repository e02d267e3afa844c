//! A troupe of our own clients, and what is told to them.

use squall_client::{Command, Dial, Event};
use squall_protocol::{QoS, Version};
use squall_reports::{SimResult, Verdict};
use squall_saboteurs::client::{Habit, Memory, relay};
use squall_scenarios::{find, load_file, model::Scenario};
use squall_sim::{
    live::{Clients, End},
    world::turned::{Foreign, Hired, Hiring, Told, Troupe},
};
use squall_transport::{BoxStream, Endpoint, MemoryStream};
use std::{
    cell::RefCell,
    collections::VecDeque,
    io,
    ops::Range,
    path::Path,
    rc::Rc,
    sync::atomic::{AtomicBool, AtomicU64},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    runtime::Builder,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::{AbortHandle, spawn_local},
};

static NEVER: AtomicBool = AtomicBool::new(false);

/// What our clients are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    Plain,
    Habit(Habit),
    Slip(Slip),
    /// It does not tell what became of a message that it published.
    Mute,
}

/// What goes wrong between a client and its application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    /// It is given QoS 2 messages twice.
    Twice,
    /// It is not given every third message.
    Lost,
    /// It is given another payload.
    Changed,
    /// It is given another topic.
    Elsewhere,
}

impl Slip {
    pub(crate) const ALL: [Self; 4] = [Self::Twice, Self::Lost, Self::Changed, Self::Elsewhere];

    /// What the application is told in place of an event.
    fn told(self, event: Event, count: &mut u32) -> Vec<Event> {
        let Event::Delivered {
            mut message,
            dup,
            packet_id,
            receipt,
        } = event
        else {
            return vec![event];
        };
        *count += 1;
        match self {
            Self::Lost if count.is_multiple_of(3) => return Vec::new(),
            Self::Changed => message.payload = [&message.payload[..], b"!"].concat().into(),
            Self::Elsewhere => message.topic = format!("{}/x", message.topic).as_str().into(),
            Self::Twice | Self::Lost => {}
        }
        let times = if self == Self::Twice && message.qos == QoS::ExactlyOnce {
            2
        } else {
            1
        };
        let event = Event::Delivered {
            message,
            dup,
            packet_id,
            receipt,
        };
        vec![event; times]
    }
}

/// The stories of the library whose names begin so.
pub(crate) fn library(prefix: &str) -> Vec<Scenario> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let files = find(std::slice::from_ref(&root)).unwrap_or_else(|p| panic!("{p:#?}"));
    let stories = files
        .iter()
        .map(|f| load_file(f, &root).unwrap_or_else(|p| panic!("{p:#?}")));
    stories.filter(|s| s.name.starts_with(prefix)).collect()
}

/// Tells stories, in no time.
pub(crate) fn tell(scenarios: Vec<Scenario>, seeds: Range<u64>, manner: Manner) -> Vec<SimResult> {
    told(scenarios, Version::ALL.to_vec(), (seeds, manner))
}

/// What is found wrong with clients like this, first finding by story.
pub(crate) fn fails(scenarios: Vec<Scenario>, version: Version, manner: Manner) -> Vec<String> {
    let results = told(scenarios, vec![version], (0..1, manner));
    let failed = results
        .into_iter()
        .filter(|r| r.verdict == Verdict::Fail && !r.findings.is_empty());
    failed
        .map(|r| {
            let first = &r.findings[0];
            let cited: Vec<_> = first.statements.iter().map(|s| s.id.as_str()).collect();
            format!(
                "{}: {} {:?}: {}",
                r.scenario, first.rule, cited, first.message
            )
        })
        .collect()
}

fn told(
    scenarios: Vec<Scenario>,
    versions: Vec<Version>,
    (seeds, manner): (Range<u64>, Manner),
) -> Vec<SimResult> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let clients = Clients {
        scenarios,
        versions,
        seeds: (seeds.start, seeds.end),
        jobs: 500,
        patience: Duration::from_secs(180),
        troupe: Rc::new(Ours { manner }),
    };
    runtime.block_on(async {
        let mut results = Vec::new();
        let done = AtomicU64::new(0);
        let end = clients
            .run(&done, &NEVER, |ended| results.push(ended.result))
            .await;
        assert_eq!(end, End::Whole);
        results
    })
}

struct Ours {
    manner: Manner,
}

impl Troupe for Ours {
    fn hire<'t>(&'t self, hiring: Hiring<'t>) -> Hired<'t> {
        let (commands, orders) = unbounded_channel();
        let (teller, told) = unbounded_channel();
        let memory = match self.manner {
            Manner::Habit(habit) => Some(Rc::new(RefCell::new(Memory::new(habit)))),
            _ => None,
        };
        let dialer = Dialer {
            endpoint: hiring.endpoint,
            memory,
        };
        let observer = move |_, event: &Event| {
            // Nobody may listen any more.
            let _ = teller.send(event.clone());
        };
        let task = spawn_local(squall_client::run(dialer, orders, observer)).abort_handle();
        let actor = Actor {
            manner: self.manner,
            commands,
            told,
            count: 0,
            more: VecDeque::new(),
            task,
        };
        Box::pin(async move { Ok(Box::new(actor) as Box<dyn Foreign>) })
    }

    fn in_memory(&self) -> bool {
        true
    }
}

/// A client of ours that is driven like somebody else's.
struct Actor {
    manner: Manner,
    commands: UnboundedSender<Command>,
    told: UnboundedReceiver<Event>,
    count: u32,
    more: VecDeque<Event>,
    task: AbortHandle,
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Foreign for Actor {
    fn tell(&mut self, command: Command) {
        self.commands.send(command).expect("the driver runs");
    }

    fn poll_told(&mut self, cx: &mut Context<'_>) -> Poll<Told> {
        loop {
            if let Some(event) = self.more.pop_front() {
                return Poll::Ready(Told::Event(event));
            }
            let Poll::Ready(event) = self.told.poll_recv(cx) else {
                return Poll::Pending;
            };
            let Some(event) = event else {
                return Poll::Pending;
            };
            match self.manner {
                Manner::Slip(slip) => self.more.extend(slip.told(event, &mut self.count)),
                Manner::Mute if matches!(event, Event::Acknowledged { .. }) => {}
                _ => self.more.push_back(event),
            }
        }
    }
}

/// Dials, with somebody on the wire if the client has a habit.
struct Dialer {
    endpoint: Endpoint,
    memory: Option<Rc<RefCell<Memory>>>,
}

impl Dial for Dialer {
    type Stream = BoxStream;

    async fn dial(&mut self) -> io::Result<BoxStream> {
        let server = self.endpoint.dial().await?;
        let Some(memory) = &self.memory else {
            return Ok(server);
        };
        let (near, far) = MemoryStream::pair();
        let memory = Rc::clone(memory);
        spawn_local(async move {
            // How it ended both ends see.
            let _ = relay(memory, far, server).await;
        });
        Ok(Box::new(near))
    }
}
