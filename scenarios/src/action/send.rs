//! `send`: a scripted client or broker sends packets or bytes.

use crate::{
    construct::{Act, Shape},
    kind::{Maybe, Several, at_least},
    packet::{Sending, Sent},
    record::record,
};
use squall_protocol::{Packet, Version};

record! {
    /// Sends packets or bytes, all in one segment, whether they are right or wrong.
    pub struct Send, "a send step" {
        /// what is sent, all at once: packets with their fields, `{hex: …}`, or the `rest` of what was sent in part
        what: Vec<Sending> = "send", needed(Vec::new(), Several { of: "packets", each: Sent, distinct: false });
        /// only the first so many bytes of it
        first: Option<u32> = "first", usual(None, Maybe(at_least::<u32>(1)));
    }
}

impl Send {
    /// The packets that are sent whole with what the story itself says; bytes, and packets whose identifiers have names, are
    /// left out.
    pub fn packets(&self, version: Version) -> impl Iterator<Item = Packet> + '_ {
        self.what.iter().filter_map(move |what| match what {
            Sending::Packet(packet) if packet.named_id().is_none() => packet.packet(version).ok(),
            _ => None,
        })
    }
}

impl Act for Send {
    const WORD: &'static str = "send";
    const STEP: &'static str = "a send step";
    const MEANING: &'static str =
        "sends packets or bytes as they stand there (a scripted client or broker); over at once";
    const EXAMPLE: &'static str = "{ send: { PUBLISH: { topic: a/b, qos: 2, id: 1 } } }";
    const SHAPE: Shape = Shape::Beside;
    const TOO_EARLY: Option<&'static str> = None;
    const LIMITED: bool = false;
    const SCRIPTED: bool = true;
    const BROKER: bool = true;
    type Keys = Self;

    fn told(&self) -> String {
        let what: Vec<String> = self.what.iter().map(Sending::told).collect();
        let part = self
            .first
            .map_or_else(String::new, |n| format!(", the first {n} bytes"));
        format!("send {}{part}", what.join(", "))
    }
}
