//! What is wrong with a file, and where.

/// A line of a file that cannot be read. What stands in it is not shown: it may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct FileError {
    /// The name of the file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what should stand there.
    pub what: String,
}
