//! The configuration of a release as it is stored: the whole stack and the contents of its files, with the values of
//! secrets. It is kept apart from the records, readable by the owner of the state alone, and never shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::kept_container::KeptContainer;
use super::secret_places::{SecretPlaces, VersionedSecret};
use super::settings::DeploySettings;
use crate::compose::model::Stack;
use crate::error::Result;
use crate::plan::CopiedFile;
use crate::plan::content::ServiceContent;
use crate::release::{PastRelease, SecretVersion};
use crate::session::{Context, WorkflowError};

/// The newest format this binary writes and reads.
const FORMAT: u32 = 2;

/// A key for digests of what may be secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyed(String);

impl Keyed {
    /// A new key.
    pub fn drawn(context: &Context) -> Result<Self> {
        let mut bytes = [0; 32];
        (context.random)(&mut bytes)
            .map_err(|e| WorkflowError::File { path: "random bytes".to_owned(), reason: e.to_string() })?;
        Ok(Self(hex::encode(bytes)))
    }

    /// The digest of a text, useless without the key.
    pub fn digest(&self, text: &[u8]) -> String {
        let inner = Sha256::new().chain_update(&self.0).chain_update(text).finalize();
        hex::encode(Sha256::new().chain_update(&self.0).chain_update(inner).finalize())
    }
}

/// A stored configuration.
#[derive(Clone, PartialEq)]
pub struct Configuration {
    /// Key of the digests in the records.
    pub key: Keyed,
    /// The stack.
    pub stack: Stack,
    /// The contents of the files of each service.
    pub contents: BTreeMap<String, ServiceContent>,
    /// Env files of the command line, for the label.
    pub env_files: Vec<String>,
    /// Routes, strategies and the like.
    pub settings: DeploySettings,
    /// Image ids by service, known once the release was deployed.
    pub images: BTreeMap<String, String>,
    /// The values of secrets, and where they stand; empty where that is not known.
    pub secrets: SecretPlaces,
    /// Containers that stay although they were made with other values.
    pub kept: BTreeMap<String, KeptContainer>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    key: Keyed,
    stack: Stack,
    contents: BTreeMap<String, StoredContent>,
    env_files: Vec<String>,
    settings: DeploySettings,
    #[serde(default)]
    secrets: SecretPlaces,
    #[serde(default)]
    kept: BTreeMap<String, KeptContainer>,
}

#[derive(Serialize, Deserialize)]
struct StoredContent {
    files: Vec<StoredFile>,
    bound: BTreeMap<String, String>,
    digest: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredFile {
    target: String,
    content: String,
    uid: u64,
    gid: u64,
    mode: u32,
}

impl Configuration {
    /// As it is stored. The process environment is no part of it: what the stack took from there is in its contents.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let stored = Stored {
            format: FORMAT,
            key: self.key.clone(),
            stack: Stack { environment: Default::default(), ..self.stack.clone() },
            contents: self.contents.iter().map(|(name, content)| (name.clone(), stored(content))).collect(),
            env_files: self.env_files.clone(),
            settings: self.settings.clone(),
            secrets: self.secrets.clone(),
            kept: self.kept.clone(),
        };
        serde_json::to_vec(&stored).map_err(|e| {
            let message = format!("the configuration cannot be stored: {e}");
            WorkflowError::Refused { message, hint: None }.into()
        })
    }

    /// The reverse of `encode`; `images` come from the record. The error says what is wrong with it.
    pub fn decode(bytes: &[u8], images: BTreeMap<String, String>) -> std::result::Result<Self, String> {
        // Words of the parser could quote a value.
        let stored: Stored = serde_json::from_slice(bytes).map_err(|_| "is damaged".to_owned())?;
        if stored.format > FORMAT {
            return Err(format!("has format {}, this aictl reads up to {FORMAT}", stored.format));
        }
        let contents = stored.contents.into_iter().map(|(name, content)| Ok((name, restored(content)?)));
        Ok(Self {
            key: stored.key,
            stack: stored.stack,
            contents: contents.collect::<std::result::Result<_, String>>()?,
            env_files: stored.env_files,
            settings: stored.settings,
            images,
            secrets: stored.secrets,
            kept: stored.kept,
        })
    }

    /// The same with other values of secrets. None where they do not fit.
    pub(super) fn with_values(&self, values: &BTreeMap<String, VersionedSecret>) -> Option<Self> {
        let mut secrets = self.secrets.clone();
        for (name, value) in values {
            *secrets.values.get_mut(name)? = value.clone();
        }
        let (stack, contents) = secrets.fill(&self.stack, &self.contents)?;
        Some(Self { stack, contents, secrets, ..self.clone() })
    }

    /// The versions of its secrets, as a record has them.
    pub(super) fn secret_versions(&self) -> BTreeMap<String, SecretVersion> {
        let version = |(name, secret): (&String, &VersionedSecret)| {
            let hash = self.key.digest(secret.value.expose().as_bytes());
            (name.clone(), SecretVersion { version: secret.version, hash })
        };
        self.secrets.values.iter().map(version).collect()
    }

    /// Numbers the values: one that a release had before keeps its number, another one gets the next.
    pub(super) fn number_secrets(&mut self, releases: &[PastRelease]) {
        for (name, secret) in &mut self.secrets.values {
            let hash = self.key.digest(secret.value.expose().as_bytes());
            let before = || releases.iter().filter_map(|past| past.release.secrets.get(name));
            let known = before().find(|found| found.hash == hash).map(|found| found.version);
            let highest = before().map(|found| found.version).max().unwrap_or_default();
            secret.version = known.unwrap_or(highest + 1);
        }
    }

    /// The keyed digest of a service: its configuration and the content of its files.
    pub fn fingerprint(&self, name: &str) -> String {
        let Some(service) = self.stack.services.get(name) else { return String::new() };
        let hash = crate::compose::hash::config_hash(service);
        let content = self.contents.get(name).and_then(|content| content.digest.clone()).unwrap_or_default();
        self.key.digest(format!("{hash} {content} {}", service.scale()).as_bytes())
    }
}

fn stored(content: &ServiceContent) -> StoredContent {
    let file = |file: &CopiedFile| StoredFile {
        target: file.target.clone(),
        content: hex::encode(&file.content),
        uid: file.uid,
        gid: file.gid,
        mode: file.mode,
    };
    StoredContent {
        files: content.files.iter().map(file).collect(),
        bound: content.bound.clone(),
        digest: content.digest.clone(),
    }
}

fn restored(content: StoredContent) -> std::result::Result<ServiceContent, String> {
    let file = |file: StoredFile| {
        let bytes = hex::decode(&file.content).map_err(|_| "is damaged".to_owned())?;
        Ok(CopiedFile { target: file.target, content: bytes, uid: file.uid, gid: file.gid, mode: file.mode })
    };
    Ok(ServiceContent {
        files: content.files.into_iter().map(file).collect::<std::result::Result<_, String>>()?,
        bound: content.bound,
        digest: content.digest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::hash::config_hash;
    use crate::compose::{FileSource, LoadArgs, LoadOptions, load};
    use crate::input_file::LocalFiles;

    #[test]
    fn a_configuration_survives_its_store_with_the_same_hashes_and_without_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let text = include_str!("../../../tests/fixtures/compose/service-everything-long/compose.yaml");
        for file in ["one.env", "two.env", "raw.env", "one.labels", "two.labels", "my-spec.json"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        let args = LoadArgs {
            working_dir: folder.path().to_owned(),
            files: vec![FileSource::Inline { name: folder.path().join("compose.yaml"), text: text.to_owned() }],
            project_name: Some("shop".to_owned()),
            environment: [("AMBIENT".to_owned(), "ambient-canary".to_owned())].into(),
            options: LoadOptions { all_resources: true, discard_env_files: true, ..Default::default() },
            ..Default::default()
        };
        let stack = load(&args, &LocalFiles).unwrap().stack;
        let file = CopiedFile { target: "/run/secrets/a".into(), content: vec![0, 255], uid: 1, gid: 2, mode: 0o400 };
        let content = ServiceContent { files: vec![file], digest: Some("d".into()), ..Default::default() };
        let contents = stack.services.keys().map(|name| (name.clone(), content.clone())).collect();
        let (key, env_files) = (Keyed("k".into()), vec!["/a.env".to_owned()]);
        let whole = Configuration {
            key,
            stack,
            contents,
            env_files,
            settings: Default::default(),
            images: BTreeMap::new(),
            secrets: Default::default(),
            kept: Default::default(),
        };
        let bytes = whole.encode().unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("ambient-canary"));
        let read = Configuration::decode(&bytes, BTreeMap::new()).unwrap();
        for (name, service) in &whole.stack.services {
            assert_eq!(config_hash(&read.stack.services[name]), config_hash(service), "{name}");
            assert_eq!(read.fingerprint(name), whole.fingerprint(name));
        }
        assert_eq!(read.stack.to_json().unwrap(), whole.stack.to_json().unwrap());
        assert!((read.contents, read.env_files) == (whole.contents, whole.env_files));
    }
}
