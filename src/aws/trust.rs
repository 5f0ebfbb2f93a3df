//! Which certificate authorities the function trusts when it calls AWS.

use std::{fs, io, path::Path};

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Amazon Root CA 1 to 4 and Starfield Services Root CA G2: the five authorities that Amazon Trust
/// Services asks clients to trust (<https://www.amazontrust.com/repository/>).
///
/// They cover AWS's commercial regions and GovCloud. The European Sovereign Cloud has authorities
/// of its own, cross-signed by three of these so far. The ISO partitions have private ones, and no
/// statement about China was found. There, and behind a proxy that inspects TLS, `AWS_CA_BUNDLE`
/// names the authorities.
///
/// Five certificates are parsed in a fraction of the time that the system's store of 140 takes,
/// which would be most of the instructions of a cold start.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// Why there is no trust store. The text names the variable and the fix, and nothing of the file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read.
    #[error("AWS_CA_BUNDLE must name a PEM file that the function can read: {0}")]
    Unreadable(io::ErrorKind),
    /// It is no PEM, or has no certificate.
    #[error("AWS_CA_BUNDLE must name a PEM file of certificates (BEGIN CERTIFICATE); it has none")]
    NoCertificate,
    /// One of its certificates is damaged.
    #[error("AWS_CA_BUNDLE: certificate {0} of the file is damaged")]
    Damaged(usize),
    /// The HTTP client refused the store.
    #[error("the HTTP client refused the trust store: report this as a bug")]
    Refused,
}

/// Trusts the authorities in the PEM file `bundle`, or Amazon's five without one.
///
/// Never falls back to another store: without a trust store the function does not start.
pub(super) fn tls_context(bundle: Option<&Path>) -> Result<TlsContext, TrustError> {
    let pem = match bundle {
        Some(path) => {
            let pem = fs::read(path).map_err(|error| TrustError::Unreadable(error.kind()))?;
            // The HTTP client panics at a certificate that it cannot parse.
            check(&pem)?;
            pem
        }
        None => AMAZON_ROOTS.to_vec(),
    };
    let store = TrustStore::empty().with_pem_certificate(pem);
    TlsContext::builder()
        .with_trust_store(store)
        .build()
        .map_err(|_| TrustError::Refused)
}

/// Parses every certificate as the HTTP client will.
fn check(pem: &[u8]) -> Result<(), TrustError> {
    let mut store = RootCertStore::empty();
    for (index, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        certificate
            .ok()
            .and_then(|certificate| store.add(certificate).ok())
            .ok_or(TrustError::Damaged(index + 1))?;
    }
    if store.is_empty() {
        return Err(TrustError::NoCertificate);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ring::digest;

    use super::*;

    /// As Amazon Trust Services publishes them.
    const FINGERPRINTS: [&str; 5] = [
        // Amazon Root CA 1
        "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
        // Amazon Root CA 2
        "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
        // Amazon Root CA 3
        "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
        // Amazon Root CA 4
        "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
        // Starfield Services Root Certificate Authority - G2
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
    ];

    #[test]
    fn trusts_exactly_amazons_five() {
        let hex = |bytes: &[u8]| {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
            digits.collect::<String>()
        };
        let fingerprints: Vec<String> = CertificateDer::pem_slice_iter(AMAZON_ROOTS)
            .map(|certificate| hex(digest::digest(&digest::SHA256, &certificate.unwrap()).as_ref()))
            .collect();
        assert_eq!(fingerprints, FINGERPRINTS);
        assert_eq!(check(AMAZON_ROOTS), Ok(()));
    }

    #[test]
    fn trusts_none_of_the_systems_authorities() {
        // Nothing but its Debug tells.
        let context = format!("{:?}", tls_context(None).unwrap());
        assert!(context.contains("enable_native_roots: false"), "{context}");
    }

    #[test]
    fn a_bundle_must_be_whole() {
        let one = AMAZON_ROOTS
            .split_inclusive(|byte| *byte == b'\n')
            .take_while(|line| !line.starts_with(b"-----END"))
            .collect::<Vec<_>>()
            .concat();
        let end = b"-----END CERTIFICATE-----\n";
        let whole = [&one[..], end].concat();
        assert_eq!(check(&whole), Ok(()));
        // A line of base64 is missing: PEM, and no certificate.
        let short = [&one[..one.len() - 65], end].concat();
        let cut_off = [&whole[..], &one].concat();
        let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for (pem, fault) in [
            (&b""[..], TrustError::NoCertificate),
            (b"no PEM", TrustError::NoCertificate),
            (key, TrustError::NoCertificate),
            (&short, TrustError::Damaged(1)),
            (&cut_off, TrustError::Damaged(2)),
        ] {
            assert_eq!(check(pem), Err(fault));
        }
    }

    #[test]
    fn an_unreadable_bundle_names_the_variable() {
        let error = tls_context(Some(Path::new("/nowhere/bundle.pem"))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "AWS_CA_BUNDLE must name a PEM file that the function can read: entity not found"
        );
    }
}
