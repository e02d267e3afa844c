//! What was asked and is not answered yet.

use crate::model::Mark;
use squall_protocol::packet::Subscribe;

/// A SUBSCRIBE that is not answered yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) mark: Mark,
    pub(super) subscribe: &'a Subscribe,
}
