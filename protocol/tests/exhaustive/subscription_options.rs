//! Every Requested QoS byte of 3.1.1 and every Subscription Options byte of 5.0 (section 3.8.3), plain and shared.

use crate::{
    check::check,
    framing::{framed, read},
};
use squall_protocol::{Packet, Role, Rule, Version};

fn broken(byte: u8, version: Version, shared: bool) -> Vec<Rule> {
    let qos = byte & 0b0000_0011;
    let rules = match version {
        // Bits 7 to 2 are reserved [MQTT-3.8.3-4].
        Version::V3_1_1 => vec![
            (byte & 0b1111_1100 != 0, Rule::SubscriptionReservedBits),
            (qos == 3, Rule::RequestedQoS3),
        ],
        // Bits 7 and 6 are reserved [MQTT-3.8.3-5]; 5 and 4 Retain Handling; 3 Retain As Published; 2 No Local.
        Version::V5_0 => vec![
            (byte & 0b1100_0000 != 0, Rule::SubscriptionReservedBits),
            (qos == 3, Rule::SubscriptionQoS3),
            (byte & 0b0011_0000 == 0b0011_0000, Rule::RetainHandling3),
            (shared && byte & 0b0000_0100 != 0, Rule::NoLocalShared),
        ],
    };
    let broken = rules.into_iter().filter(|(broken, _)| *broken);
    broken.map(|(_, rule)| rule).collect()
}

#[test]
fn every_options_byte() {
    for version in Version::ALL {
        for (filter, shared) in [("a/b", false), ("$share/g/t", true)] {
            for byte in 0..=u8::MAX {
                let mut body = vec![0, 7];
                if version == Version::V5_0 {
                    body.push(0);
                }
                body.extend([0, filter.len() as u8]);
                body.extend(filter.bytes());
                body.push(byte);
                let wire = framed(0x82, &body);
                check(&wire, Role::Client, Some(version));
                let broken = broken(byte, version, shared);
                match read(&wire, Role::Client, version) {
                    Ok(Packet::Subscribe(subscribe)) => {
                        assert_eq!(broken, [], "{version} {filter} 0x{byte:02X}");
                        let [one] = &subscribe.subscriptions[..] else {
                            panic!("{subscribe:?}")
                        };
                        let read = u8::from(one.no_local) << 2
                            | u8::from(one.retain_as_published) << 3
                            | (one.retain_handling as u8) << 4
                            | one.qos.as_u8();
                        assert_eq!((read, one.filter.as_str()), (byte, filter));
                        let five = version == Version::V5_0;
                        assert_eq!(one.filter.is_shared(), shared && five);
                    }
                    Ok(other) => panic!("{other:?}"),
                    Err((rule, offset)) => {
                        assert!(broken.contains(&rule), "{version} 0x{byte:02X}: {rule:?}");
                        assert_eq!(offset, wire.len() - 1);
                    }
                }
            }
        }
    }
}
