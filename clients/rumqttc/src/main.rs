//! An adapter for the MQTT 5.0 client of rumqttc: JSON lines on standard input and output, as clients/README.md says. The event
//! loop is polled until it fails, and no longer, so nothing connects again by itself.

mod adapter;
mod heard;
mod options;
mod value;

use adapter::Adapter;
use serde_json::{Map, Value, json};
use std::{io, process, thread};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::LocalSet,
};
use value::{No, answer, text};

type Fields = Map<String, Value>;

async fn serve(mut lines: UnboundedReceiver<String>) {
    let (news, mut heard) = unbounded_channel();
    let mut adapter = Adapter::new(news);
    loop {
        tokio::select! {
            biased;
            Some(news) = heard.recv() => adapter.heard(news),
            line = lines.recv() => {
                let Some(line) = line else { return };
                let mut asked: Fields = serde_json::from_str(&line).expect("Squall writes JSON objects");
                let (id, name) = (asked["id"].as_u64().unwrap_or(0), text(&asked["do"]).unwrap_or_default());
                asked.retain(|key, _| key != "id" && key != "do");
                match adapter.act(id, &name, &Value::Object(asked)).await {
                    Ok(()) => {}
                    Err(No::Unsupported(what)) => answer(id, "unsupported", json!({"what": what})),
                    Err(No::Failed(why)) => answer(id, "failed", json!({"why": why})),
                }
            }
        }
    }
}

fn main() -> io::Result<()> {
    let (sender, lines) = unbounded_channel();
    thread::spawn(move || {
        io::stdin()
            .lines()
            .map_while(Result::ok)
            .all(|line| sender.send(line).is_ok())
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, serve(lines));
    process::exit(0)
}
