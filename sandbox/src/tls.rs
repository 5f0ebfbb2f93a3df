//! TLS for the two AWS services: a certificate authority made for one process, and what it issues.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig, SupportedProtocolVersion,
        crypto::ring,
        pki_types::PrivateKeyDer,
        version::{TLS12, TLS13},
    },
    server::TlsStream,
};

/// A certificate authority: a root, and an intermediate that issues, as Amazon's does.
#[derive(Debug)]
pub struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

/// A server's certificates and key. Clones share them.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

/// A server on `localhost`, and the file that has the function trust it. Clones share both; the
/// file goes with the last.
#[derive(Clone, Debug)]
pub struct Trusted {
    server: Tls,
    bundle: PathBuf,
    _folder: Arc<TempDir>,
}

/// There is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A name that cannot be in a certificate, or no randomness.
    #[error("a certificate cannot be made")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refuses what was made.
    #[error("a certificate cannot be served")]
    Server(#[from] rustls::Error),
    /// No temporary file.
    #[error("a bundle of certificates cannot be written")]
    Bundle(#[from] io::Error),
}

impl Authority {
    /// A new one, which nobody trusts yet.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new() -> Result<Self, TlsError> {
        let root = authority("Sandbox Root CA");
        let root = CertifiedIssuer::self_signed(root, KeyPair::generate()?)?;
        let intermediate = authority("Sandbox Intermediate CA");
        let intermediate = CertifiedIssuer::signed_by(intermediate, KeyPair::generate()?, &root)?;
        Ok(Self { root, intermediate })
    }

    /// The root's certificate, for a file that `AWS_CA_BUNDLE` names.
    pub fn pem(&self) -> String {
        self.root.pem()
    }

    /// A server of TLS 1.3, whose certificate is for `name`: a host name or an IP address.
    ///
    /// # Errors
    /// The name is neither.
    pub fn server(&self, name: &str) -> Result<Tls, TlsError> {
        self.issue(certificate(name)?, &TLS13)
    }

    /// A server of TLS 1.2.
    ///
    /// # Errors
    /// As [`Authority::server`].
    pub fn server_of_tls_1_2(&self, name: &str) -> Result<Tls, TlsError> {
        self.issue(certificate(name)?, &TLS12)
    }

    /// A server whose certificate has expired.
    ///
    /// # Errors
    /// As [`Authority::server`].
    pub fn expired_server(&self, name: &str) -> Result<Tls, TlsError> {
        let mut certificate = certificate(name)?;
        certificate.not_after = date_time_ymd(2020, 1, 1);
        self.issue(certificate, &TLS13)
    }

    fn issue(
        &self,
        certificate: CertificateParams,
        version: &'static SupportedProtocolVersion,
    ) -> Result<Tls, TlsError> {
        let key = KeyPair::generate()?;
        let certificate = certificate.signed_by(&key, &self.intermediate)?;
        let chain = vec![certificate.into(), self.intermediate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Tls(Arc::new(server)))
    }
}

impl Tls {
    /// Shakes hands on a connection that was accepted.
    ///
    /// # Errors
    /// The client refuses the certificate, or goes away.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.0.clone()).accept(stream).await
    }
}

impl Trusted {
    /// A server of a new authority, and that authority's certificate in a file.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn new() -> Result<Self, TlsError> {
        let authority = Authority::new()?;
        let folder = TempDir::new()?;
        let bundle = folder.path().join("bundle.pem");
        fs::write(&bundle, authority.pem())?;
        Ok(Self {
            server: authority.server("localhost")?,
            bundle,
            _folder: Arc::new(folder),
        })
    }

    /// The server.
    pub fn server(&self) -> &Tls {
        &self.server
    }

    /// The value of `AWS_CA_BUNDLE`.
    pub fn bundle(&self) -> &Path {
        &self.bundle
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

fn certificate(name: &str) -> Result<CertificateParams, rcgen::Error> {
    CertificateParams::new([name.to_owned()])
}

fn authority(name: &str) -> CertificateParams {
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority
}
