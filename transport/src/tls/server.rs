//! The server's side: its certificate, and whose clients it lets in.

use super::{
    failure,
    files::{TlsError, certificates, key, roots},
    provider,
    stream::TlsStream,
};
use crate::Socket;
use rustls::{ServerConfig, server::WebPkiClientVerifier};
use std::{fmt, io, path::Path, sync::Arc};
use tokio_rustls::TlsAcceptor;

/// What a server says with TLS, read and ready. Copies share all of it.
#[derive(Clone)]
pub struct ServerTls(TlsAcceptor);

impl ServerTls {
    /// A server with this certificate, and those that it is signed with after it, and with this private key, both in PEM.
    /// With `client_ca`, the certificates of CAs in PEM, every client has to show a certificate that one of them signed.
    ///
    /// # Errors
    /// Which file is not what it should be.
    pub fn new(
        certificate: &Path,
        key_file: &Path,
        client_ca: Option<&Path>,
    ) -> Result<Self, TlsError> {
        let other = |why: &dyn fmt::Display| TlsError::Other(why.to_string());
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|why| other(&why))?;
        let builder = match client_ca {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let roots = Arc::new(roots(file)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
                    .build()
                    .map_err(|why| other(&why))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let config = builder
            .with_single_cert(certificates(certificate)?, key(key_file)?)
            .map_err(|why| TlsError::pair(certificate, key_file, &why))?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Does the handshake.
    ///
    /// # Errors
    /// What was wrong, in words.
    pub(crate) async fn accept(&self, socket: Socket) -> io::Result<TlsStream> {
        match self.0.accept(socket).await {
            Ok(stream) => Ok(TlsStream::of_server(stream)),
            Err(error) => Err(failure::of_handshake(error, false)),
        }
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls")
    }
}
