//! Tests of a repository without an engine: what is stored comes back, damage of every class of file is found, locks exclude.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::TryStreamExt as _;

use super::*;
use crate::secret::Secret;
use crate::target::{ByteStream, TargetError};

const TIME: i64 = 1_770_000_000;

pub(super) fn location(path: &Path, password: &str) -> Location {
    let random = |bytes: &mut [u8]| getrandom::fill(bytes).map_err(std::io::Error::other);
    let address = Address::Directory(path.to_owned());
    Location { address, password: Secret::new(password), access: Access::default(), random }
}

fn owner() -> LockOwner {
    LockOwner { host: "here".into(), user: "me".into(), pid: std::process::id() }
}

fn stream(pieces: Vec<Result<Bytes, TargetError>>) -> ByteStream {
    Box::pin(futures_util::stream::iter(pieces))
}

pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    (0..length).map(next).collect()
}

pub(super) fn whole(content: &[u8]) -> ByteStream {
    stream(content.chunks(70_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect())
}

/// A set of one part with these files.
pub(super) async fn write_set(repository: &Repository, set: &str, files: &[(&str, Vec<u8>)]) -> Manifest {
    let id = SetId { set: set.into(), project: "shop".into(), tags: Vec::new() };
    let snapshot = |directory| PartSnapshot { directory, set: &id, host: "here", user: "me", time: TIME };
    let mut stored = Vec::new();
    for (name, content) in files {
        stored.push(repository.store(name, whole(content)).await.unwrap());
    }
    let kept = stored.iter().map(|stored| stored.file.clone()).collect();
    let snapshot_id = repository.commit(snapshot(Some("db")), stored).await.unwrap();
    let part = Part {
        name: "db".into(),
        kind: PartKind::Postgres,
        started_ms: 0,
        image: String::new(),
        facts: BTreeMap::new(),
        files: kept,
        snapshot: snapshot_id,
    };
    let manifest = Manifest {
        format: FORMAT,
        set: set.into(),
        project: "shop".into(),
        environment: None,
        time: TIME,
        skew_ms: 0,
        added_bytes: 0,
        partial: false,
        parts: vec![part],
    };
    let text = serde_json::to_vec(&manifest).unwrap();
    let stored = repository.store(MANIFEST, whole(&text)).await.unwrap();
    repository.commit(snapshot(None), vec![stored]).await.unwrap();
    manifest
}

pub(super) async fn content(repository: &Repository, set: &LoadedSet, name: &str) -> Result<Vec<u8>, TargetError> {
    let part = &set.manifest.as_ref().unwrap().parts[0];
    let file = part.files.iter().find(|file| file.name == name).unwrap();
    let chunks: Vec<Bytes> = repository.file(set, part, file).unwrap().try_collect().await?;
    Ok(chunks.concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_comes_back_and_the_same_content_is_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    let place = location(&folder.path().join("a/repository"), "s3cret");
    assert!(matches!(place.open(), Err(BackupError::NoRepository { .. })));
    let repository = place.create().unwrap();
    let large = noise(5_000_000);
    let files = [("a.dump", large.clone()), ("empty", Vec::new())];
    let first = write_set(&repository, "one", &files).await;
    write_set(&repository, "two", &files).await;
    let again = repository.store("a.dump", whole(&large)).await.unwrap();
    assert!(again.added < 10_000, "{again:?}");
    let repository = place.open().unwrap();
    let sets = repository.sets(Some("shop")).await.unwrap().sets;
    assert_eq!(sets.iter().map(|set| set.found.id.set.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert!(sets.iter().all(LoadedSet::is_complete));
    assert_eq!(sets[0].manifest.as_ref(), Some(&first));
    assert!(content(&repository, &sets[0], "a.dump").await.unwrap() == large);
    assert_eq!(content(&repository, &sets[1], "empty").await.unwrap(), b"");
    assert!(repository.sets(Some("other")).await.unwrap().sets.is_empty());
    assert!(matches!(
        location(&folder.path().join("a/repository"), "wrong").open(),
        Err(BackupError::WrongPassword { .. })
    ));
    let foreign = folder.path().join("a");
    assert!(matches!(location(&foreign, "s3cret").open(), Err(BackupError::NotRepository { .. })));
    assert!(matches!(location(&foreign, "s3cret").create(), Err(BackupError::NotRepository { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let repository = location(&folder.path().join("r"), "s3cret").create().unwrap();
    let broken = TargetError::Broken { operation: "reading".into(), message: "the line broke".into() };
    let cut = stream(vec![Ok(Bytes::from(noise(3_000_000))), Err(broken)]);
    let error = repository.store("a.dump", cut).await.unwrap_err();
    assert!(error.to_string().contains("the line broke"), "{error}");
    assert!(repository.sets(None).await.unwrap().sets.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_exclude_as_restic_says() {
    let folder = tempfile::tempdir().unwrap();
    let repository = location(&folder.path().join("r"), "s3cret").create().unwrap();
    let first = repository.lock(owner(), LockKind::Shared).await.unwrap();
    let second = repository.lock(owner(), LockKind::Shared).await.unwrap();
    let exclusive = repository.lock(owner(), LockKind::Exclusive).await;
    assert!(matches!(exclusive, Err(BackupError::Locked { .. })));
    drop((first, second));
    let locks = || std::fs::read_dir(folder.path().join("r/locks")).unwrap().count();
    assert_eq!(locks(), 0);
    let exclusive = repository.lock(owner(), LockKind::Exclusive).await.unwrap();
    assert!(matches!(repository.lock(owner(), LockKind::Shared).await, Err(BackupError::Locked { .. })));
    drop(exclusive);
    // One of a process that is gone.
    let gone = LockOwner { pid: i32::MAX as u32, ..owner() };
    std::mem::forget(repository.lock(gone, LockKind::Exclusive).await.unwrap());
    assert_eq!(locks(), 1);
    drop(repository.lock(owner(), LockKind::Exclusive).await.unwrap());
    assert_eq!(locks(), 0, "the lock of a process that is gone stays");
    // Whether a process of another host is gone is not known here.
    let elsewhere = LockOwner { pid: i32::MAX as u32, host: "there".into(), ..owner() };
    std::mem::forget(repository.lock(elsewhere, LockKind::Shared).await.unwrap());
    drop(repository.lock(owner(), LockKind::Shared).await.unwrap());
    assert_eq!(locks(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_longer_kept_is_removed_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let repository = location(&folder.path().join("r"), "s3cret").create().unwrap();
    let kept = noise(1_000_000);
    write_set(&repository, "old", &[("a", noise(3_000_000)[1_500_000..].to_vec())]).await;
    write_set(&repository, "new", &[("a", kept.clone())]).await;
    let sets = repository.sets(None).await.unwrap().sets;
    let old = sets.iter().find(|set| set.found.id.set == "old").unwrap();
    repository.remove_set(old).await.unwrap();
    assert!(repository.prune_content().await.unwrap().bytes > 1_000_000);
    let sets = repository.sets(None).await.unwrap().sets;
    assert_eq!(sets.len(), 1);
    assert!(content(&repository, &sets[0], "a").await.unwrap() == kept);
    assert_eq!(repository.check_references().await.unwrap(), []);
}

/// All files of a repository of one class.
pub(super) fn files(root: &Path, class: &str) -> Vec<PathBuf> {
    if class == "config" {
        return vec![root.join("config")];
    }
    let list =
        |path: &Path| -> Vec<PathBuf> { std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect() };
    let below = list(&root.join(class));
    if class == "data" { below.iter().flat_map(|path| list(path)).collect() } else { below }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// What a verification says: of the files, then of opening, then of references and sets.
async fn verdict(place: &Location) -> Vec<String> {
    let mut said: Vec<String> =
        place.check_files().await.unwrap().damage.into_iter().map(|damage| damage.what).collect();
    let repository = match place.open() {
        Ok(repository) => repository,
        Err(error) => return said.into_iter().chain([error.to_string()]).collect(),
    };
    said.extend(repository.check_references().await.unwrap().into_iter().map(|damage| damage.problem));
    let sets = match repository.sets(None).await {
        Ok(found) => {
            said.extend(found.unreadable.into_iter().map(|damage| damage.what));
            found.sets
        }
        Err(error) => return said.into_iter().chain([error.to_string()]).collect(),
    };
    if sets.is_empty() {
        said.push("no set".to_owned());
    }
    for set in &sets {
        said.extend(repository.check_set(set).await.unwrap().into_iter().map(|damage| damage.what));
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_of_every_class_of_file_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("original");
    let repository = location(&original, "s3cret").create().unwrap();
    write_set(&repository, "one", &[("a.dump", noise(2_000_000))]).await;
    assert_eq!(verdict(&location(&original, "s3cret")).await, Vec::<String>::new());
    let mut tried = 0;
    for class in ["config", "keys", "data", "index", "snapshots"] {
        // Each opening costs a key derivation: of packs, one of content and one of trees.
        let most = if class == "data" { 2 } else { 1 };
        for (index, file) in files(&original, class).iter().take(most).enumerate() {
            for way in ["truncated", "flipped", "deleted"] {
                let damaged = folder.path().join(format!("{class}-{index}-{way}"));
                copy(&original, &damaged);
                let file = damaged.join(file.strip_prefix(&original).unwrap());
                let mut bytes = std::fs::read(&file).unwrap();
                let middle = bytes.len() / 2;
                match way {
                    "truncated" => bytes.truncate(middle),
                    "flipped" => bytes[middle] ^= 1,
                    _ => std::fs::remove_file(&file).unwrap(),
                }
                if way != "deleted" {
                    std::fs::write(&file, bytes).unwrap();
                }
                let said = verdict(&location(&damaged, "s3cret")).await;
                assert!(!said.is_empty(), "{class} {way}: nothing was found");
                let name = file.file_name().unwrap().to_str().unwrap();
                let named = said.iter().any(|said| said.contains(name) || said.contains(class) || said.contains("one"));
                assert!(named || way == "deleted", "{class} {way} {name}: {said:?}");
                tried += 1;
            }
        }
    }
    assert!(tried >= 15, "{tried}");
}
