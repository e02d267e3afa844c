//! `squall broker`: the reference broker on sockets.

mod ways;

use crate::{
    args::Broker,
    exit::{CliError, Ending, Result},
    screen,
    signals::Signals,
};
use squall_broker::{Config, Server};
use tokio::{runtime::Builder, select, sync::Notify, task::LocalSet};

/// Largest packet that is taken, in bytes: what a stranger can make the broker hold by beginning a packet is this much a
/// connection. MQTT can frame 16 times as much; the limit is announced as Maximum Packet Size in 5.0.
const LARGEST_PACKET: u32 = 16 << 20;

pub(crate) fn run(args: &Broker) -> Result<Ending> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::input(format!("cannot start the runtime: {e}")))?;
    LocalSet::new().block_on(&runtime, serve(args))
}

async fn serve(args: &Broker) -> Result<Ending> {
    // From here on a signal ends the broker in order, also one that comes before the first client.
    let mut signals =
        Signals::new().map_err(|e| CliError::input(format!("cannot wait for signals: {e}")))?;
    let listeners = ways::open(&args.ways).await?;
    for listener in listeners.iter() {
        screen::say(&format!("listening on {listener}"))?;
    }
    let config = Config {
        maximum_packet_size: LARGEST_PACKET,
        ..Config::default()
    };
    let server = Server::new(squall_broker::Broker::new(config))
        .notices(|notice| screen::complain(&notice.to_string()));
    let stop = Notify::new();
    let signalled_twice = async {
        let first = signals.next().await;
        stop.notify_one();
        signals.next().await;
        first
    };
    select! {
        biased;
        ended = server.run_until(listeners, stop.notified()) => match ended {
            Ok(()) => {
                screen::complain("stopped");
                Ok(Ending::Good)
            }
            Err(e) => Err(CliError::input(format!("the listener failed: {e}"))),
        },
        // Whoever asks twice does not want clients to be waited for.
        signal = signalled_twice => Ok(Ending::Interrupted(128 + signal)),
    }
}
