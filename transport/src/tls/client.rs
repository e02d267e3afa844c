//! The client's side: whom it trusts, and who it says it is.

use super::{
    failure,
    files::{TlsError, certificates, key, roots},
    provider,
    stream::TlsStream,
};
use crate::Socket;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::{fmt, io, path::PathBuf, sync::Arc};
use tokio_rustls::TlsConnector;

/// What somebody says about TLS. Nothing said: the system's certificates decide whom to trust, and the name is that of the
/// address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// Trust the CAs in this PEM file, and no others.
    pub ca: Option<PathBuf>,
    /// Say that this is who we are: a PEM file with a certificate, and those that it is signed with after it.
    pub certificate: Option<PathBuf>,
    /// The private key of it, in PEM.
    pub key: Option<PathBuf>,
    /// The name that the server's certificate has to have, in the place of the host of the address.
    pub server_name: Option<String>,
    /// Trust whoever answers.
    pub insecure: bool,
}

impl TlsSettings {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The settings, read and ready. Copies share all of it.
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    name: Option<ServerName<'static>>,
}

/// TLS to one server.
#[derive(Clone)]
pub struct Secured {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl ClientTls {
    /// Reads the files, and the system's certificates where no CA is named.
    ///
    /// # Errors
    /// Which file is not what it should be, or what else cannot be had.
    pub fn new(settings: &TlsSettings) -> Result<Self, TlsError> {
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|why| TlsError::Other(why.to_string()))?;
        let builder = match (settings.insecure, &settings.ca) {
            (true, _) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(provider))),
            (false, Some(file)) => builder.with_root_certificates(roots(file)?),
            (false, None) => builder.with_root_certificates(system()?),
        };
        let config = match (&settings.certificate, &settings.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), Some(file)) => builder
                .with_client_auth_cert(certificates(certificate)?, key(file)?)
                .map_err(|why| TlsError::pair(certificate, file, &why))?,
            _ => return Err(TlsError::Half),
        };
        let name = settings.server_name.as_deref().map(name).transpose()?;
        Ok(Self {
            config: Arc::new(config),
            name,
        })
    }

    /// TLS to the server of this name, unless the settings name another.
    ///
    /// # Errors
    /// When no certificate can have the name.
    pub(crate) fn to(&self, host: &str) -> Result<Secured, TlsError> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => name(host)?,
        };
        Ok(Secured {
            config: Arc::clone(&self.config),
            name,
        })
    }
}

impl Secured {
    /// Does the handshake.
    ///
    /// # Errors
    /// What was wrong, in words, and what to do.
    pub(crate) async fn connect(&self, socket: Socket) -> io::Result<TlsStream> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        match connector.connect(self.name.clone(), socket).await {
            Ok(stream) => Ok(TlsStream::of_client(stream)),
            Err(error) => Err(failure::of_handshake(error, true)),
        }
    }
}

fn name(host: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Name(host.to_owned()))
}

/// The CAs that the system trusts. What cannot be read of them is left out, as long as there are any.
fn system() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        true => Err(TlsError::NoRoots),
        false => Ok(roots),
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Secured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secured({:?})", self.name)
    }
}

/// Trusts every certificate; that whoever shows it has its key is still checked.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
