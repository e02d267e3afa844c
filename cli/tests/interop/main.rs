//! Squall beside what others wrote: their clients at `squall broker`, over every way in that they know, and our client at
//! their brokers. What is not installed fails the tests where `SQUALL_NEEDS_TOOLS` is set, as it is in `.ci/run`; elsewhere
//! they say that they test nothing.
#![expect(clippy::print_stderr, reason = "a test that tests nothing says so")]
#![cfg(target_os = "linux")]

mod brokers;
mod clients;
mod mosquitto;
mod own;
mod restart;
mod served;
mod tool;
