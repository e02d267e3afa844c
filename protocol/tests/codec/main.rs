//! The codec from outside: literal packets with the verdict the standard gives, round trips, splits and hostile bytes.

mod allocations;
mod check;
mod hostile;
mod invalid;
mod notation;
mod reactions;
mod round_trip;
mod seeds;
mod strategies;
mod valid;
