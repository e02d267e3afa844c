//! The whole road: checks against the reference broker, against servers that are no brokers, and against brokers with
//! one deliberate fault each.

mod beside;
mod brokers;
mod decoys;
mod fakes;
mod forgetful;
mod house;
mod left;
mod lost;
mod memory;
mod mortal;
mod odd;
mod reference;
mod rules;
mod saboteurs;
mod taken;
mod violators;
