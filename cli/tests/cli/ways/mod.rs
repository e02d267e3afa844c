//! Every way to a broker: what is found out about it must not depend on how it was reached.

mod brokers;
mod certificates;
mod refused;
mod secrets;
mod verdicts;
