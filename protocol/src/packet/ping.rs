//! PINGREQ and PINGRESP (sections 3.12 and 3.13): packets without a body.

use crate::{Violation, wire::Reader};

/// Nothing may follow the fixed header [X-3.1.1-length-1], [X-5.0-ping-1].
pub(super) fn decode(r: &Reader<'_>) -> Result<(), Violation> {
    r.finish()
}
