//! Look-ups of a chart in a live cluster. Rendering is pure: what a chart asks for is noted, fetched, and rendering begins
//! again, until nothing new is asked for.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aictl_gotemplate::{Certificate, CertificateRequest, Lookup, Value, World, from_yaml};
use time::OffsetDateTime;

use crate::error::Result;
use crate::plan::cluster::ObjectRef;
use crate::session::chart_world::LocalWorld;
use crate::target::ClusterObjects;

/// What was fetched, as JSON texts; none for what does not exist.
pub(super) type Known = BTreeMap<[String; 4], Option<String>>;

/// A world that knows what was fetched and notes what was not.
pub(super) struct KnownWorld<'k> {
    known: &'k Known,
    missing: Mutex<Vec<[String; 4]>>,
}

fn key(wanted: &Lookup) -> [String; 4] {
    [&wanted.api_version, &wanted.kind, &wanted.namespace, &wanted.name].map(Clone::clone)
}

impl<'k> KnownWorld<'k> {
    pub(super) fn new(known: &'k Known) -> Self {
        Self { known, missing: Mutex::default() }
    }

    /// What was asked for and is not known yet.
    pub(super) fn into_missing(self) -> Vec<[String; 4]> {
        self.missing.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World for KnownWorld<'_> {
    fn now(&self) -> OffsetDateTime {
        LocalWorld.now()
    }

    fn random(&self, bytes: &mut [u8]) -> std::result::Result<(), String> {
        LocalWorld.random(bytes)
    }

    fn lookup(&self, wanted: &Lookup) -> std::result::Result<Option<Value>, String> {
        match self.known.get(&key(wanted)) {
            // JSON is YAML.
            Some(Some(text)) => from_yaml(text).map(Some).map_err(|error| error.message),
            Some(None) => Ok(None),
            None => {
                self.missing.lock().unwrap_or_else(PoisonError::into_inner).push(key(wanted));
                Ok(None)
            }
        }
    }

    fn certificate(&self, wanted: &CertificateRequest) -> std::result::Result<Certificate, String> {
        LocalWorld.certificate(wanted)
    }

    fn private_key(&self, kind: &str) -> std::result::Result<String, String> {
        LocalWorld.private_key(kind)
    }
}

/// Fetches what a rendering asked for.
pub(super) async fn fetch(cluster: &dyn ClusterObjects, missing: &[[String; 4]], known: &mut Known) -> Result<()> {
    for wanted in missing {
        let [api_version, kind, namespace, name] = wanted.clone();
        let is_list = name.is_empty();
        let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
        let object = ObjectRef { api_version, kind, namespace, name };
        let found = if is_list {
            Some(cluster.observe_objects(&object).await?.to_string())
        } else {
            cluster.observe_object(&object).await?.map(|object| object.to_string())
        };
        known.insert(wanted.clone(), found);
    }
    Ok(())
}
