//! What a disk did that a good one does not do, counted: a fault that never bites proves nothing.

/// What the disk of the broker's store did. Both worlds count the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wear {
    /// Writes and syncs that it refused.
    pub refused: u64,
    /// Syncs that took longer than usual.
    pub slow: u64,
    /// Writes that were not durable when the power failed, and are lost.
    pub lost: u64,
    /// Of which some sectors are there.
    pub torn: u64,
    /// Which are there by luck.
    pub kept: u64,
}
