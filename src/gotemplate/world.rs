//! What an execution asks of the world outside: the clock, random bytes, live objects, certificates and keys.

use time::OffsetDateTime;

use crate::value::Value;

/// What `lookup` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    pub api_version: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

/// What `genCA` and its relatives ask for.
#[derive(Debug, Clone)]
pub struct CertificateRequest {
    pub common_name: String,
    pub ips: Vec<String>,
    pub names: Vec<String>,
    pub days: i64,
    /// Certificate and key of the authority that signs, in PEM.
    pub signer: Option<Certificate>,
    /// The key to use, in PEM.
    pub key: Option<String>,
    pub authority: bool,
}

/// A certificate and its key, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub certificate: String,
    pub key: String,
}

/// Everything that is not a function of the templates and their data.
pub trait World {
    /// The clock.
    fn now(&self) -> OffsetDateTime;
    /// Fills a buffer with random bytes.
    fn random(&self, bytes: &mut [u8]) -> Result<(), String>;
    /// A live object, `None` when there is no cluster or no such object.
    fn lookup(&self, wanted: &Lookup) -> Result<Option<Value>, String>;
    /// Makes a certificate.
    fn certificate(&self, wanted: &CertificateRequest) -> Result<Certificate, String>;
    /// Makes a private key of a type (`rsa`, `ecdsa`, `ed25519`, `dsa`), in PEM.
    fn private_key(&self, kind: &str) -> Result<String, String>;
}
