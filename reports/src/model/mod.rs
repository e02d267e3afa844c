//! The result model: plain data, serialisable, without behaviour beyond counting and keeping to its bounds.

mod conformance;
mod exchange;
mod report;
mod simulation;
mod verdict;
mod window;

pub use conformance::{CheckResult, Conformance, Product};
pub use exchange::{Event, EventKind, Exchange, StatementRef};
pub use report::Report;
pub use simulation::{Finding, Series, SimResult, Simulation};
pub use verdict::{Summary, Verdict};
pub use window::Window;
