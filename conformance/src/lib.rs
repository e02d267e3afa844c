//! Checks that judge a live MQTT broker against the numbered statements of the standard.
//!
//! * [`catalogue`] the statements as data: what MQTT 3.1.1 and 5.0 ask for, in our words
//! * [`checks`] every check with its metadata; a check is an async function over real connections
//! * [`Target`] where the broker is, and who comes in there
//! * [`TargetFile`] what is known about a product: how it is started, what it lacks, what it gets wrong
//! * [`Process`] a broker that is started and ended here
//! * [`visit()`] looks at a target for somebody else, and tidies up after them
//! * [`run`] plays the checks and gives a [`squall_reports::Conformance`], and what the checks left in the target
//!
//! The law of this crate: no verdict that cannot be defended from the standard. A statement the standard leaves in
//! doubt, or only describes, never makes a check fail ([`catalogue::Statement::gradable`], enforced in one place);
//! a check passes only after something was seen to work on the same mechanism. Nothing here prints.

mod answers;
mod attempt;
mod check;
mod course;
mod cx;
mod dial;
mod evidence;
mod gather;
mod greet;
mod heard;
mod judge;
mod ledger;
mod lost;
mod message;
mod naming;
mod options;
mod outcome;
mod pace;
mod party;
mod reaction;
mod rigour;
mod runner;
mod select;
mod sessions;
mod stranger;
mod target;
mod visit;

pub use squall_catalogue as catalogue;

pub use check::{Check, Need, checks, explain};
pub use ledger::Leftover;
pub use options::Options;
pub use runner::{Cleaning, Progress, Run, RunError, run, run_blocking};
pub use select::{SelectError, glob};
pub use squall_transport::{
    AddressError, ClientTls, Credentials, TlsError, TlsSettings, without_password,
};
pub use target::{
    address::Target,
    bundled::{bundled_target, target_names, target_text},
    deviation::Deviation,
    file::{Lack, TargetFile},
    problem::Problem,
    process::{Process, ProcessError, end_all_processes},
    recipe::Recipe,
    unreachable::Unreachable,
};
pub use visit::{Visit, visit};
