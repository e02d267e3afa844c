//! Serves a saboteur on a loopback port: `cargo run -p squall-saboteurs --example double -- --switch no-will`.

use squall_saboteurs::{
    Decoy, Switch,
    double::Double,
    fake::{Fake, FakeServer},
    serve::Handle,
    wire::Tamper,
};
use std::{error::Error, net::Ipv4Addr};

const USAGE: &str =
    "double [--port N] [--switch NAME]... [--decoy NAME]... [--tamper NAME] [--fake NAME] [--list]";

/// What to serve.
#[derive(Default)]
struct Order {
    port: u16,
    switches: Vec<Switch>,
    decoys: Vec<Decoy>,
    tamper: Option<Tamper>,
    fake: Option<Fake>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut order = Order::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        if option == "--list" {
            list();
            return Ok(());
        }
        let value = arguments.next();
        let value = value.ok_or_else(|| format!("{option} needs a value; {USAGE}"))?;
        let unknown = || {
            format!(
                "there is no {} {value}; see --list",
                option.trim_start_matches('-')
            )
        };
        match option.as_str() {
            "--port" => order.port = value.parse()?,
            "--switch" => order
                .switches
                .push(Switch::from_name(&value).ok_or_else(unknown)?),
            "--decoy" => order
                .decoys
                .push(Decoy::from_name(&value).ok_or_else(unknown)?),
            "--tamper" => order.tamper = Some(Tamper::from_name(&value).ok_or_else(unknown)?),
            "--fake" => order.fake = Some(Fake::from_name(&value).ok_or_else(unknown)?),
            _ => return Err(format!("what is {option}? {USAGE}").into()),
        }
    }
    serve(order)
}

#[expect(clippy::print_stdout, reason = "it is what the example is for")]
fn serve(order: Order) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, order.port)).await?;
        println!("listening on mqtt://{}", listener.local_addr()?);
        let handle = match order.fake {
            Some(fake) => Handle::new(FakeServer::new(fake)),
            None => Handle::new(Double::with(order.switches, order.decoys)),
        };
        match order.tamper {
            Some(tamper) => handle.serve_through(tamper, listener).await?,
            None => handle.serve(listener).await?,
        }
        Ok(())
    })
}

#[expect(clippy::print_stdout, reason = "it is what was asked for")]
fn list() {
    let line = |kind: &str, name: &str, family: &str, sentence: &str| {
        println!("{kind:<7} {name:<40} {family:<38} {sentence}");
    };
    for s in Switch::ALL {
        line("switch", s.name(), s.family().name(), s.sentence());
    }
    for d in Decoy::ALL {
        line("decoy", d.name(), d.family().name(), d.sentence());
    }
    for t in Tamper::ALL {
        line("tamper", t.name(), t.family().name(), t.sentence());
    }
    for f in Fake::ALL {
        line("fake", f.name(), "", f.sentence());
    }
}
