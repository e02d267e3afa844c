//! `squall sub`: what comes for some subscriptions, printed.

mod shown;

use super::caller::{Line, Over, Trouble, Work, needs_5_0, with_client};
use crate::{
    args::{self, Subscribe},
    exit::{CliError, Ending, Result},
    screen,
};
use shown::shown;
use squall_client::{Delivery, Handle, Messages, RequestError};
use squall_protocol::{
    PacketType, Version,
    packet::{RetainHandling, Subscription},
    topic::TopicFilter,
};
use std::{
    cell::{Cell, RefCell},
    io::IsTerminal,
};
use tokio::{
    select,
    sync::Notify,
    time::{Duration, sleep},
};

pub(crate) fn run(args: &Subscribe) -> Result<Ending> {
    if args.format == args::Shown::Raw && std::io::stdout().is_terminal() {
        return Err(CliError::input("--format raw is nothing for a terminal")
            .help("send it to a file or another program, or print hex"));
    }
    let subscriber = Subscriber {
        args,
        subscriptions: subscriptions(args)?,
        left: Cell::new(args.count),
        came: Cell::new(0),
        refused: Cell::new(false),
        failed: RefCell::default(),
        is_over: Cell::new(false),
        over: Notify::new(),
    };
    match (
        with_client(&args.url, &args.caller, &subscriber)?,
        args.count,
    ) {
        (Over::Done(ending), _) => Ok(ending),
        (Over::Signalled(_), None) => Ok(subscriber.ending()),
        (Over::Signalled(signal), Some(_)) => Ok(Ending::Interrupted(128 + signal)),
    }
}

fn subscriptions(args: &Subscribe) -> Result<Vec<Subscription>> {
    let version = args.caller.mqtt;
    for (is_said, flag) in [
        (args.no_local, "--no-local"),
        (args.retain_as_published, "--retain-as-published"),
        (args.retain_handling > 0, "--retain-handling"),
    ] {
        if is_said {
            needs_5_0(version, flag)?;
        }
    }
    let one = |text: &squall_protocol::Text| {
        let filter = match version {
            Version::V3_1_1 => TopicFilter::parse_v3(text.clone()),
            Version::V5_0 => TopicFilter::parse_v5(text.clone()),
        };
        let filter = filter.map_err(|error| CliError::input(format!("`{text}`: {error}")))?;
        Ok(Subscription {
            no_local: args.no_local,
            retain_as_published: args.retain_as_published,
            retain_handling: RetainHandling::from_bits(args.retain_handling).unwrap_or_default(),
            ..Subscription::new(filter, args.qos)
        })
    };
    args.filters.iter().map(one).collect()
}

struct Subscriber<'a> {
    args: &'a Subscribe,
    subscriptions: Vec<Subscription>,
    /// Messages that are still wanted, where there is a number.
    left: Cell<Option<u64>>,
    came: Cell<u64>,
    /// Whether the broker has refused a subscription.
    refused: Cell<bool>,
    /// Why standard output takes no more.
    failed: RefCell<Option<CliError>>,
    /// Whether nothing more is to be printed.
    is_over: Cell<bool>,
    over: Notify,
}

impl Work for Subscriber<'_> {
    async fn work(&self, client: Handle, line: &Line) -> std::result::Result<Ending, Trouble> {
        line.answer("CONNECT", client.connected()).await?;
        let mut messages = match self.subscriptions.is_empty() {
            true => None,
            false => match self.subscribed(&client, line).await? {
                None => return Ok(Ending::Failed),
                messages => messages,
            },
        };
        let time = async {
            match self.args.r#for {
                Some(time) => sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let taking = async {
            loop {
                let next = match &mut messages {
                    Some(messages) => messages.next().await,
                    None => std::future::pending().await,
                };
                match next {
                    Some(delivery) => self.take(delivery),
                    None => return,
                }
            }
        };
        select! {
            biased;
            () = self.over.notified() => {}
            () = time => return self.late(),
            () = taking => return Err(Trouble::Gone),
            // Without a subscription nothing else tells.
            () = line.ended(), if self.subscriptions.is_empty() => return Err(Trouble::Gone),
        }
        match self.failed.take() {
            Some(error) => Err(error.into()),
            None => Ok(self.ending()),
        }
    }

    fn unclaimed(&self, delivery: Delivery) {
        self.take(delivery);
    }
}

impl Subscriber<'_> {
    /// Subscribes, and says what the broker refuses; `None` if that is all of it.
    async fn subscribed(
        &self,
        client: &Handle,
        line: &Line,
    ) -> std::result::Result<Option<Messages>, Trouble> {
        let subscribing = client.subscribe(self.subscriptions.clone());
        let subscribed = async {
            match subscribing.await {
                Err(RequestError::NotGranted(codes)) => Ok((None, codes)),
                other => other.map(|messages| {
                    let codes = messages.granted().to_vec();
                    (Some(messages), codes)
                }),
            }
        };
        let (messages, codes) = line.answer("SUBSCRIBE", subscribed).await?;
        for (filter, code) in self.args.filters.iter().zip(codes) {
            let words = line.words(PacketType::SubAck, code);
            if code.is_error() {
                self.refused.set(true);
                screen::complain(&format!("{filter}: the broker refuses it: {words}"));
            } else {
                line.tell(|| format!("{filter}: subscribed, {words}"));
            }
        }
        Ok(messages)
    }

    /// Prints a message, and then acknowledges it.
    fn take(&self, mut delivery: Delivery) {
        if self.is_over.get() {
            return;
        }
        match self.print(&delivery) {
            Ok(true) => {}
            // Nobody reads any more.
            Ok(false) => return self.end(),
            Err(error) => {
                self.failed.replace(Some(error));
                return self.end();
            }
        }
        delivery.acknowledge();
        self.came.set(self.came.get() + 1);
        if let Some(left) = self.left.get() {
            self.left.set(Some(left - 1));
            if left == 1 {
                self.end();
            }
        }
    }

    fn print(&self, delivery: &Delivery) -> Result<bool> {
        if self.args.format == args::Shown::Raw {
            return screen::show_bytes(&[&delivery.payload[..], b"\n"].concat());
        }
        screen::show(&shown(delivery, self.args))
    }

    fn end(&self) {
        self.is_over.set(true);
        self.over.notify_one();
    }

    fn ending(&self) -> Ending {
        match self.refused.get() {
            true => Ending::Failed,
            false => Ending::Good,
        }
    }

    /// The time is up.
    fn late(&self) -> std::result::Result<Ending, Trouble> {
        let (Some(count), Some(time)) = (self.args.count, self.args.r#for) else {
            return Ok(self.ending());
        };
        let (came, time) = (self.came.get(), in_words(time));
        Err(CliError::unreachable(format!("{came} of {count} messages came within {time}")).into())
    }
}

fn in_words(time: Duration) -> String {
    format!("{time:?}")
}
