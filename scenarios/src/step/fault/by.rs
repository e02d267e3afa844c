//! How a connection is cut.

use crate::kind::Words;

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutBy {
    /// The connection is reset; both ends notice.
    Reset,
    /// The connection is closed in order; both ends notice.
    Close,
    /// Nothing passes any more and nobody is told.
    Silence,
}

impl CutBy {
    /// `reset`, `close` or `silence`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Close => "close",
            Self::Silence => "silence",
        }
    }
}

pub(crate) const BY: Words<CutBy> = Words {
    expected: "`reset`, `close` or `silence`",
    words: &[
        (CutBy::Reset.as_str(), CutBy::Reset),
        (CutBy::Close.as_str(), CutBy::Close),
        (CutBy::Silence.as_str(), CutBy::Silence),
    ],
};
