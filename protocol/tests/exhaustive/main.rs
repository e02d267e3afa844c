//! Small cases, all of them, against tables of the standard that are written out here and share nothing with the codec.
//!
//! `SQUALL_EXHAUSTIVE=1 cargo test --release -p squall-protocol --test exhaustive` also plays every body of two bytes
//! after every first byte, a hundred million streams; the default takes some ten seconds of a debug build.

#[path = "../codec/check.rs"]
mod check;
mod connect_flags;
mod first_bytes;
mod framing;
mod properties;
mod reason_codes;
mod small_bodies;
mod strings;
mod subscription_options;
mod topic_filters;
