//! Serves the double on a loopback port: `cargo run -p squall-saboteurs --example double -- --switch no-will`.

use squall_saboteurs::{
    Decoy, Switch,
    double::{Double, serve::Handle},
};
use std::{error::Error, net::Ipv4Addr};

const USAGE: &str = "double [--port N] [--switch NAME]... [--decoy NAME]... [--list]";

#[expect(clippy::print_stdout, reason = "it is what the example is for")]
fn main() -> Result<(), Box<dyn Error>> {
    let (mut port, mut switches, mut decoys) = (0, Vec::new(), Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or(format!("{argument} needs a value; {USAGE}"))
        };
        match argument.as_str() {
            "--port" => port = value()?.parse()?,
            "--switch" => {
                let name = value()?;
                let switch = Switch::from_name(&name);
                switches.push(switch.ok_or(format!("there is no switch {name}; see --list"))?);
            }
            "--decoy" => {
                let name = value()?;
                let decoy = Decoy::from_name(&name);
                decoys.push(decoy.ok_or(format!("there is no decoy {name}; see --list"))?);
            }
            "--list" => {
                for s in Switch::ALL {
                    println!(
                        "switch  {:<40} {:<32} {}",
                        s.name(),
                        s.family().name(),
                        s.sentence()
                    );
                }
                for d in Decoy::ALL {
                    println!(
                        "decoy   {:<40} {:<32} {}",
                        d.name(),
                        d.family().name(),
                        d.sentence()
                    );
                }
                return Ok(());
            }
            _ => return Err(format!("what is {argument}? {USAGE}").into()),
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        println!("listening on mqtt://{}", listener.local_addr()?);
        let handle = Handle::new(Double::with(switches, decoys));
        handle.serve(listener).await?;
        Ok(())
    })
}
