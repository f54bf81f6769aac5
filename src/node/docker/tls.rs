//! An engine behind TLS, with the certificates that Docker's own client takes: `ca.pem`, `cert.pem` and `key.pem` of one
//! folder. Source: "Protect the Docker daemon socket" of Docker's documentation.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::dial::{ConnectFailed, Dial, Stream, words};
use crate::model::NodeName;

/// To an engine that listens on a port.
pub struct TlsPort {
    host: String,
    port: u16,
    name: ServerName<'static>,
    connector: TlsConnector,
}

impl TlsPort {
    /// The engine at `host` and `port`. The certificates are those of the node's own folder in `folder`, if there is one,
    /// else those of `folder` itself.
    ///
    /// # Errors
    /// A certificate or the key cannot be read, or does not fit.
    pub fn new(node: &NodeName, host: &str, port: u16, folder: &Path) -> Result<Self, ConnectFailed> {
        let own = folder.join(node.as_str());
        let folder = if own.is_dir() { own.clone() } else { folder.to_owned() };
        let hint = format!(
            "`ca.pem`, `cert.pem` and `key.pem` are looked for in {} if it is there, else in {}",
            own.display(),
            own.parent().unwrap_or(&own).display()
        );
        let failed = |why| ConnectFailed { address: address(host, port), why, hint: hint.clone() };
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| failed(format!("`{host}` is neither a host name nor an address")))?;
        let config = configuration(&folder).map_err(failed)?;
        Ok(Self { host: host.to_owned(), port, name, connector: TlsConnector::from(Arc::new(config)) })
    }
}

#[async_trait]
impl Dial for TlsPort {
    fn address(&self) -> String {
        address(&self.host, self.port)
    }

    async fn dial(&self) -> Result<Box<dyn Stream>, ConnectFailed> {
        let failed = |error: io::Error| {
            let (why, hint) = explained(&error);
            ConnectFailed { address: self.address(), why, hint }
        };
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(failed)?;
        // Requests are small and each is waited for.
        tcp.set_nodelay(true).map_err(failed)?;
        Ok(Box::new(self.connector.connect(self.name.clone(), tcp).await.map_err(failed)?))
    }
}

fn address(host: &str, port: u16) -> String {
    crate::model::homelab::NodeAddress::Tcp { host: host.to_owned(), port }.to_string()
}

/// Both sides prove who they are; the engine by the authority in `ca.pem` and by no other.
fn configuration(folder: &Path) -> Result<ClientConfig, String> {
    let [ca, cert, key] = ["ca.pem", "cert.pem", "key.pem"].map(|name| folder.join(name));
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&ca)? {
        roots.add(certificate).map_err(|error| format!("{}: {error}", ca.display()))?;
    }
    let own = certificates(&cert)?;
    let secret = PrivateKeyDer::from_pem_file(&key).map_err(|error| unreadable(&key, &error))?;
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let config = builder.with_root_certificates(roots).with_client_auth_cert(own, secret);
    config.map_err(|error| format!("{} and {}: {error}", cert.display(), key.display()))
}

fn certificates(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match all {
        Ok(all) if all.is_empty() => Err(format!("{}: there is no certificate in it", path.display())),
        Ok(all) => Ok(all),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &pem::Error) -> String {
    let why = match error {
        pem::Error::Io(error) => words(error),
        pem::Error::NoItemsFound => "there is no key in it".to_owned(),
        // Its text may quote what is in the file.
        _ => "it is not in the form of PEM".to_owned(),
    };
    format!("{}: {why}", path.display())
}

/// Why there is no connection, and what to do about it.
fn explained(error: &io::Error) -> (String, String) {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let hint = refused(error).unwrap_or(match error.kind() {
        io::ErrorKind::ConnectionRefused => "does the engine listen there (`dockerd -H tcp://… --tlsverify`)?",
        _ => "",
    });
    (tls.map_or_else(|| words(error), ToString::to_string), hint.to_owned())
}

/// The way out where one side did not accept what the other proved; none for what has nothing to do with that. The engine
/// says that it does not accept a certificate when the first request is on its way already.
pub fn refused(error: &io::Error) -> Option<&'static str> {
    match error.get_ref()?.downcast_ref()? {
        rustls::Error::InvalidCertificate(_) => {
            Some("its certificate must be signed by the authority in ca.pem, and name the host as the inventory does")
        }
        rustls::Error::AlertReceived(_) => Some("it does not accept cert.pem: is it signed by the engine's authority?"),
        rustls::Error::InvalidMessage(_) => {
            Some("what answers there does not speak TLS; an engine that everybody may use is not for hl")
        }
        _ => None,
    }
}
