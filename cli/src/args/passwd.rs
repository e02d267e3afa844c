//! The command line of `squall passwd`.

use clap::Args as ClapArgs;
use std::path::PathBuf;

pub(super) const HELP: &str = "\
The password is asked for twice on a terminal, which does not show it. Where standard input is no terminal it is the first \
line of it. It is never an argument: those can be seen by others. The file holds a hash of it (Argon2id), is written whole \
beside its place, moved there, and can be read by its owner alone. A broker reads it when it starts.

With --scram the file also holds what SCRAM-SHA-256 needs, for clients of MQTT 5.0 that prove that they know the password \
without telling it. A user who has it keeps it when the password changes.

  squall passwd users alice
  printf %s \"$SECRET\" | squall passwd users bob --scram";

#[derive(Debug, ClapArgs)]
pub(crate) struct Passwd {
    /// The password file; it is made if it is not there.
    pub(crate) file: PathBuf,
    /// The user.
    pub(crate) user: String,
    /// Take the user out.
    #[arg(long, conflicts_with = "scram")]
    pub(crate) delete: bool,
    /// Let the user prove itself with SCRAM-SHA-256 too; the password has to be printable ASCII then.
    #[arg(long)]
    pub(crate) scram: bool,
}
