//! The words of a story for the tap of a connection, which is [`squall_transport::tap`].

use squall_protocol::PacketType;
use squall_scenarios::model::{CutBy, CutPoint};
use squall_transport::tap::{self, Ending, Part, Place};

pub use tap::{Tap, Taps, Waited};

/// A cut that bites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// How the connection dies.
    pub by: CutBy,
    /// The packet at which it dies; none for a cut at a time.
    pub packet: Option<PacketType>,
}

impl From<tap::Cut> for Cut {
    fn from(cut: tap::Cut) -> Self {
        Self {
            by: match cut.by {
                Ending::Reset => CutBy::Reset,
                Ending::Close => CutBy::Close,
                Ending::Silence => CutBy::Silence,
            },
            packet: cut.packet,
        }
    }
}

/// How a connection ends that a story cuts.
pub(crate) const fn ending(by: CutBy) -> Ending {
    match by {
        CutBy::Reset => Ending::Reset,
        CutBy::Close => Ending::Close,
        CutBy::Silence => Ending::Silence,
    }
}

/// Where a story cuts.
pub(crate) const fn place(point: CutPoint) -> Place {
    Place::Packet {
        packet: point.packet,
        from: point.from,
        nth: point.nth,
        part: if point.after {
            Part::Whole
        } else {
            Part::Nothing
        },
    }
}
