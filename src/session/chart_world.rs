//! What templates of a chart may ask of this machine: the clock, random bytes, keys and certificates. There is no cluster to look up objects in.

use aictl_gotemplate::{Certificate, CertificateRequest, Lookup, Value, World};
use time::OffsetDateTime;

use super::chart_keys;

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

    fn certificate(&self, wanted: &CertificateRequest) -> Result<Certificate, String> {
        chart_keys::certificate(wanted, self.now())
    }

    fn private_key(&self, kind: &str) -> Result<String, String> {
        chart_keys::private_key(kind)
    }
}
