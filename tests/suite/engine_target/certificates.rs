//! An authority of the test's own, and the files an engine and its client need.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};

/// An authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key of a server with this name or address.
    pub fn server(&self, name: &str) -> (String, String) {
        self.signed(CertificateParams::new(vec![name.to_owned()]).unwrap(), ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// Certificate and key of a client.
    pub fn client(&self) -> (String, String) {
        self.signed(CertificateParams::new(Vec::new()).unwrap(), ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn signed(&self, mut params: CertificateParams, purpose: ExtendedKeyUsagePurpose) -> (String, String) {
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    /// `ca.pem` of this authority, and a client's certificate and key of another or the same.
    pub fn write_to(&self, folder: &Path, client: Option<&Self>) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("ca.pem"), self.pem()).unwrap();
        if let Some((certificate, key)) = client.map(Self::client) {
            fs::write(folder.join("cert.pem"), certificate).unwrap();
            fs::write(folder.join("key.pem"), key).unwrap();
        }
    }
}
