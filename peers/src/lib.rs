//! Other MQTT codecs, held against `squall-protocol`.
//!
//! Each peer answers the same two questions: what is this packet, and how do you write it again? The answers come in
//! our own types, so that they can be compared. Nothing here judges.

mod core;
mod mqtt5;
mod ntex;
mod rumqttc_v4;
mod rumqttc_v5;
mod translate;

use bytes::Bytes;
use squall_protocol::{Packet, Properties, PropertyId, Role, Version};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a codec made of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It read this packet.
    Read(Box<Packet>),
    /// It read a packet that our types cannot hold; says what they cannot.
    ReadBeyond(String),
    /// It refused them, in these words.
    Refused(String),
    /// It has no decoder for this: says why.
    Cannot(&'static str),
    /// It panicked, with this message.
    Panicked(String),
}

impl Outcome {
    /// Whether the peer took the bytes for a packet.
    #[must_use]
    pub const fn accepted(&self) -> bool {
        matches!(self, Self::Read(_) | Self::ReadBeyond(_))
    }
}

/// Why a peer gave no packet of ours.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Refused(String),
    Beyond(String),
}

/// A codec of somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// `ntex-mqtt` 4.6.1, its `v3::codec` and `v5::codec`.
    Ntex,
    /// `mqtt5-protocol` 0.16.2.
    Mqtt5,
    /// `mqtt-protocol-core` 0.7.9, its packet parsers. They are called as its connection calls them, without the
    /// state machine around them: the body has to be used up, and only PUBLISH sees the flags.
    Core,
    /// `rumqttc` 0.25.1, its two `mqttbytes` modules.
    Rumqttc,
}

impl Peer {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Ntex, Self::Mqtt5, Self::Core, Self::Rumqttc];

    /// The name of the crate.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ntex => "ntex-mqtt",
            Self::Mqtt5 => "mqtt5-protocol",
            Self::Core => "mqtt-protocol-core",
            Self::Rumqttc => "rumqttc",
        }
    }

    /// What the peer makes of one packet in a connection of `version`; `None` before CONNECT.
    ///
    /// None of the four decoders is told who sends, so a packet that this end never sends is no case for them.
    #[must_use]
    pub fn decode(self, bytes: &[u8], version: Option<Version>, from: Role) -> Outcome {
        match self.question(bytes, version, from) {
            Err(why) => Outcome::Cannot(why),
            Ok(version) => guarded(|| match self.read(bytes, version) {
                Ok(packet) => Outcome::Read(Box::new(packet)),
                Err(Fault::Refused(words)) => Outcome::Refused(words),
                Err(Fault::Beyond(what)) => Outcome::ReadBeyond(what),
            })
            .unwrap_or_else(Outcome::Panicked),
        }
    }

    /// The bytes the peer writes for the packet it read from `bytes`.
    ///
    /// # Errors
    /// Why there are none, in the peer's words.
    pub fn rewrite(
        self,
        bytes: &[u8],
        version: Option<Version>,
        from: Role,
    ) -> Result<Bytes, String> {
        let version = self.question(bytes, version, from)?;
        let written = guarded(|| match (self, version) {
            (Self::Ntex, Version::V3_1_1) => ntex::v3_write(ntex::v3_read(bytes)?),
            (Self::Ntex, Version::V5_0) => ntex::v5_write(ntex::v5_read(bytes)?),
            (Self::Mqtt5, _) => mqtt5::write(mqtt5::read(bytes, version)?, version),
            (Self::Core, _) => Ok(core::write(&core::read(bytes, version)?)),
            (Self::Rumqttc, Version::V3_1_1) => rumqttc_v4::write(&rumqttc_v4::read(bytes)?),
            (Self::Rumqttc, Version::V5_0) => rumqttc_v5::write(&rumqttc_v5::read(bytes)?),
        });
        written?
    }

    /// A packet as this peer's types can say it, properties in the order of their identifiers: two packets that give
    /// the same are the same to this peer.
    #[must_use]
    pub fn view(self, mut packet: Packet) -> Packet {
        let connect = matches!(packet, Packet::Connect(_));
        for properties in translate::properties_of(&mut packet) {
            *properties = self.view_properties(properties, connect);
        }
        if let (Self::Rumqttc, Packet::Connect(connect)) = (self, &mut packet) {
            // It has strings where the standard has optional fields.
            connect.user_name.take_if(|name| name.is_empty());
            connect.password.take_if(|password| password.is_empty());
        }
        packet
    }

    fn view_properties(self, properties: &Properties, connect: bool) -> Properties {
        let mut list: Vec<_> = properties.iter().cloned().collect();
        if self == Self::Ntex {
            // It has plain values where absent means the default.
            list.retain(|property| {
                let default = match property.id() {
                    PropertyId::SESSION_EXPIRY_INTERVAL => connect.then_some(0),
                    _ => property.spec().default,
                };
                default.is_none() || property.as_integer() != default
            });
        }
        list.sort_by_key(|property| property.id());
        list.into_iter().collect()
    }

    /// In which version to ask, or why not to ask.
    fn question(
        self,
        bytes: &[u8],
        version: Option<Version>,
        from: Role,
    ) -> Result<Version, &'static str> {
        let number = bytes.first().map_or(0, |first| first >> 4);
        let wrong_sender = match (from, number) {
            (Role::Server, 1 | 8 | 10 | 12) | (Role::Client, 2 | 9 | 11 | 13) => true,
            (Role::Server, 14) => version == Some(Version::V3_1_1),
            _ => false,
        };
        match version {
            None if from == Role::Client && number != 1 => Err("no codec knows what came before"),
            _ if wrong_sender => Err("no decoder is told who sends"),
            _ if number == 15 && self == Self::Rumqttc => Err("its decoder has no AUTH"),
            Some(version) => Ok(version),
            None => Ok(translate::version_of_connect(bytes)),
        }
    }

    fn read(self, bytes: &[u8], version: Version) -> Result<Packet, Fault> {
        match (self, version) {
            (Self::Ntex, Version::V3_1_1) => ntex::v3_packet(ntex::v3_read(bytes)?),
            (Self::Ntex, Version::V5_0) => ntex::v5_packet(ntex::v5_read(bytes)?),
            (Self::Mqtt5, _) => mqtt5::packet(mqtt5::read(bytes, version)?, version),
            (Self::Core, _) => core::packet(&core::read(bytes, version)?),
            (Self::Rumqttc, Version::V3_1_1) => rumqttc_v4::packet(rumqttc_v4::read(bytes)?),
            (Self::Rumqttc, Version::V5_0) => rumqttc_v5::packet(rumqttc_v5::read(bytes)?),
        }
    }
}

const INCOMPLETE: &str = "waits for more bytes";

impl From<String> for Fault {
    fn from(words: String) -> Self {
        Self::Refused(words)
    }
}

/// Runs a peer; a panic is an answer too.
fn guarded<T>(ask: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(ask)).map_err(|payload| {
        let words = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied());
        format!("panic: {}", words.unwrap_or("no message"))
    })
}
