//! What templates of a chart may ask of this machine: the clock and random bytes. There is no cluster to look up objects in.

use aictl_gotemplate::{Certificate, CertificateRequest, Lookup, Value, World};
use time::OffsetDateTime;

/// This machine, without a cluster.
pub struct LocalWorld;

impl World for LocalWorld {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), String> {
        getrandom::fill(bytes).map_err(|error| error.to_string())
    }

    fn lookup(&self, _: &Lookup) -> Result<Option<Value>, String> {
        Ok(None)
    }

    fn certificate(&self, _: &CertificateRequest) -> Result<Certificate, String> {
        Err("certificates are not supported by aictl".to_owned())
    }

    fn private_key(&self, _: &str) -> Result<String, String> {
        Err("private keys are not supported by aictl".to_owned())
    }
}
