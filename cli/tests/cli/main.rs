//! The binary as people use it: what it prints, where, and how it ends.

mod adapter;
mod asking;
mod binary;
mod client;
mod conform;
mod hand;
mod interrupts;
mod live;
mod memory;
mod outputs;
mod screen;
mod sim;
mod verify;
mod ways;
