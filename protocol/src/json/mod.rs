//! Packets as JSON and back: what `squall decode` prints, `squall encode` reads and the vectors expect.
//!
//! The keys are the field names of the standard in snake_case. A packet that the decoder gave survives the way there
//! and back. Reading takes fields that break rules as well, as long as they can be written at all.
//!
//! * strings are JSON strings; integers numbers; bits booleans; reason and return codes `"0x87"`
//! * binary data is a string where it is UTF-8, else `{"hex": "00ff"}`
//! * properties (5.0) are a list in the order of the wire: `[{"topic_alias": 1}, {"user_property": ["k", "v"]}]`

mod object;
mod read;
mod write;

pub use object::FieldError;
pub use read::from_fields;
pub use write::to_fields;

/// The key of a name of the standard: `Receive Maximum` becomes `receive_maximum`.
#[must_use]
pub fn key(name: &str) -> String {
    name.to_lowercase().replace(' ', "_")
}

#[cfg(test)]
mod tests;
