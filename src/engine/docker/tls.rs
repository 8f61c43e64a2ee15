//! TLS to an engine: which authority is trusted, which certificate is shown, what a failed handshake means.
//! Reads the PEM files of a `TlsFiles`; returns a client configuration and does the handshake.
//! Never falls back to an unchecked connection unless the operator's settings say so.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::address::{TlsFiles, fault};
use crate::target::{AddressPart, TargetError};

pub(super) fn client_config(address: &str, files: &TlsFiles) -> Result<ClientConfig, TargetError> {
    let bad = |reason: String| fault(AddressPart::Tls, address, reason);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| bad(e.to_string()))?;
    let builder = if files.skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
    } else {
        builder.with_root_certificates(roots(files.ca.as_deref()).map_err(bad)?)
    };
    let Some((certificate, key)) = &files.client else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(certificate).map_err(bad)?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|e| bad(format!("{}: {e}", key.display())))?;
    let unfit = |e| format!("{} and {} cannot be used: {e}", certificate.display(), key.display());
    builder.with_client_auth_cert(chain, secret).map_err(|e| bad(unfit(e)))
}

/// What an error of a connection says about TLS, when it is about that.
pub(super) fn failure_of(address: &str, error: &(dyn std::error::Error + 'static)) -> Option<TargetError> {
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<io::Error>().and_then(carried);
        if let Some(error) = io.or_else(|| error.downcast_ref()) {
            return Some(failure(address, error));
        }
        next = error.source();
    }
    None
}

/// The TLS error inside an I/O error, which does not name the error it carries as its source.
pub(super) fn carried(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|e| e.downcast_ref())
}

/// Why there is no connection.
pub(super) fn failure(address: &str, error: &rustls::Error) -> TargetError {
    let (reason, refused) = said(error);
    TargetError::TlsFailed { address: address.to_owned(), reason, refused }
}

/// The error in words, and whether it is the engine that does not take our certificate.
fn said(error: &rustls::Error) -> (String, bool) {
    use rustls::AlertDescription as Alert;
    use rustls::{CertificateError as Certificate, Error};
    let reason = match error {
        // Of an authority with the same name and another key the signature is wrong.
        Error::InvalidCertificate(Certificate::UnknownIssuer | Certificate::BadSignature) => {
            "its certificate is signed by an authority that is not trusted here".to_owned()
        }
        Error::InvalidCertificate(Certificate::NotValidForName | Certificate::NotValidForNameContext { .. }) => {
            "its certificate is for another host name".to_owned()
        }
        Error::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
            "its certificate has expired".to_owned()
        }
        Error::InvalidMessage(_) => "what answers does not speak TLS".to_owned(),
        Error::AlertReceived(Alert::CertificateRequired) => "it wants a client certificate".to_owned(),
        Error::AlertReceived(
            Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::DecryptError
            | Alert::AccessDenied,
        ) => format!("it does not take the client certificate ({error})"),
        other => return (other.to_string(), false),
    };
    (reason, matches!(error, Error::AlertReceived(_)))
}

pub(super) async fn handshake(
    config: Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(config).connect(name, stream).await
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let said = |e| format!("{}: {e}", path.display());
    let found: Vec<_> = CertificateDer::pem_file_iter(path).map_err(said)?.collect::<Result<_, _>>().map_err(said)?;
    if found.is_empty() { Err(format!("{} holds no certificate", path.display())) } else { Ok(found) }
}

/// The given authority alone, else the machine's own.
fn roots(authority: Option<&Path>) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    match authority {
        Some(path) => {
            for certificate in certificates(path)? {
                store.add(certificate).map_err(|e| format!("{}: {e}", path.display()))?;
            }
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(store)
}

/// Takes any certificate but still checks that the server holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
