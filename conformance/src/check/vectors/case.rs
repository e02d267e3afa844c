//! What a vector says of itself.

use squall_vectors::Case;

/// The statements that the vector cites, the main one first.
pub(super) fn statements(case: &Case) -> Vec<&'static str> {
    let invalid = case.vector.invalid.iter();
    invalid
        .flat_map(|i| i.statements.iter().map(String::as_str))
        .collect()
}

/// Whether the packet may be taken as if nothing were wrong with it.
pub(super) fn may_be_taken(case: &Case) -> bool {
    case.allows("accept")
}
