//! The flow state of QoS 1 and 2: its transition tables in full, and a random walk of two peers through them.

mod matrix;
mod walk;
