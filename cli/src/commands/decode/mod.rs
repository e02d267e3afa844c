//! `squall decode`: the packets in some bytes, field by field.

mod json;
mod stream;
mod text;

use crate::{
    args::{Decode, Format},
    exit::{CliError, Ending, Result},
    input,
    screen::{self, Printer},
};
use stream::{Part, Stream};

/// After so many packets that break a rule this is no capture of MQTT, or of another version or end.
const BROKEN: usize = 1000;

pub(crate) fn run(args: &Decode) -> Result<Ending> {
    let mut source = input::bytes(&args.input)?;
    source.fill(2)?;
    if source.buffered().is_empty() {
        return Err(CliError::input("there are no bytes to decode"));
    }
    let mut out = Printer::new();
    let mut stream = Stream::new(source, args.from, args.mqtt);
    let (mut broken, mut unjudged) = (0, false);
    loop {
        // Who waits for more input wants to see what there was.
        if !stream.has_packet() && !out.flush()? {
            break;
        }
        let Some(mut decoded) = stream.next()? else {
            break;
        };
        if let Some((said, spoken)) = args.mqtt.zip(decoded.connect).filter(|(a, b)| a != b) {
            let at = decoded.at;
            screen::complain(&format!(
                "note: the CONNECT at byte {at} speaks MQTT {spoken}, and so does what follows it, whatever --mqtt {said} says"
            ));
        }
        unjudged |= decoded.part == Part::Unjudged;
        if decoded.inspection.result.is_err() && decoded.part != Part::Unjudged {
            // Once is enough.
            decoded.hinting = broken == 0;
            broken += 1;
        }
        let going_on = match args.format {
            Format::Text => out.line(&decoded.in_words())?,
            Format::Json => {
                // A packet that cannot be shown is the end; what went before it is printed.
                if let Err(refused) = decoded.check_json() {
                    out.finish()?;
                    return Err(refused);
                }
                out.line(&screen::plain(&decoded.as_json()))?
            }
        };
        if !going_on {
            break;
        }
        if broken == BROKEN && !stream.is_over()? {
            out.finish()?;
            screen::complain(&format!(
                "stopped at byte {}, after {BROKEN} packets that break a rule: is this what one end sent in one \
                 direction, in the version of --mqtt and from the end of --from?",
                stream.at
            ));
            return Ok(Ending::Failed);
        }
    }
    out.finish()?;
    Ok(match (broken, unjudged) {
        (0, false) => Ending::Good,
        (0, true) => Ending::Unknown,
        _ => Ending::Failed,
    })
}

#[cfg(test)]
mod tests {
    use super::{
        stream::{Part, remaining_length},
        *,
    };
    use crate::input::Source;
    use crate::mutation::{cases, changed};
    use proptest::prelude::*;
    use serde_json::Value;
    use squall_protocol::{Role, Version, hex};

    fn streams() -> Vec<Vec<u8>> {
        [
            "10230004 4d515454 05 ce 003c 05110000000a 000163 02 0100 000174 0001ff 000175 00027077",
            "100c00044d5154540402003c0000 30030001613003000161",
            "3212000161 00070a230001260001 6b000176 6869 c000",
            "820d00010003612f2b0200022f2301 a2060002000261",
            "200600000322000a 900600010000 0287",
            "400200074003000710 62020007 500200077003000792 e00104",
            "f0190018150005 534352414d 16000d 636c69656e742d6669727374",
        ]
        .map(|text| input::bytes_of(text).expect("it is hex"))
        .into()
    }

    #[test]
    fn a_long_publish_is_read_up_to_its_payload() {
        let stream = |head: &[u8], version| {
            let mut bytes = vec![0x30];
            bytes.extend(remaining_length(3 << 20));
            bytes.extend(head);
            bytes.resize(5 + (3 << 20), b'x');
            bytes.extend([0xC0, 0]);
            let mut stream = Stream::new(Source::of(bytes), Some(Role::Client), Some(version));
            let mut all = Vec::new();
            while let Some(packet) = stream.next().expect("it can be read") {
                all.push(packet);
            }
            all
        };
        let whole = (3 << 20) + 4;
        let all = stream(b"\x00\x01t", Version::V3_1_1);
        assert_eq!((all[0].part, all[0].there), (Part::Cut, Some(whole + 1)));
        assert!(all[0].inspection.result.is_ok());
        let words = all[0].in_words();
        assert!(
            words.contains("PUBLISH  MQTT 3.1.1 from client, 3145733 bytes at offset 0"),
            "{words}"
        );
        assert!(
            words.contains("     1  80 80 c0 01                 Remaining Length       3145728"),
            "{words}"
        );
        assert!(
            words.contains("3145725 bytes, not all of them read"),
            "{words}"
        );
        assert!(all[1].inspection.result.is_ok() && all[1].at == whole + 1);
        // The payload would have to be looked at, and the end of the properties.
        for head in [&b"\x00\x01t\x02\x01\x01"[..], b"\x00\x01t\x80\x80\x80\x01"] {
            let all = stream(head, Version::V5_0);
            assert_eq!(all[0].part, Part::Unjudged);
            assert!(
                all[0].in_words().starts_with("? PUBLISH"),
                "{}",
                all[0].in_words()
            );
            assert!(all[1].inspection.result.is_ok());
        }
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn any_bytes_are_shown_without_a_gap(
            bytes in changed(streams(), &["\u{0}\u{1}a", "\u{10}\u{0}\u{4}MQTT", "\u{7f}"]),
            server in any::<bool>(),
            old in any::<bool>(),
        ) {
            prop_assume!(!bytes.is_empty());
            let from = if server { Role::Server } else { Role::Client };
            let version = if old { Version::V3_1_1 } else { Version::V5_0 };
            let mut stream = Stream::new(Source::of(bytes.clone()), Some(from), Some(version));
            let mut at = 0;
            while let Some(packet) = stream.next().expect("nothing has to be read") {
                prop_assert_eq!(packet.at, at);
                let json: Value = serde_json::from_str(&screen::plain(&packet.as_json())).expect("it is JSON");
                let digits = json["hex"].as_str().expect("there are bytes");
                prop_assert_eq!(&hex::compact(&bytes[at..at + packet.bytes.len()]), digits);
                prop_assert_eq!(json["valid"].as_bool(), Some(packet.inspection.result.is_ok()));
                prop_assert!(packet.in_words().lines().count() >= 2);
                at += packet.bytes.len();
            }
            prop_assert_eq!(at, bytes.len());
        }
    }
}
