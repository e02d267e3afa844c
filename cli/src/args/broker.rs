//! The command line of `squall broker`.

use crate::settings::Settings;
use clap::Args as ClapArgs;
use std::path::PathBuf;

pub(super) const HELP: &str = "\
Each way in may be said more than once, and all serve the same sessions. A line is printed for each when it is ready. MQTT \
over WebSocket is at the path /mqtt and has the subprotocol mqtt. A flag takes the place of the same key in the file of \
--config; what is yes or no can be taken back with =false. Sizes may have KiB, MiB or GiB, times need ms, s, m or h.

SIGINT (Ctrl-C), SIGTERM and SIGHUP end it: MQTT 5.0 clients get DISCONNECT 0x8B (Server shutting down), what waits for \
clients is sent within a second, what the store was given is stored, and the exit code is 0. A second signal ends it at once, \
with 128 and the number of the first.

With --store nothing is promised to a client before it is stored. Without it nothing is kept beyond the broker's end. All \
that it keeps is bounded; who finds no room is told with Quota exceeded or Server busy where MQTT has a word for it.

  squall broker --store broker.db --password-file users --listen 0.0.0.0:1883
  squall broker --config broker.yaml --log-level warn";

#[derive(Debug, ClapArgs)]
pub(crate) struct Broker {
    /// Take settings from this YAML file; its keys are the flags below, without --.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print all settings that hold, as such a file, and serve nobody.
    #[arg(long)]
    pub(crate) print_config: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}
