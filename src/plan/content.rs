//! What a service's configs, secrets and bind-mounted files contain: the files to copy in, and one digest over all.
//! Reads files through `Files` and the project's environment; a container whose digest differs is replaced.
//! Never keeps a secret's bytes outside `CopiedFile`, never follows directories: a mounted source tree is not content.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{CopiedFile, PlanError};
use crate::compose::model::{FileReference, Service, Stack};
use crate::input_file::{FileKind, Files};

/// Larger bind-mounted files are data, not configuration.
const LARGEST: u64 = 16 * 1024 * 1024;

/// The contents one service's containers are made with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServiceContent {
    /// Files to be copied into the created container.
    pub files: Vec<CopiedFile>,
    /// Files of the engine's own machine to mount read-only: path inside → host path.
    pub bound: BTreeMap<String, String>,
    /// Digest over everything the service uses, absent when it uses nothing.
    pub digest: Option<String>,
}

/// Reads the contents of one service. With `bind_files` (a local engine) configs and secrets that are files are left to
/// be bind-mounted, as Compose does; on a remote engine they are copied.
pub fn load_content(
    stack: &Stack,
    name: &str,
    bind_files: bool,
    disk: &dyn Files,
) -> Result<ServiceContent, PlanError> {
    let Some(service) = stack.services.get(name) else { return Ok(ServiceContent::default()) };
    let mut reader =
        Reader { stack, disk, name, bind_files, content: ServiceContent::default(), hasher: BTreeMap::new() };
    for reference in &service.secrets {
        reader.secret(reference)?;
    }
    for reference in &service.configs {
        reader.config(reference)?;
    }
    reader.binds(service)?;
    Ok(reader.finish())
}

struct Reader<'a> {
    stack: &'a Stack,
    disk: &'a dyn Files,
    name: &'a str,
    bind_files: bool,
    content: ServiceContent,
    hasher: BTreeMap<String, Vec<u8>>,
}

/// Where a secret or config comes from, whichever of the two it is.
struct ContentSource<'a> {
    what: String,
    file: &'a str,
    environment: &'a str,
    content: Option<&'a str>,
    target: String,
}

impl Reader<'_> {
    fn secret(&mut self, reference: &FileReference) -> Result<(), PlanError> {
        let Some(secret) = self.stack.secrets.get(&reference.source) else { return Ok(()) };
        let what = format!("secret `{}`", reference.source);
        if secret.external {
            return Err(PlanError::ExternalContent { service: self.name.to_owned(), what });
        }
        let target = match reference.target.as_str() {
            "" => format!("/run/secrets/{}", reference.source),
            path if path.starts_with('/') => path.to_owned(),
            name => format!("/run/secrets/{name}"),
        };
        let (file, environment) = (secret.file.clone(), secret.environment.clone());
        self.take(ContentSource { what, file: &file, environment: &environment, content: None, target }, reference)
    }

    fn config(&mut self, reference: &FileReference) -> Result<(), PlanError> {
        let Some(config) = self.stack.configs.get(&reference.source) else { return Ok(()) };
        let what = format!("config `{}`", reference.source);
        if config.external {
            return Err(PlanError::ExternalContent { service: self.name.to_owned(), what });
        }
        let target = match reference.target.as_str() {
            "" => format!("/{}", reference.source),
            path if path.starts_with('/') => path.to_owned(),
            name => format!("/{name}"),
        };
        let config = config.clone();
        let content = (!config.content.is_empty()).then_some(config.content.as_str());
        let source = ContentSource { what, file: &config.file, environment: &config.environment, content, target };
        self.take(source, reference)
    }

    fn take(&mut self, source: ContentSource<'_>, reference: &FileReference) -> Result<(), PlanError> {
        let bytes = match source.content {
            Some(content) => content.as_bytes().to_vec(),
            None if !source.environment.is_empty() => self.variable(&source)?,
            None if self.bind_files && self.is_mounted_only(source.file) => {
                self.hasher.insert(source.target.clone(), source.file.as_bytes().to_vec());
                self.content.bound.insert(source.target, source.file.to_owned());
                return Ok(());
            }
            None if !source.file.is_empty() => self.read(&source.what, Path::new(source.file))?,
            None => return Ok(()),
        };
        self.hasher.insert(source.target.clone(), bytes.clone());
        if !source.file.is_empty() && self.bind_files {
            self.content.bound.insert(source.target, source.file.to_owned());
            return Ok(());
        }
        let number = |text: &str| text.parse().unwrap_or(0);
        self.content.files.push(CopiedFile {
            target: source.target,
            content: bytes,
            uid: number(&reference.uid),
            gid: number(&reference.gid),
            mode: reference.mode.as_ref().and_then(|m| u32::try_from(m.0).ok()).unwrap_or(0o444),
        });
        Ok(())
    }

    /// A directory, device or socket: the engine mounts it, as for Compose, and only its path is compared.
    fn is_mounted_only(&self, file: &str) -> bool {
        !file.is_empty() && matches!(self.disk.kind(Path::new(file)), Ok(FileKind::Directory | FileKind::Other))
    }

    fn variable(&self, source: &ContentSource<'_>) -> Result<Vec<u8>, PlanError> {
        let value = self.stack.environment.get(source.environment);
        value.map(|v| v.clone().into_bytes()).ok_or_else(|| PlanError::UnsetVariable {
            service: self.name.to_owned(),
            what: source.what.clone(),
            variable: source.environment.to_owned(),
        })
    }

    fn read(&self, what: &str, path: &Path) -> Result<Vec<u8>, PlanError> {
        self.disk.read(path).map_err(|e| PlanError::Unreadable {
            service: self.name.to_owned(),
            what: what.to_owned(),
            path: path.display().to_string(),
            reason: e.to_string(),
        })
    }

    /// Bind-mounted regular files: an editor that replaces one leaves the container with the old inode, so a change
    /// must replace the container. On a remote engine the path is the engine's and not ours to read.
    fn binds(&mut self, service: &Service) -> Result<(), PlanError> {
        if !self.bind_files {
            return Ok(());
        }
        for volume in service.volumes.iter().filter(|v| v.r#type == "bind") {
            let path = Path::new(&volume.source);
            if matches!(self.disk.kind(path), Ok(FileKind::Regular { size }) if size <= LARGEST) {
                let bytes = self.read("bind mount", path)?;
                self.hasher.insert(volume.target.clone(), bytes);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> ServiceContent {
        let parts = self.hasher.iter().map(|(target, bytes)| (target.as_str(), bytes.as_slice()));
        self.content.digest = (!self.hasher.is_empty()).then(|| digest(parts));
        self.content
    }
}

/// The digest over paths and contents, in the order of the paths.
fn digest<'p>(parts: impl Iterator<Item = (&'p str, &'p [u8])>) -> String {
    let mut digest = Sha256::new();
    for (target, bytes) in parts {
        digest.update((target.len() as u64).to_be_bytes());
        digest.update(target);
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    }
    hex::encode(digest.finalize())
}

impl ServiceContent {
    /// The same with another content of one of its files; none where there is no such file.
    #[must_use]
    pub fn with_file(mut self, index: usize, bytes: Vec<u8>) -> Option<Self> {
        let was_all = self.digest.as_ref() == Some(&self.digest_of_files());
        let file = self.files.get_mut(index)?;
        if file.content == bytes {
            return Some(self);
        }
        file.content = bytes;
        let files = self.digest_of_files();
        // What is mounted beside the files is in the digest before only.
        let beside = || {
            digest([("", self.digest.as_deref().unwrap_or_default().as_bytes()), ("", files.as_bytes())].into_iter())
        };
        self.digest = Some(if was_all { files } else { beside() });
        Some(self)
    }

    fn digest_of_files(&self) -> String {
        let files: BTreeMap<&str, &[u8]> =
            self.files.iter().map(|f| (f.target.as_str(), f.content.as_slice())).collect();
        digest(files.into_iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::{ConfigSource, SecretSource, ServiceVolume};
    use crate::input_file::LocalFiles;

    fn stack(configure: impl FnOnce(&mut Stack, &mut Service)) -> Stack {
        let (mut stack, mut service) = (Stack::default(), Service::default());
        configure(&mut stack, &mut service);
        stack.services.insert("api".into(), service);
        stack
    }

    #[test]
    fn changed_inline_content_changes_the_digest_and_is_copied_with_mode_0444() {
        let with = |text: &str| {
            let stack = stack(|stack, service| {
                let config = ConfigSource { content: text.into(), ..Default::default() };
                stack.configs.insert("nginx".into(), config);
                service.configs.push(FileReference { source: "nginx".into(), ..Default::default() });
            });
            load_content(&stack, "api", true, &LocalFiles).unwrap()
        };
        let (one, two) = (with("a"), with("b"));
        assert_ne!(one.digest, two.digest);
        assert_eq!((one.files[0].target.as_str(), one.files[0].mode), ("/nginx", 0o444));
    }

    #[test]
    fn a_file_secret_is_bound_locally_and_copied_to_a_remote_engine_with_one_digest() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "hunter2").unwrap();
        let stack = stack(|stack, service| {
            let file = path.display().to_string();
            stack.secrets.insert("key".into(), SecretSource { file, ..Default::default() });
            service.secrets.push(FileReference { source: "key".into(), ..Default::default() });
        });
        let (local, remote) = (
            load_content(&stack, "api", true, &LocalFiles).unwrap(),
            load_content(&stack, "api", false, &LocalFiles).unwrap(),
        );
        assert!(local.files.is_empty() && local.bound["/run/secrets/key"] == path.display().to_string());
        assert_eq!(remote.files[0].target, "/run/secrets/key");
        assert_eq!(local.digest, remote.digest);
        assert!(!format!("{remote:?}").contains("hunter2"));
    }

    #[test]
    fn a_directory_is_mounted_by_a_local_engine_and_refused_for_a_remote_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().display().to_string();
        let stack = stack(|stack, service| {
            stack.secrets.insert("k".into(), SecretSource { file: file.clone(), ..Default::default() });
            stack.configs.insert("c".into(), ConfigSource { file: file.clone(), ..Default::default() });
            service.secrets.push(FileReference { source: "k".into(), ..Default::default() });
            service.configs.push(FileReference { source: "c".into(), ..Default::default() });
        });
        let local = load_content(&stack, "api", true, &LocalFiles).unwrap();
        assert_eq!((&local.bound["/run/secrets/k"], &local.bound["/c"]), (&file, &file));
        assert!(local.files.is_empty() && local.digest.is_some());
        let error = load_content(&stack, "api", false, &LocalFiles).unwrap_err();
        assert!(error.to_string().contains("s a directory"), "{error}");
    }

    #[test]
    fn a_changed_bind_mounted_file_changes_the_digest_and_a_directory_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("prometheus.yml");
        std::fs::write(&file, "one").unwrap();
        let mount = |source: &Path, target: &str| ServiceVolume {
            r#type: "bind".into(),
            source: source.display().to_string(),
            target: target.into(),
            ..Default::default()
        };
        let stack = stack(|_, service| service.volumes = vec![mount(&file, "/p.yml"), mount(dir.path(), "/src")]);
        let before = load_content(&stack, "api", true, &LocalFiles).unwrap();
        std::fs::write(&file, "two").unwrap();
        assert_ne!(before.digest, load_content(&stack, "api", true, &LocalFiles).unwrap().digest);
        std::fs::write(&file, "one").unwrap();
        std::fs::write(dir.path().join("more.py"), "x").unwrap();
        assert_eq!(before.digest, load_content(&stack, "api", true, &LocalFiles).unwrap().digest);
    }

    #[test]
    fn an_external_secret_or_config_is_refused_as_in_compose() {
        let reference = || FileReference { source: "key".into(), ..Default::default() };
        let secret = stack(|stack, service| {
            stack.secrets.insert("key".into(), SecretSource { external: true, ..Default::default() });
            service.secrets.push(reference());
        });
        let config = stack(|stack, service| {
            stack.configs.insert("key".into(), ConfigSource { external: true, ..Default::default() });
            service.configs.push(reference());
        });
        for (stack, what) in [(secret, "secret `key`"), (config, "config `key`")] {
            let error = load_content(&stack, "api", true, &LocalFiles).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{what} of service `api` is external")), "{error}");
        }
    }

    #[test]
    fn an_unset_variable_is_an_error_that_names_it() {
        let stack = stack(|stack, service| {
            let secret = SecretSource { environment: "API_KEY".into(), ..Default::default() };
            stack.secrets.insert("key".into(), secret);
            service.secrets.push(FileReference { source: "key".into(), ..Default::default() });
        });
        let error = load_content(&stack, "api", true, &LocalFiles).unwrap_err();
        assert!(error.to_string().contains("API_KEY"), "{error}");
    }
}
