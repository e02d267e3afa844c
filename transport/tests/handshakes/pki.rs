//! Certificates for tests, made anew for each.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType,
    date_time_ymd,
};
use squall_transport::{ClientTls, ServerTls, TlsSettings};
use std::{fs, net::Ipv4Addr, path::PathBuf};
use tempfile::TempDir;

/// A folder with the certificates of a CA, of servers and of a client.
pub(crate) struct Pki {
    folder: TempDir,
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    pub(crate) fn new() -> Self {
        Self::of("a CA for tests")
    }

    /// A CA of this name.
    pub(crate) fn of(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let pki = Self {
            folder: TempDir::new().unwrap(),
            ca,
        };
        fs::write(pki.path("ca.pem"), pki.ca.pem()).unwrap();
        fs::write(pki.path("ca.key"), pki.ca.key().serialize_pem()).unwrap();
        pki
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `NAME.pem` and `NAME.key`: a certificate for this host name, or for loopback where there is none.
    pub(crate) fn certify(
        &self,
        name: &str,
        host: Option<&str>,
        change: impl FnOnce(&mut CertificateParams),
    ) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names.push(match host {
            Some(host) => SanType::DnsName(host.try_into().unwrap()),
            None => SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
        });
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.ca).unwrap();
        fs::write(self.path(&format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    /// A server with a certificate for loopback; with `strict` clients have to show one, too.
    pub(crate) fn server(&self, strict: bool) -> ServerTls {
        self.certify("server", None, |_| {});
        self.server_with("server", strict)
    }

    pub(crate) fn server_with(&self, name: &str, strict: bool) -> ServerTls {
        let ca = self.path("ca.pem");
        ServerTls::new(
            &self.path(&format!("{name}.pem")),
            &self.path(&format!("{name}.key")),
            strict.then_some(ca.as_path()),
        )
        .unwrap()
    }

    /// Settings that trust the CA.
    pub(crate) fn trusting(&self) -> TlsSettings {
        TlsSettings {
            ca: Some(self.path("ca.pem")),
            ..TlsSettings::default()
        }
    }

    /// Settings that trust the CA and show this certificate.
    pub(crate) fn showing(&self, name: &str) -> TlsSettings {
        TlsSettings {
            certificate: Some(self.path(&format!("{name}.pem"))),
            key: Some(self.path(&format!("{name}.key"))),
            ..self.trusting()
        }
    }

    pub(crate) fn client(&self) -> ClientTls {
        ClientTls::new(&self.trusting()).unwrap()
    }
}

/// A time that is over.
pub(crate) fn expired(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 1, 1);
}

/// A time that has not come.
pub(crate) fn early(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(4001, 1, 1);
    params.not_after = date_time_ymd(4002, 1, 1);
}
