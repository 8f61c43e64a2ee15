//! The configuration of a set: the project's own files, env files and secrets, the rendered compose model, and the records.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::backup::{BackupError, PartFile, StoredPart};
use crate::compose::emit::to_yaml;
use crate::compose::model::Stack;
use crate::error::Result;
use crate::input_file::{FileKind, Files as _, LocalFiles};
use crate::output_file::{Content, Existing, Rules, Tree};
use crate::session::load::LoadedStack;
use crate::session::{Context, WorkflowError};
use crate::target::{ByteStream, Target};

/// The rendered compose model.
const RENDERED: &str = "rendered-compose.yaml";
/// The records of the project's operations.
const RECORDS: &str = "records.json";
/// A larger file is data.
const LARGEST: u64 = 16 << 20;

/// One file of the configuration.
pub struct ConfigurationFile {
    /// Its name in the snapshot.
    pub name: String,
    /// Its path in the project; empty for what aictl made.
    pub path: String,
    /// Its permission bits; none for an env file and for what aictl made.
    pub mode: Option<u32>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl ConfigurationFile {
    /// Its content as a stream.
    pub fn stream(&self) -> ByteStream {
        Box::pin(futures_util::stream::iter([Ok(Bytes::from(self.bytes.clone()))]))
    }
}

/// Collects the files. Files outside the project's directory are left out with a warning.
pub async fn collect(
    context: &Context,
    loaded: &LoadedStack,
    (stack, target): (&Stack, &dyn Target),
) -> Result<Vec<ConfigurationFile>> {
    let root = real(&loaded.project.directory);
    let mut files: BTreeMap<String, (Option<u32>, Vec<u8>)> = BTreeMap::new();
    let secret: Vec<PathBuf> = env_files(context, loaded).iter().map(|path| real(&root.join(path))).collect();
    for path in paths(context, loaded, stack) {
        let path = real(&root.join(path));
        let Ok(FileKind::Regular { size }) = LocalFiles.kind(&path) else { continue };
        let Ok(inside) = path.strip_prefix(&root) else {
            context.reporter.warn(format!("{} is outside the project directory and is not backed up", path.display()));
            continue;
        };
        let inside = inside.display().to_string();
        if size > LARGEST {
            context.reporter.warn(format!("{inside} is larger than 16 MiB and is not backed up"));
            continue;
        }
        let failed = |error: std::io::Error| WorkflowError::File { path: inside.clone(), reason: error.to_string() };
        let mode = if secret.contains(&path) { None } else { mode_of(&path) };
        files.insert(inside.clone(), (mode, LocalFiles.read(&path).map_err(failed)?));
    }
    let file = |(path, (mode, bytes)): (String, (Option<u32>, Vec<u8>))| ConfigurationFile {
        name: flat(&path),
        path,
        mode,
        bytes,
    };
    let mut found: Vec<ConfigurationFile> = files.into_iter().map(file).collect();
    let own = |name: &str, bytes| ConfigurationFile { name: name.to_owned(), path: String::new(), mode: None, bytes };
    found.push(own(RENDERED, to_yaml(&stack.to_yaml()).into_bytes()));
    let records = target.load_records(&loaded.name).await?;
    let failed = |error: serde_json::Error| WorkflowError::File { path: RECORDS.to_owned(), reason: error.to_string() };
    found.push(own(RECORDS, serde_json::to_vec_pretty(&records).map_err(failed)?));
    Ok(found)
}

/// What the project file and the compose loader read, and what services are given.
fn paths(context: &Context, loaded: &LoadedStack, stack: &Stack) -> Vec<PathBuf> {
    let project = &loaded.project;
    let mut paths: Vec<PathBuf> = project.file.iter().cloned().chain(env_files(context, loaded)).collect();
    for environment in project.project.iter().flat_map(|file| file.environments.values()) {
        paths.extend(environment.compose.iter().map(PathBuf::from));
    }
    paths.extend(stack.compose_files.iter().map(PathBuf::from));
    paths.extend(stack.secrets.values().map(|secret| PathBuf::from(&secret.file)));
    paths.extend(stack.configs.values().map(|config| PathBuf::from(&config.file)));
    let mounts = stack.services.values().flat_map(|service| &service.volumes);
    paths.extend(mounts.filter(|mount| mount.r#type == "bind").map(|mount| PathBuf::from(&mount.source)));
    paths.retain(|path| *path != Path::new(""));
    paths
}

/// The env files of all environments and of the command line.
fn env_files(context: &Context, loaded: &LoadedStack) -> Vec<PathBuf> {
    let environments = loaded.project.project.iter().flat_map(|file| file.environments.values());
    let declared = environments.flat_map(|environment| environment.env_file.iter()).chain(loaded.env_files.iter());
    let typed = context.options.env_files.iter().map(|file| context.cwd.join(file));
    std::iter::once(PathBuf::from(".env")).chain(declared.map(PathBuf::from)).chain(typed).collect()
}

fn mode_of(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).ok().map(|found| found.permissions().mode() & 0o777)
}

/// How a file is written again: what all may read may be mounted by a service that runs as somebody else.
fn content_of(file: &PartFile) -> Content {
    match file.mode {
        Some(mode) if mode & 0o001 != 0 => Content::Program,
        Some(mode) if mode & 0o004 != 0 => Content::Plain,
        Some(_) | None => Content::Secret,
    }
}

fn real(path: &Path) -> PathBuf {
    LocalFiles.real_path(path).unwrap_or_else(|_| path.to_owned())
}

/// A path as one name.
fn flat(path: &str) -> String {
    path.replace('%', "%25").replace('/', "%2F")
}

/// What became of the files of a set.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RestoredFiles {
    /// Written, because they were missing.
    pub written: Vec<String>,
    /// Left as they are, although the set has other content.
    pub differ: Vec<String>,
}

/// Compares the files of a set with those of the project and, unless it is a dry run, writes the missing ones. A file
/// that is there stays.
pub async fn restore(stored: StoredPart<'_>, directory: &Path, dry_run: bool) -> Result<RestoredFiles> {
    let restored = compare(stored, directory).await?;
    if dry_run || restored.written.is_empty() {
        return Ok(restored);
    }
    let root = real(directory);
    let tree = Tree::create(&root).map_err(crate::output_file::OutputError::into_io);
    let tree = tree.map_err(|error| failed(&root.display().to_string(), &error.to_string()))?;
    for file in stored.part.files.iter().filter(|file| restored.written.contains(&file.of)) {
        let rules = Rules { existing: Existing::Keep, content: content_of(file) };
        let bytes = bytes(stored.file(file)?).await?;
        tree.write(Path::new(&file.of), rules, &bytes).map_err(|error| failed(&file.of, &error.to_string()))?;
    }
    Ok(restored)
}

/// Compares the files of a set with those of the project. Nothing is written.
pub async fn compare(stored: StoredPart<'_>, directory: &Path) -> Result<RestoredFiles> {
    let mut found = RestoredFiles::default();
    let root = real(directory);
    for file in stored.part.files.iter().filter(|file| !file.of.is_empty()) {
        let name = Path::new(&file.of);
        Tree::check_name(name).map_err(|error| failed(&file.of, &error.to_string()))?;
        let bytes = bytes(stored.file(file)?).await?;
        match LocalFiles.read(&root.join(name)) {
            Ok(there) if there == bytes => {}
            Ok(_) => found.differ.push(file.of.clone()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => found.written.push(file.of.clone()),
            Err(error) => return Err(failed(&file.of, &error.to_string()).into()),
        }
    }
    Ok(found)
}

fn failed(path: &str, reason: &str) -> WorkflowError {
    WorkflowError::File { path: path.to_owned(), reason: reason.to_owned() }
}

async fn bytes(stream: ByteStream) -> std::result::Result<Vec<u8>, BackupError> {
    use futures_util::TryStreamExt as _;
    let pieces: Vec<Bytes> = stream.try_collect().await?;
    Ok(pieces.concat())
}
