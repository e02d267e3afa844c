//! Strangers that prove Squall's judge.
//!
//! Squall judges brokers. Whether it judges them well can only be told by brokers that it did not grow up with:
//!
//! * [`double`] a second, small broker, written from the OASIS text alone. Plain, it obeys both versions. With a
//!   [`Switch`] it breaks one statement, which a judge should notice; with a [`Decoy`] it does something legal and odd,
//!   which a judge must not hold against it.
//!
//! Nothing here takes part in a verdict.

pub mod double;
mod family;
mod switch;

pub use double::Decoy;
pub use family::Family;
pub use switch::Switch;
