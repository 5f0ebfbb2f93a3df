//! TLS between the function and the emulated AWS, with an authority that the function trusts by `AWS_CA_BUNDLE`.

use std::{fs, io, sync::Arc};

use sandbox::{Authority, Options, Tls, TlsError};
use tempfile::TempDir;

/// What a server shows, and the bundle that vouches for it. Clones share both.
#[derive(Clone, Debug)]
pub struct Trusted {
    server: Tls,
    folder: Arc<TempDir>,
}

/// There is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum NoTls {
    /// The certificates.
    #[error(transparent)]
    Certificates(#[from] TlsError),
    /// The bundle.
    #[error("a bundle of certificates cannot be written")]
    Bundle(#[from] io::Error),
}

impl Trusted {
    /// A new authority with a server's certificate.
    ///
    /// # Errors
    /// See [`NoTls`].
    pub fn new() -> Result<Self, NoTls> {
        let authority = Authority::new()?;
        let server = authority.server("localhost")?;
        let folder = Arc::new(TempDir::new()?);
        let trusted = Self { server, folder };
        fs::write(trusted.bundle(), authority.pem())?;
        Ok(trusted)
    }

    /// Puts both AWS services behind TLS, and has the function trust them.
    pub fn serve(&self, options: &mut Options) {
        options.dynamodb_tls = Some(self.server.clone());
        options.secrets_tls = Some(self.server.clone());
        let bundle = self.bundle().display().to_string();
        options.env.push(("AWS_CA_BUNDLE".to_owned(), bundle));
    }

    fn bundle(&self) -> std::path::PathBuf {
        self.folder.path().join("bundle.pem")
    }
}
