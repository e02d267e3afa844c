//! Every Connect Flags byte in both versions (section 3.1.2.3 and on), with the fields it announces and without.

use crate::{
    check::check,
    framing::{fault, framed, read},
};
use squall_protocol::{Packet, Role, Rule, Version};

struct Flags(u8);

impl Flags {
    fn bit(&self, n: u8) -> bool {
        self.0 >> n & 1 == 1
    }

    fn will_qos(&self) -> u8 {
        self.0 >> 3 & 3
    }

    /// Every rule that the byte breaks.
    fn broken(&self, version: Version) -> Vec<Rule> {
        let [reserved, will, retain] = [self.bit(0), self.bit(2), self.bit(5)];
        let [password, user_name] = [self.bit(6), self.bit(7)];
        [
            (reserved, Rule::ConnectReservedFlag),
            (self.will_qos() == 3, Rule::WillQoS3),
            (!will && self.will_qos() > 0, Rule::WillQoSWithoutWill),
            (!will && retain, Rule::WillRetainWithoutWill),
            (
                version == Version::V3_1_1 && password && !user_name,
                Rule::PasswordWithoutUserName,
            ),
        ]
        .into_iter()
        .filter_map(|(broken, rule)| broken.then_some(rule))
        .collect()
    }

    /// The fields of the payload in their order, with the rule that says they have to be there.
    fn payload(&self, version: Version) -> Vec<(&'static [u8], Rule)> {
        let mut fields: Vec<(&[u8], Rule)> = vec![(&[0, 1, b'c'], Rule::ClientIdMissing)];
        if self.bit(2) {
            if version == Version::V5_0 {
                fields.push((&[0], Rule::WillMissing));
            }
            fields.push((&[0, 1, b't'], Rule::WillMissing));
            fields.push((&[0, 1, b'w'], Rule::WillMissing));
        }
        if self.bit(7) {
            fields.push((&[0, 1, b'u'], Rule::UserNameMissing));
        }
        if self.bit(6) {
            fields.push((&[0, 1, b'p'], Rule::PasswordMissing));
        }
        fields
    }

    fn packet(&self, version: Version, payload: &[u8]) -> bytes::Bytes {
        let mut body = b"\0\x04MQTT".to_vec();
        body.extend([version.level(), self.0, 0, 60]);
        if version == Version::V5_0 {
            body.push(0);
        }
        body.extend(payload);
        framed(0x10, &body)
    }
}

#[test]
fn every_connect_flags_byte() {
    for version in Version::ALL {
        for byte in 0..=u8::MAX {
            let flags = Flags(byte);
            let broken = flags.broken(version);
            let fields = flags.payload(version);
            let whole: Vec<u8> = fields.iter().flat_map(|(f, _)| f.to_vec()).collect();
            let wire = flags.packet(version, &whole);
            check(&wire, Role::Client, None);
            match read(&wire, Role::Client, version) {
                Ok(Packet::Connect(connect)) => {
                    assert_eq!(broken, [], "{version} 0x{byte:02X}");
                    assert_eq!(connect.version, version);
                    assert_eq!(connect.clean_start, flags.bit(1));
                    assert_eq!(connect.user_name.is_some(), flags.bit(7));
                    assert_eq!(connect.password.is_some(), flags.bit(6));
                    let will = connect.will.map(|will| (will.qos.as_u8(), will.retain));
                    let expected = flags.bit(2).then(|| (flags.will_qos(), flags.bit(5)));
                    assert_eq!(will, expected);
                    announced(&flags, version, &fields);
                }
                Ok(other) => panic!("{other:?}"),
                Err((rule, offset)) => {
                    assert!(broken.contains(&rule), "{version} 0x{byte:02X}: {rule:?}");
                    // Two bytes of fixed header, six of Protocol Name, one of Protocol Level.
                    assert_eq!(offset, 9, "{version} 0x{byte:02X}: {rule:?}");
                }
            }
        }
    }
}

/// Without one of the fields that the flags announce, and with a byte too many.
fn announced(flags: &Flags, version: Version, fields: &[(&[u8], Rule)]) {
    let mut payload = Vec::new();
    for (field, missing) in fields {
        let wire = flags.packet(version, &payload);
        let context = format!("{version} 0x{:02X}", flags.0);
        assert_eq!(
            fault(&wire, Role::Client, version),
            Some(*missing),
            "{context}"
        );
        if field.len() > 1 {
            payload.extend(&field[..field.len() - 1]);
            let wire = flags.packet(version, &payload);
            let cut = fault(&wire, Role::Client, version);
            assert_eq!(cut, Some(Rule::Truncated), "{context}");
            payload.truncate(payload.len() - (field.len() - 1));
        }
        payload.extend(*field);
    }
    payload.push(0);
    let wire = flags.packet(version, &payload);
    let surplus = fault(&wire, Role::Client, version);
    assert_eq!(surplus, Some(Rule::SurplusBytes));
}

/// Every Protocol Level but 4 and 5 is refused by its own rule [MQTT-3.1.2-2], and every name but `MQTT`
/// [MQTT-3.1.2-1].
#[test]
fn every_protocol_level_and_near_name() {
    for level in 0..=u8::MAX {
        let wire = framed(
            0x10,
            &[b"\0\x04MQTT", &[level, 2, 0, 60, 0, 0, 0][..]].concat(),
        );
        check(&wire, Role::Client, None);
        let found = fault(&wire, Role::Client, Version::V5_0);
        let expected = match level {
            // One byte too many: 3.1.1 has no Property Length.
            4 => Some(Rule::SurplusBytes),
            5 => None,
            _ => Some(Rule::UnsupportedProtocolVersion(level)),
        };
        assert_eq!(found, expected, "{level}");
    }
    for at in 0..4 {
        for byte in (1..0x80).filter(|byte| *byte != b"MQTT"[at]) {
            let mut name = *b"\0\x04MQTT";
            name[2 + at] = byte;
            let wire = framed(0x10, &[&name[..], &[4, 2, 0, 60, 0, 0]].concat());
            let found = fault(&wire, Role::Client, Version::V3_1_1);
            assert_eq!(found, Some(Rule::UnsupportedProtocolName), "{name:?}");
        }
    }
}
