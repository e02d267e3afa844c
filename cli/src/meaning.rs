//! Joins simulation and catalogue: what a cited statement says.

use squall_catalogue as catalogue;
use squall_protocol::Version;
use squall_reports::SimResult;

/// Fills in the meaning of every statement that a result's findings cite.
pub(crate) fn add(version: Version, result: &mut SimResult) {
    for statement in result.findings.iter_mut().flat_map(|f| &mut f.statements) {
        if let Some(found) = catalogue::find(version, &statement.id) {
            statement.says.clone_from(&found.says);
        }
    }
}
