//! What is said about TLS, the same for every command that takes the address of a broker.

use clap::Args as ClapArgs;
use squall_sim::replay::quoted;
use squall_transport::TlsSettings;
use std::path::PathBuf;

#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "TLS, for addresses that begin with mqtts:// or wss://")]
pub(crate) struct Tls {
    /// Trust the CAs in this PEM file, and not those of the system.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Show this certificate to the broker: a PEM file, with those that it is signed with after it.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The private key of --cert, as PEM.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// The name that the broker's certificate has to have, if it is not the host of the address.
    #[arg(long, value_name = "NAME")]
    pub(crate) server_name: Option<String>,
    /// Trust whoever answers.
    #[arg(long, conflicts_with = "ca")]
    pub(crate) insecure: bool,
}

impl Tls {
    /// The same said again on a command line, with a blank before each word; nothing where nothing was said.
    pub(crate) fn again(&self) -> String {
        let file = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let said = [
            ("--ca", file(&self.ca)),
            ("--cert", file(&self.cert)),
            ("--key", file(&self.key)),
            ("--server-name", self.server_name.clone()),
        ];
        let said = said
            .into_iter()
            .filter_map(|(flag, value)| Some((flag, value?)));
        let mut again: String = said
            .map(|(flag, value)| format!(" {flag} {}", quoted(&value)))
            .collect();
        if self.insecure {
            again += " --insecure";
        }
        again
    }

    pub(crate) fn settings(&self) -> TlsSettings {
        TlsSettings {
            ca: self.ca.clone(),
            certificate: self.cert.clone(),
            key: self.key.clone(),
            server_name: self.server_name.clone(),
            insecure: self.insecure,
        }
    }
}
