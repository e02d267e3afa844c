//! Bytes as these tests write them: hex digits, blanks where they help, and ASCII text in single quotes.

use bytes::Bytes;

pub(crate) fn bytes(notation: &str) -> Bytes {
    let mut out = Vec::new();
    for (i, part) in notation.split('\'').enumerate() {
        if i % 2 == 1 {
            out.extend(part.bytes());
            continue;
        }
        let digits: Vec<u8> = part.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        assert!(digits.len().is_multiple_of(2), "half a byte in {notation}");
        out.extend(digits.chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).expect("ASCII");
            u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("`{pair}` in {notation}"))
        }));
    }
    out.into()
}

#[test]
fn text_and_hex_mix() {
    assert_eq!(&bytes("30 03 0001 'a'")[..], [0x30, 3, 0, 1, b'a']);
}
