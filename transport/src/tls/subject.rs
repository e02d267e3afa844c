//! Who a certificate is of: its common name, or else the first of its DNS or URI names.

use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use webpki::EndEntityCert;

/// The name in a certificate that was verified; none where it has none that can be read.
pub(super) fn name(certificate: &CertificateDer<'_>) -> Option<Arc<str>> {
    let read = EndEntityCert::try_from(certificate).ok()?;
    let common = common_name(read.subject());
    let first = || read.valid_dns_names().chain(read.valid_uri_names()).next();
    common.or_else(first).map(Arc::from)
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0C;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The last common name of a distinguished name, as the most specific stands last (RFC 4514, section 2.1). The bytes are
/// the sets of the name in DER.
fn common_name(mut subject: &[u8]) -> Option<&str> {
    let mut found = None;
    while !subject.is_empty() {
        let mut set = take(&mut subject, SET)?;
        while !set.is_empty() {
            let mut attribute = take(&mut set, SEQUENCE)?;
            let kind = take(&mut attribute, OBJECT_IDENTIFIER)?;
            let (tag, value) = any(&mut attribute)?;
            let readable = matches!(tag, UTF8_STRING | PRINTABLE_STRING | IA5_STRING);
            if kind == COMMON_NAME && readable && !value.is_empty() {
                found = std::str::from_utf8(value).ok();
            }
        }
    }
    found
}

/// Takes the next value off, of this tag.
fn take<'a>(bytes: &mut &'a [u8], wanted: u8) -> Option<&'a [u8]> {
    let (tag, value) = any(bytes)?;
    (tag == wanted).then_some(value)
}

/// Takes the next value off: its tag and its contents. Lengths beyond 65,535 bytes are none of a name.
fn any<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match (first, rest) {
        (0..=0x7F, _) => (usize::from(first), rest),
        (0x81, [length, rest @ ..]) => (usize::from(*length), rest),
        (0x82, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some((tag, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair, SanType};

    fn named(common: &[&str], others: &[&str]) -> Option<String> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Doors");
        for name in common {
            params
                .distinguished_name
                .push(DnType::CommonName, DnValue::Utf8String((*name).to_owned()));
        }
        for name in others {
            let name = (*name).try_into().unwrap();
            params.subject_alt_names.push(SanType::DnsName(name));
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        name(certificate.der()).map(|name| name.to_string())
    }

    #[test]
    fn a_certificate_is_of_its_common_name_or_its_first_other() {
        assert_eq!(
            named(&["lock 1"], &["a.example"]).as_deref(),
            Some("lock 1")
        );
        assert_eq!(named(&["Tür"], &[]).as_deref(), Some("Tür"));
        assert_eq!(
            named(&[], &["a.example", "b.example"]).as_deref(),
            Some("a.example")
        );
        assert_eq!(named(&[""], &["a.example"]).as_deref(), Some("a.example"));
        assert_eq!(named(&[], &[]), None);
        let long = "x".repeat(300);
        assert_eq!(named(&[&long], &[]).as_deref(), Some(&*long));
    }

    #[test]
    fn broken_names_are_none() {
        let good = b"\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03abc";
        assert_eq!(common_name(good), Some("abc"));
        for end in 1..good.len() {
            assert_eq!(common_name(&good[..end]), None, "{end}");
        }
        assert_eq!(common_name(b"\x31\x84\xff\xff\xff\xff"), None);
    }
}
