//! The client's side, from a reading of the RFC of its own, for tests.

use super::record::{hash, hmac, salted};
use base64ct::{Base64, Encoding};

/// What a client says last that said `first`, with its header, and was answered.
pub(crate) fn prove(password: &str, first: &str, answer: &str) -> String {
    let (header, bare) = first.split_at(first.find(",,").unwrap() + 2);
    let part = |name: &str| {
        let mut parts = answer.split(',');
        parts.find_map(|p| p.strip_prefix(name)).unwrap().to_owned()
    };
    let salt = Base64::decode_vec(&part("s=")).unwrap();
    let salted = salted(password.as_bytes(), &salt, part("i=").parse().unwrap());
    let client_key = hmac(&salted, b"Client Key");
    let header = Base64::encode_string(header.as_bytes());
    let without = format!("c={header},r={}", part("r="));
    let all = format!("{bare},{answer},{without}");
    let signature = hmac(&hash(&client_key), all.as_bytes());
    let mut proof = client_key;
    proof.iter_mut().zip(signature).for_each(|(a, b)| *a ^= b);
    format!("{without},p={}", Base64::encode_string(&proof))
}
