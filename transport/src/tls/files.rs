//! Certificates and keys from files in PEM.

use rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// The largest file that is read, in bytes.
const MOST_BYTES: u64 = 4 << 20;

/// Why TLS cannot be set up as it was asked for. The message says what to do.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each says it")]
#[non_exhaustive]
pub enum TlsError {
    #[error("cannot read {}: {why}", path.display())]
    File { path: PathBuf, why: io::Error },
    #[error("{} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", .0.display())]
    NoCertificate(PathBuf),
    #[error(
        "{} holds no private key in PEM that can be read; one that is encrypted has to be decrypted first (openssl pkey)",
        .0.display()
    )]
    NoKey(PathBuf),
    #[error("{} is broken: {why}; make it anew", path.display())]
    Broken { path: PathBuf, why: String },
    #[error("a certificate needs its private key, and a key its certificate: name both")]
    Half,
    #[error(
        "the key in {} is not that of the certificate in {}; name the two that belong together",
        key.display(), certificate.display()
    )]
    Strangers { certificate: PathBuf, key: PathBuf },
    #[error("the certificate in {} and the key in {} cannot be used: {why}", certificate.display(), key.display())]
    Pair {
        certificate: PathBuf,
        key: PathBuf,
        why: String,
    },
    #[error(
        "no certificate of a CA was found on this system, so no server can be trusted; name the one of the server's CA, or install the system's (ca-certificates)"
    )]
    NoRoots,
    #[error(
        "`{0}` is neither a host name nor an IP address that a certificate can have; write one of these"
    )]
    Name(String),
    #[error("TLS cannot be set up: {0}")]
    Other(String),
}

impl TlsError {
    /// Why a certificate and a key cannot be used together.
    pub(super) fn pair(certificate: &Path, key: &Path, why: &rustls::Error) -> Self {
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        match why {
            rustls::Error::InconsistentKeys(_) => Self::Strangers { certificate, key },
            why => Self::Pair {
                certificate,
                key,
                why: why.to_string(),
            },
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |why| TlsError::File {
        path: path.to_owned(),
        why,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    let length = file.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    match length.map_err(failed)? as u64 > MOST_BYTES {
        true => Err(failed(io::Error::other("it is larger than 4 MiB"))),
        false => Ok(bytes),
    }
}

/// All certificates of a file, of which there is one at least.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path)?;
    let all = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|why| TlsError::Broken {
        path: path.to_owned(),
        why: match why {
            pem::Error::MissingSectionEnd { .. } => {
                "something in it has a beginning (-----BEGIN …-----) and no end".to_owned()
            }
            why => why.to_string(),
        },
    })?;
    match all.is_empty() {
        true => Err(TlsError::NoCertificate(path.to_owned())),
        false => Ok(all),
    }
}

/// The first private key of a file.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = read(path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| TlsError::NoKey(path.to_owned()))
}

/// The certificates of CAs in a file, as what is trusted.
pub(super) fn roots(path: &Path) -> Result<rustls::RootCertStore, TlsError> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|_| TlsError::Broken {
            path: path.to_owned(),
            why: "what stands in it as a certificate (-----BEGIN CERTIFICATE-----) is none"
                .to_owned(),
        })?;
    }
    Ok(roots)
}
