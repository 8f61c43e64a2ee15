//! Tests of a repository of which a file was lost or damaged: the other sets stay usable, nothing is built on what is lost, and
//! the index is made anew.

use std::path::{Path, PathBuf};

use super::tests::{content, files, location, noise, whole, write_set};
use super::*;

/// The largest pack, which has content.
fn largest(root: &Path) -> PathBuf {
    let packs = files(root, "data");
    packs.into_iter().max_by_key(|pack| pack.metadata().unwrap().len()).unwrap()
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Overwrites a file, which rustic makes read-only.
fn overwrite(path: &Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_read_keeps_nobody_from_the_other_sets() {
    let folder = tempfile::tempdir().unwrap();
    let place = location(&folder.path().join("r"), "s3cret");
    let repository = place.create().unwrap();
    write_set(&repository, "one", &[("a", noise(1000))]).await;
    let first = files(&folder.path().join("r"), "snapshots");
    write_set(&repository, "two", &[("a", noise(1000))]).await;
    for damaged in &first {
        let kept = std::fs::read(damaged).unwrap();
        for bytes in [Vec::new(), kept[..kept.len() / 2].to_vec(), noise(300)] {
            overwrite(damaged, &bytes);
            let found = repository.sets(None).await.unwrap();
            assert_eq!(found.unreadable.len(), 1, "{found:?}");
            assert_eq!(found.unreadable[0].what, format!("snapshots/{}", name(damaged)));
            let complete = found.sets.iter().filter(|set| set.is_complete()).map(|set| set.found.id.set.as_str());
            assert_eq!(complete.collect::<Vec<_>>(), ["two"]);
            assert_eq!(repository.check_content().await.unwrap(), Vec::<String>::new(), "new backups are not affected");
        }
        overwrite(damaged, &kept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_built_on_a_pack_that_is_lost_or_cut() {
    for cut in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let place = location(&folder.path().join("r"), "s3cret");
        let repository = place.create().unwrap();
        let large = noise(2_000_000);
        write_set(&repository, "one", &[("a.dump", large.clone())]).await;
        let pack = largest(&folder.path().join("r"));
        match cut {
            true => overwrite(&pack, &std::fs::read(&pack).unwrap()[..1_000_000]),
            false => std::fs::remove_file(&pack).unwrap(),
        }
        let Err(BackupError::LostContent { packs, affected }) = repository.check_content().await else {
            panic!("{cut}: not noticed");
        };
        assert!(packs.len() == 1 && packs[0].contains(name(&pack)), "{packs:?}");
        assert_eq!(affected, ["one/db/a.dump"]);
        assert!(!repository.repair_index(Default::default()).await.unwrap().is_empty());
        repository.check_content().await.unwrap();
        let again = repository.store("a.dump", whole(&large)).await.unwrap();
        assert!(again.added > 1_000_000, "{again:?}");
        write_set(&repository, "two", &[("a.dump", large.clone())]).await;
        let sets = repository.sets(None).await.unwrap().sets;
        let two = sets.iter().find(|set| set.found.id.set == "two").unwrap();
        assert!(content(&repository, two, "a.dump").await.unwrap() == large);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_lost_or_damaged_is_named_and_made_anew() {
    for damage in ["deleted", "emptied", "flipped"] {
        let folder = tempfile::tempdir().unwrap();
        let place = location(&folder.path().join("r"), "s3cret");
        let repository = place.create().unwrap();
        let large = noise(1_000_000);
        write_set(&repository, "one", &[("a.dump", large.clone())]).await;
        let index = files(&folder.path().join("r"), "index");
        let mut bytes = std::fs::read(&index[0]).unwrap();
        bytes[40] ^= 1;
        match damage {
            "deleted" => index.iter().for_each(|file| std::fs::remove_file(file).unwrap()),
            "emptied" => overwrite(&index[0], b""),
            _ => overwrite(&index[0], &bytes),
        }
        let Err(error @ BackupError::Index { .. }) = repository.check_content().await else {
            panic!("{damage}: not noticed");
        };
        assert!(damage == "deleted" || error.to_string().contains(name(&index[0])), "{error}");
        assert!(!repository.check_references().await.unwrap().is_empty(), "{damage}");
        if damage != "deleted" {
            let error = repository.sets(None).await.unwrap_err();
            assert!(error.to_string().contains(name(&index[0])), "{error}");
        }
        repository.repair_index(Default::default()).await.unwrap();
        assert_eq!(repository.check_content().await.unwrap(), Vec::<String>::new(), "{damage}");
        assert_eq!(repository.check_references().await.unwrap(), [], "{damage}");
        let sets = repository.sets(None).await.unwrap().sets;
        assert!(content(&repository, &sets[0], "a.dump").await.unwrap() == large, "{damage}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_built_on_an_altered_pack_and_what_is_whole_in_it_survives_its_repair() {
    for cut_end in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let place = location(&folder.path().join("r"), "s3cret");
        let repository = place.create().unwrap();
        let large = noise(4_000_000);
        for set in ["one", "two"] {
            write_set(&repository, set, &[("a.dump", large.clone())]).await;
        }
        let pack = largest(&folder.path().join("r"));
        let mut bytes = std::fs::read(&pack).unwrap();
        match cut_end {
            true => bytes.truncate(bytes.len() - 7),
            false => bytes[9000] ^= 1,
        }
        overwrite(&pack, &bytes);
        let altered = damaged_packs(&place.check_files().await.unwrap().damage);
        assert_eq!(altered.iter().map(String::as_str).collect::<Vec<_>>(), [name(&pack)]);
        repository.note_altered(altered.clone()).await.unwrap();
        let Err(BackupError::LostContent { affected, .. }) = repository.check_content().await else {
            panic!("{cut_end}: not noticed");
        };
        assert_eq!(affected, ["one/db/a.dump", "two/db/a.dump"]);
        let sets = repository.sets(None).await.unwrap().sets;
        let lost = repository.check_needed(&sets[0], ["db".to_owned()].into()).await.unwrap();
        assert!(lost.packs.len() == 1 && lost.files == ["one/db/a.dump"], "{lost:?}");

        let size = std::fs::metadata(&pack).unwrap().len();
        repository.repair_index(altered).await.unwrap();
        repository.forget_whole().await.unwrap();
        assert!(!pack.exists() && place.check_files().await.unwrap().damage.is_empty());
        repository.check_content().await.unwrap();
        let lost = repository.affected(&sets, Default::default()).await.unwrap();
        assert_eq!(lost.len(), if cut_end { 0 } else { 2 });
        let again = repository.store("a.dump", whole(&large)).await.unwrap();
        assert!(again.added < size && (again.added > 1000) != cut_end, "{again:?}");
        assert!(content(&repository, &sets[0], "a.dump").await.unwrap() == large, "the same content is whole again");
    }
}
