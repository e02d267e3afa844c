//! Other codecs against ours: generated valid packets, every vector, and packets with a few bytes changed.

mod agree;
mod disagree;
mod known;
mod mutated;
mod reasons;
#[path = "../../../protocol/tests/codec/strategies.rs"]
mod strategies;
