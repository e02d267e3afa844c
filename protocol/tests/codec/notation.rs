//! Bytes as these tests write them: hex digits, blanks where they help, and ASCII text in single quotes.

use bytes::Bytes;

pub(crate) fn bytes(notation: &str) -> Bytes {
    let mut out = Vec::new();
    for (i, part) in notation.split('\'').enumerate() {
        if i % 2 == 1 {
            out.extend(part.bytes());
            continue;
        }
        let digits = part.split_whitespace().collect::<String>();
        let read = squall_protocol::hex::bytes(&digits);
        out.extend(read.unwrap_or_else(|e| panic!("{notation}: {e}")));
    }
    out.into()
}

#[test]
fn text_and_hex_mix() {
    assert_eq!(&bytes("30 03 0001 'a'")[..], [0x30, 3, 0, 1, b'a']);
}
