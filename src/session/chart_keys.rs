//! Private keys and certificates for templates of charts: RSA keys in PKCS #1, certificates with Sprig's subject, uses and
//! lifetime.

use std::net::IpAddr;

use aictl_gotemplate::{Certificate, CertificateRequest};
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, SanType, SerialNumber,
};
use rsa::PrivateKey;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};
use rustls::pki_types::PrivatePkcs8KeyDer;
use time::{Duration, OffsetDateTime};

/// Bits of a certificate's key, as Sprig makes it.
const CERTIFICATE_BITS: usize = 2048;

/// Bits of what `genPrivateKey "rsa"` returns.
const KEY_BITS: usize = 4096;

/// A private key of a type, in PEM.
pub(super) fn private_key(kind: &str) -> Result<String, String> {
    match kind {
        "" | "rsa" => shown(&drawn(KEY_BITS)?),
        "dsa" | "ecdsa" | "ed25519" => {
            Err(format!("private keys of type {kind:?} are not supported by aictl; use \"rsa\""))
        }
        other => Ok(format!("Unknown type {other}")),
    }
}

/// A certificate, signed by itself or by the authority that is given.
pub(super) fn certificate(wanted: &CertificateRequest, now: OffsetDateTime) -> Result<Certificate, String> {
    let key = match &wanted.key {
        Some(text) => read(text)?,
        None => drawn(CERTIFICATE_BITS)?,
    };
    let (pair, mut params) = (signing(&key)?, params(wanted, now)?);
    let made = match &wanted.signer {
        None => params.self_signed(&pair),
        Some(signer) => {
            let issuer = Issuer::from_ca_cert_pem(&signer.certificate, signing(&read(&signer.key)?)?)
                .map_err(|error| format!("error parsing certificate: {error}"))?;
            params.use_authority_key_identifier_extension = true;
            params.signed_by(&pair, &issuer)
        }
    };
    let made = made.map_err(|error| format!("error creating certificate: {error}"))?;
    Ok(Certificate { certificate: unix(&made.pem()), key: shown(&key)? })
}

fn params(wanted: &CertificateRequest, now: OffsetDateTime) -> Result<CertificateParams, String> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, wanted.common_name.as_str());
    for name in &wanted.names {
        let name = Ia5String::try_from(name.as_str()).map_err(|error| format!("DNS name {name:?}: {error}"))?;
        params.subject_alt_names.push(SanType::DnsName(name));
    }
    for ip in &wanted.ips {
        let ip: IpAddr = ip.parse().map_err(|_| format!("error parsing ip: {ip} is not an ip"))?;
        params.subject_alt_names.push(SanType::IpAddress(ip));
    }
    params.not_before = now;
    let lifetime = wanted.days.checked_mul(86_400).map(Duration::seconds);
    params.not_after = lifetime.and_then(|lifetime| now.checked_add(lifetime)).ok_or("the lifetime is too long")?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.is_ca = IsCa::ExplicitNoCa;
    if wanted.authority {
        params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(|error| error.to_string())?;
    // A positive number of at most 16 bytes.
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn drawn(bits: usize) -> Result<PrivateKey, String> {
    PrivateKey::new(&mut getrandom::SysRng, bits).map_err(|error| format!("error generating rsa key: {error}"))
}

fn read(text: &str) -> Result<PrivateKey, String> {
    let key = PrivateKey::from_pkcs1_pem(text).or_else(|_| PrivateKey::from_pkcs8_pem(text));
    // Its error could quote the key.
    key.map_err(|_| "parsing private key: only RSA keys in PEM are supported by aictl".to_owned())
}

fn signing(key: &PrivateKey) -> Result<KeyPair, String> {
    let der = key.to_pkcs8_der().map_err(|error| error.to_string())?;
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der.as_bytes()), &PKCS_RSA_SHA256);
    pair.map_err(|error| format!("private key: {error}"))
}

fn shown(key: &PrivateKey) -> Result<String, String> {
    key.to_pkcs1_pem(LineEnding::LF).map(|text| text.to_string()).map_err(|error| error.to_string())
}

/// Go writes PEM with line feeds.
fn unix(pem: &str) -> String {
    pem.replace("\r\n", "\n")
}
