//! What every construct of the language has to say of itself beyond its keys.
//!
//! One trait for each kind of construct. A construct is one file that implements it, and one line in the list of its
//! kind.

use crate::{record::Record, source::ClientIx};

/// Something that must be true of the whole history.
pub(crate) trait Expect: Record {
    /// The word it begins with.
    const WORD: &'static str;
    /// What it asks for.
    const MEANING: &'static str;
    /// A good map.
    const EXAMPLE: &'static str;

    /// Whether no history satisfies both.
    fn excludes(&self, other: &Self) -> bool;

    /// Why it cannot come true in this story.
    fn doubt(&self, _cast: &dyn Cast) -> Option<Doubt> {
        None
    }

    /// What somebody has to listen to so that it can be judged.
    fn observe(&self, _observed: &mut Observed) {}
}

/// What expectations may know of the clients of a story.
pub(crate) trait Cast {
    /// What a client is called.
    fn name(&self, client: ClientIx) -> &str;
    /// Whether it ever has a will.
    fn has_will(&self, client: ClientIx) -> bool;
}

/// Why an expectation cannot come true.
pub(crate) struct Doubt {
    pub(crate) message: String,
    pub(crate) label: &'static str,
    pub(crate) help: &'static str,
}

/// What a client that only listens has to hear.
#[derive(Default)]
pub(crate) struct Observed {
    /// Whose wills, from the beginning.
    pub(crate) wills: Vec<ClientIx>,
    /// Which retained messages, at the end.
    pub(crate) retained: Vec<String>,
}
