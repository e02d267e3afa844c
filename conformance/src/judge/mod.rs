//! What the rules of `squall-history` say of a check: whatever it is about, every packet that the server sent to its
//! clients is held against the monitors and, as far as it can be known, against the model and its oracles.

mod rules;
mod seen;
#[cfg(test)]
mod tests;
mod weigh;

pub(crate) use weigh::weigh;
