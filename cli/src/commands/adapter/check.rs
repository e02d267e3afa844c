//! `squall adapter check`: does an adapter do what the protocol says? Each probe has a broker of its own; one that breaks
//! the adapter costs that adapter, and the next one gets another.

use super::{
    cx::{Cx, Trouble},
    probes::{PROBES, Probe},
    stage::Stage,
};
use crate::{
    exit::{CliError, Ending, Result},
    screen::Printer,
};
use serde_json::json;
use squall_broker::Config;
use squall_clients::{Adapter, AdapterError, Command, Introduction};
use squall_protocol::Version;
use squall_reports::visible::{block, wrap};

/// Columns of everything that is printed.
const WIDTH: usize = 80;

/// What became of a probe.
pub(super) struct Line {
    verdict: Verdict,
    /// In which version, where it matters.
    mqtt: Option<Version>,
    title: String,
    /// What is wrong, or not supported.
    detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    Unsupported,
    Wrong,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unsupported => "unsupported",
            Self::Wrong => "wrong",
        }
    }
}

impl Line {
    fn new(mqtt: Option<Version>, title: &str, found: std::result::Result<(), Trouble>) -> Self {
        let (verdict, detail) = match found {
            Ok(()) => (Verdict::Ok, String::new()),
            Err(Trouble::Unsupported(what)) => (Verdict::Unsupported, what),
            Err(Trouble::Wrong(what)) => (Verdict::Wrong, what),
            Err(Trouble::Broken(error)) => (Verdict::Wrong, with_advice(&error)),
        };
        Self {
            verdict,
            mqtt,
            title: title.to_owned(),
            detail,
        }
    }

    /// As people read it: one line, and what there is to say below it.
    fn text(&self) -> String {
        let mqtt = self.mqtt.map_or("", Version::as_str);
        let mut text = format!("{:11}  {mqtt:5}  {}", self.verdict.word(), self.title);
        let indent = "    ";
        for line in self.detail.lines() {
            for part in wrap(&block(line), WIDTH - indent.len()) {
                text.extend(["\n", indent, &part]);
            }
        }
        text
    }

    fn json(&self) -> String {
        let (mqtt, verdict) = (self.mqtt.map(Version::as_str), self.verdict.word());
        json!({"verdict": verdict, "mqtt": mqtt, "probe": self.title, "detail": self.detail})
            .to_string()
    }
}

/// What went wrong with an adapter and what to do about it.
pub(super) fn with_advice(error: &AdapterError) -> String {
    format!("{error}\n{}", error.trouble.advice())
}

/// Tries everything and prints it as it comes.
pub(super) async fn check(command: &Command, as_json: bool) -> Result<Ending> {
    let adapter = Adapter::start(command).await;
    let adapter = adapter
        .map_err(|error| CliError::unreachable(error.to_string()).help(error.trouble.advice()))?;
    let mut check = Check {
        command: command.clone(),
        printer: Printer::new(),
        as_json,
        counts: [0; 3],
        number: 0,
    };
    let who = adapter.introduction().clone();
    let adapter = check.every_probe(adapter, &who.mqtt).await?;
    let found = match adapter {
        Some(adapter) => adapter.stop().await,
        None => Ok(()),
    };
    check.say(&Line::new(None, "stop", found.map_err(Trouble::from)))?;
    let found = check.end_of_input().await;
    check.say(&Line::new(None, "end where standard input ends", found))?;
    check.sum(&who)
}

struct Check {
    command: Command,
    printer: Printer,
    as_json: bool,
    /// How often each verdict came.
    counts: [usize; 3],
    /// How many probes there were.
    number: usize,
}

impl Check {
    fn say(&mut self, line: &Line) -> Result<()> {
        self.counts[line.verdict as usize] += 1;
        let text = match self.as_json {
            true => line.json(),
            false => line.text(),
        };
        self.printer.line(&text)?;
        self.printer.flush().map(drop)
    }

    /// Everything in each version that it says it knows; the adapter, if one is left.
    async fn every_probe(
        &mut self,
        adapter: Adapter,
        versions: &[Version],
    ) -> Result<Option<Adapter>> {
        self.say(&Line::new(None, "hello", Ok(())))?;
        self.say(&Line::new(None, "an operation that does not exist", Ok(())))?;
        if versions.is_empty() {
            let none = Trouble::Wrong("it says that it speaks no version of MQTT".to_owned());
            self.say(&Line::new(None, "versions of MQTT", Err(none)))?;
        }
        let mut adapter = Some(adapter);
        for mqtt in versions.iter().copied() {
            for probe in PROBES {
                if probe.only_v5 && mqtt != Version::V5_0 {
                    continue;
                }
                let (line, left) = self.probe(adapter.take(), probe, mqtt).await?;
                self.say(&line)?;
                adapter = left;
                // Everything else connects first.
                if line.verdict == Verdict::Wrong && is_needed(probe) {
                    break;
                }
            }
        }
        Ok(adapter)
    }

    async fn probe(
        &mut self,
        adapter: Option<Adapter>,
        probe: &Probe,
        mqtt: Version,
    ) -> Result<(Line, Option<Adapter>)> {
        self.number += 1;
        let adapter = match adapter {
            Some(adapter) => adapter,
            None => match Adapter::start(&self.command).await {
                Ok(adapter) => adapter,
                Err(error) => {
                    return Ok((Line::new(Some(mqtt), probe.title, Err(error.into())), None));
                }
            },
        };
        let stage = Stage::open(Config::default())
            .await
            .map_err(|e| CliError::input(format!("the reference broker did not start: {e}")))?;
        let mut cx = Cx::new(adapter, stage, mqtt, self.number);
        let found = match cx.part((probe.part)()).await {
            Ok(()) => (probe.run)(&mut cx).await,
            Err(trouble) => Err(trouble),
        };
        let settled = cx.settle().await;
        // Of an adapter that is in an unknown state no further probe says anything.
        let is_left =
            settled.is_ok() && !matches!(found, Err(Trouble::Wrong(_) | Trouble::Broken(_)));
        let found = match (found, settled) {
            (Err(Trouble::Unsupported(what)), Ok(())) if is_needed(probe) => Err(Trouble::Wrong(
                format!("it says that it speaks MQTT {mqtt}, and `connect` is unsupported: {what}"),
            )),
            (Ok(()), Err(trouble)) => Err(trouble),
            (found, _) => found,
        };
        let line = Line::new(Some(mqtt), probe.title, found);
        Ok((line, is_left.then_some(cx.adapter)))
    }

    /// An adapter that nobody talks to any more.
    async fn end_of_input(&self) -> std::result::Result<(), Trouble> {
        match Adapter::start(&self.command).await?.abandon().await {
            true => Ok(()),
            false => Err(Trouble::Wrong(
                "it did not exit with 0 when its standard input had ended".to_owned(),
            )),
        }
    }

    fn sum(mut self, who: &Introduction) -> Result<Ending> {
        let [good, unsupported, wrong] = self.counts;
        let (name, version) = (&who.name, &who.version);
        let text = match self.as_json {
            true => {
                let mqtt: Vec<&str> = who.mqtt.iter().map(|v| v.as_str()).collect();
                json!({
                    "library": name, "version": version, "mqtt": mqtt,
                    "ok": good, "unsupported": unsupported, "wrong": wrong,
                })
                .to_string()
            }
            false => format!(
                "{}: {good} ok, {unsupported} unsupported, {wrong} wrong",
                block(&format!("{name} {version}"))
            ),
        };
        self.printer.line(&text)?;
        self.printer.finish()?;
        Ok(match wrong {
            0 => Ending::Good,
            _ => Ending::Failed,
        })
    }
}

/// Whether an adapter that does not do this is none.
fn is_needed(probe: &Probe) -> bool {
    probe.title == "connect"
}
