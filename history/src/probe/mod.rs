//! Clients that need not behave: what is known of the sessions of such a one, and what a model is therefore told.

mod flows;
mod known;

pub use known::{Known, Told};
