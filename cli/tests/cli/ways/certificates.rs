//! A CA, and what it has signed, made anew for each test.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A folder with the certificate of a CA, `ca.pem`, and of a server and a client, each `NAME.pem` and `NAME.key`.
pub(super) struct Certificates(TempDir);

impl Certificates {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("a CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "a CA for tests");
        let key = KeyPair::generate().expect("a key");
        let ca = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let made = Self(crate::binary::folder());
        fs::write(made.path("ca.pem"), ca.pem()).expect("it can be written");
        for name in ["server", "client"] {
            let mut params = CertificateParams::new(Vec::new()).expect("a certificate");
            params.distinguished_name.push(DnType::CommonName, name);
            let host = SanType::IpAddress(Ipv4Addr::LOCALHOST.into());
            params.subject_alt_names.push(host);
            let key = KeyPair::generate().expect("a key");
            let signed = params.signed_by(&key, &ca).expect("it is signed");
            for (ending, text) in [("pem", signed.pem()), ("key", key.serialize_pem())] {
                fs::write(made.path(&format!("{name}.{ending}")), text).expect("it can be written");
            }
        }
        made
    }

    pub(super) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The same for a command line.
    pub(super) fn named(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}
