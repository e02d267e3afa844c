//! CONNECT: a client asks for a connection (section 3.1).

use crate::{
    EncodeError, Properties, QoS, Rule, Text, Version, Violation,
    packet::fields::{check_payload_format, fill_topic_name},
    properties::Owner,
    text::Shown,
    wire::{Reader, Writer},
};
use bytes::Bytes;

/// CONNECT. Its `version` is the Protocol Level on the wire and decides how it is encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Protocol version of this connection.
    pub version: Version,
    /// Clean Session (3.1.1) or Clean Start (5.0).
    pub clean_start: bool,
    /// Keep Alive in seconds; 0 turns it off.
    pub keep_alive: u16,
    /// Client Identifier; may be empty.
    pub client_id: Text,
    /// The will message, if the Will Flag is set.
    pub will: Option<Will>,
    /// User Name.
    pub user_name: Option<Text>,
    /// Password.
    pub password: Option<Bytes>,
    /// Properties (5.0; empty in 3.1.1).
    pub properties: Properties,
}

/// The will message in a CONNECT (section 3.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    /// Topic the will is published to.
    pub topic: Text,
    /// Will Payload; may be empty.
    pub payload: Bytes,
    /// QoS of the will message.
    pub qos: QoS,
    /// Whether the will is published as a retained message.
    pub retain: bool,
    /// Will properties (5.0; empty in 3.1.1).
    pub properties: Properties,
}

impl Connect {
    /// Nothing yet; [`Self::fill`] reads it.
    pub(super) const fn empty() -> Self {
        Self {
            version: Version::V5_0,
            clean_start: false,
            keep_alive: 0,
            client_id: Text::new(),
            will: None,
            user_name: None,
            password: None,
            properties: Properties::new(),
        }
    }

    pub(super) fn fill(&mut self, r: &mut Reader<'_>) -> Result<(), Violation> {
        self.version = decode_version(r)?;
        r.version = self.version;
        let flags = ConnectFlags::decode(r)?;
        self.clean_start = flags.clean_start;
        self.keep_alive = r.u16("Keep Alive")?;
        let keep_alive = self.keep_alive;
        r.explain(|| format!("{keep_alive} s"));
        self.properties = Properties::decode(r, Owner::Packet)?;
        let properties = &self.properties;
        if properties.authentication_data().is_some()
            && properties.authentication_method().is_none()
        {
            // [X-5.0-auth-1]
            let message = "Authentication Data without an Authentication Method";
            return Err(r.violation(Rule::AuthenticationDataWithoutMethod, r.offset(), message));
        }
        // [MQTT-3.1.3-1], [MQTT-3.1.3-3]
        expect_field(
            r,
            Rule::ClientIdMissing,
            "the packet ends before the Client Identifier",
        )?;
        // [MQTT-3.1.3-4]
        r.fill_text(&mut self.client_id, "Client Identifier")?;
        // [MQTT-3.1.3-7] (3.1.1); 5.0 allows it [MQTT-3.1.3-6]
        if self.version == Version::V3_1_1 && self.client_id.is_empty() && !self.clean_start {
            let message = "an empty Client Identifier needs Clean Session 1";
            let rule = Rule::ClientIdEmptyWithoutCleanSession;
            return Err(r.violation(rule, r.offset(), message));
        }
        if let Some((qos, retain)) = flags.will {
            self.will.insert(Will::empty(qos, retain)).fill(r)?;
        }
        if flags.user_name {
            // [MQTT-3.1.2-19] (3.1.1), [MQTT-3.1.2-17] (5.0)
            expect_field(
                r,
                Rule::UserNameMissing,
                "the User Name Flag is set and there is no User Name",
            )?;
            // [MQTT-3.1.3-11] (3.1.1), [MQTT-3.1.3-12] (5.0)
            r.fill_text(self.user_name.insert(Text::new()), "User Name")?;
        }
        if flags.password {
            // [MQTT-3.1.2-21] (3.1.1), [MQTT-3.1.2-19] (5.0)
            expect_field(
                r,
                Rule::PasswordMissing,
                "the Password Flag is set and there is no Password",
            )?;
            self.password = Some(r.binary("Password")?);
        }
        r.finish()
    }

    /// In the layout of [`Self::version`].
    pub(super) fn encode(&self, w: &mut impl Writer) -> Result<(), EncodeError> {
        w.binary(PROTOCOL_NAME)?;
        w.u8(self.version.level());
        w.u8(self.flags());
        w.u16(self.keep_alive);
        let five = self.version == Version::V5_0;
        if five {
            self.properties.encode(w)?;
        }
        w.binary(self.client_id.as_bytes())?;
        if let Some(will) = &self.will {
            if five {
                will.properties.encode(w)?;
            }
            w.binary(will.topic.as_bytes())?;
            w.binary(&will.payload)?;
        }
        if let Some(user_name) = &self.user_name {
            w.binary(user_name.as_bytes())?;
        }
        self.password
            .as_ref()
            .map_or(Ok(()), |password| w.binary(password))
    }

    /// A flag is set exactly when its field is written [MQTT-3.1.2-18], [MQTT-3.1.2-20] (3.1.1), [MQTT-3.1.2-16],
    /// [MQTT-3.1.2-18] (5.0).
    fn flags(&self) -> u8 {
        let will = self.will.as_ref().map_or(0, |will| {
            WILL | will.qos.as_u8() << WILL_QOS_SHIFT | if will.retain { WILL_RETAIN } else { 0 }
        });
        let clean_start = if self.clean_start { CLEAN_START } else { 0 };
        let user_name = if self.user_name.is_some() {
            USER_NAME
        } else {
            0
        };
        let password = if self.password.is_some() { PASSWORD } else { 0 };
        will | clean_start | user_name | password
    }
}

impl Will {
    /// Nothing but what the Connect Flags say; [`Self::fill`] reads the rest.
    const fn empty(qos: QoS, retain: bool) -> Self {
        Self {
            topic: Text::new(),
            payload: Bytes::new(),
            qos,
            retain,
            properties: Properties::new(),
        }
    }

    fn fill(&mut self, r: &mut Reader<'_>) -> Result<(), Violation> {
        // [MQTT-3.1.2-9]
        let missing = "the Will Flag is set and the packet ends before its fields";
        expect_field(r, Rule::WillMissing, missing)?;
        self.properties = Properties::decode(r, Owner::Will)?;
        expect_field(r, Rule::WillMissing, missing)?;
        // [MQTT-3.1.3-10] (3.1.1), [MQTT-3.1.3-11] (5.0)
        fill_topic_name(r, &mut self.topic, "Will Topic", false)?;
        expect_field(r, Rule::WillMissing, missing)?;
        let at = r.offset() + 2;
        // Without its two length bytes; it may be empty [X-3.1.1-will-4].
        self.payload = r.binary("Will Payload")?;
        // [X-5.0-will-10]
        check_payload_format(r, &self.properties, &self.payload, at)
    }
}

/// What the Connect Flags byte says, checked.
struct ConnectFlags {
    clean_start: bool,
    will: Option<(QoS, bool)>,
    user_name: bool,
    password: bool,
}

impl ConnectFlags {
    fn decode(r: &mut Reader<'_>) -> Result<Self, Violation> {
        let at = r.offset();
        let flags = r.u8("Connect Flags")?;
        let bit = |mask: u8| u8::from(flags & mask != 0);
        let clean = match r.version {
            Version::V3_1_1 => "Clean Session",
            Version::V5_0 => "Clean Start",
        };
        r.explain(|| {
            format!(
                "User Name {}, Password {}, Will Retain {}, Will QoS {}, Will Flag {}, {clean} {}",
                bit(USER_NAME),
                bit(PASSWORD),
                bit(WILL_RETAIN),
                flags >> WILL_QOS_SHIFT & 3,
                bit(WILL),
                bit(CLEAN_START),
            )
        });
        let fail =
            |rule, what| Err(r.violation(rule, at, format!("Connect Flags 0x{flags:02X}: {what}")));
        let has_will = flags & WILL != 0;
        let will_retain = flags & WILL_RETAIN != 0;
        // [MQTT-3.1.2-3]
        if flags & 1 != 0 {
            return fail(Rule::ConnectReservedFlag, "the reserved bit is set");
        }
        // [MQTT-3.1.2-14] (3.1.1), [MQTT-3.1.2-12] (5.0)
        let Some(will_qos) = QoS::from_bits(flags >> WILL_QOS_SHIFT & 3) else {
            return fail(Rule::WillQoS3, "Will QoS 3");
        };
        // [MQTT-3.1.2-13] (3.1.1), [MQTT-3.1.2-11] (5.0)
        if !has_will && will_qos != QoS::AtMostOnce {
            return fail(Rule::WillQoSWithoutWill, "a Will QoS without the Will Flag");
        }
        // [MQTT-3.1.2-15] (3.1.1), [MQTT-3.1.2-13] (5.0)
        if !has_will && will_retain {
            return fail(
                Rule::WillRetainWithoutWill,
                "Will Retain without the Will Flag",
            );
        }
        let user_name = flags & USER_NAME != 0;
        let password = flags & PASSWORD != 0;
        // [MQTT-3.1.2-22] (3.1.1); 5.0 allows it [X-5.0-connect-2]
        if r.version == Version::V3_1_1 && password && !user_name {
            return fail(
                Rule::PasswordWithoutUserName,
                "the Password Flag without the User Name Flag",
            );
        }
        let will = has_will.then_some((will_qos, will_retain));
        Ok(Self {
            clean_start: flags & CLEAN_START != 0,
            will,
            user_name,
            password,
        })
    }
}

/// Reads protocol name and level.
fn decode_version(r: &mut Reader<'_>) -> Result<Version, Violation> {
    let at = r.offset();
    let mut name = Text::new();
    r.fill_text(&mut name, "Protocol Name")?;
    if name.as_bytes() != PROTOCOL_NAME {
        // [MQTT-3.1.2-1]
        let message = format!(
            "the Protocol Name is {}, not MQTT",
            Shown(&name, Shown::SHORT)
        );
        return Err(r.violation(Rule::UnsupportedProtocolName, at, message));
    }
    let at = r.offset();
    let level = r.u8("Protocol Version")?;
    let Some(version) = Version::ALL.into_iter().find(|v| v.level() == level) else {
        // [MQTT-3.1.2-2]
        let message = format!("Protocol Version {level} is neither 4 (3.1.1) nor 5 (5.0)");
        return Err(r.violation(Rule::UnsupportedProtocolVersion(level), at, message));
    };
    r.explain(|| format!("MQTT {version}"));
    Ok(version)
}

/// A field has to begin here.
fn expect_field(r: &Reader<'_>, rule: Rule, message: &'static str) -> Result<(), Violation> {
    if r.remaining() == 0 {
        Err(r.violation(rule, r.offset(), message))
    } else {
        Ok(())
    }
}

const PROTOCOL_NAME: &[u8] = b"MQTT";
const CLEAN_START: u8 = 0x02;
const WILL: u8 = 0x04;
const WILL_QOS_SHIFT: u8 = 3;
const WILL_RETAIN: u8 = 0x20;
const PASSWORD: u8 = 0x40;
const USER_NAME: u8 = 0x80;
