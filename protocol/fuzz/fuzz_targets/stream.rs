//! Any bytes from either end, in any state of the connection: what `check` asks of them has to hold.

#![no_main]

#[path = "../../tests/codec/check.rs"]
mod check;

use libfuzzer_sys::fuzz_target;
use squall_protocol::{Role, Version};

fuzz_target!(|data: &[u8]| {
    // The first byte picks sender and version, so the rest is a stream as it stands in a capture.
    let Some((state, wire)) = data.split_first() else {
        return;
    };
    let from = if state & 1 == 0 {
        Role::Client
    } else {
        Role::Server
    };
    let version = match state >> 1 & 3 {
        0 => None,
        1 => Some(Version::V3_1_1),
        _ => Some(Version::V5_0),
    };
    check::check(wire, from, version);
});
