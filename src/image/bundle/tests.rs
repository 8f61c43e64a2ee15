//! A bundle round trip without an engine, and every way to break the file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::image::Digest;
use crate::input_file::LocalFiles;
use crate::output_file::{OutputFile, Rules};

/// An engine's archive with images of the given layers: name → layers, as engine 20.10 writes it.
fn archive(images: &[(&str, &[&[u8]])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut seen: Vec<(Vec<u8>, String)> = Vec::new();
    let mut listed = Vec::new();
    let mut add = |path: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, bytes).unwrap();
    };
    let mut links = Vec::new();
    for (number, (name, layers)) in images.iter().enumerate() {
        let diff_ids: Vec<String> = layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
        let config = serde_json::json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": diff_ids }, "n": name });
        let config = serde_json::to_vec(&config).unwrap();
        let config_name = format!("{}.json", Digest::of(&config).hex());
        add(&config_name, &config);
        let mut paths = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            let path = format!("{number}{index}/layer.tar");
            match seen.iter().find(|(bytes, _)| bytes == layer) {
                Some((_, first)) => links.push((path.clone(), format!("../{first}"))),
                None => {
                    add(&path, layer);
                    seen.push((layer.to_vec(), path.clone()));
                }
            }
            paths.push(path);
        }
        listed.push(serde_json::json!({ "Config": config_name, "RepoTags": [name], "Layers": paths }));
    }
    add("manifest.json", &serde_json::to_vec(&listed).unwrap());
    for (path, target) in links {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, path, target).unwrap();
    }
    tar.into_inner().unwrap()
}

const BASE: &[u8] = b"base layer";
const API: &[u8] = b"api layer";
const IMAGES: [(&str, &[&[u8]]); 2] = [("shop/api:1", &[BASE, API]), ("aictl/base:1", &[BASE])];

fn output(path: &Path) -> OutputFile {
    OutputFile::open(path, Rules::REPLACE).unwrap()
}

fn save(path: &Path, archive: &[u8], earlier: BTreeSet<Digest>, since: Option<Digest>) -> Contents {
    let out = output(path);
    let mut store = BlobStore::new(&out, earlier).unwrap();
    let images = take_archive(&mut &archive[..], &mut store).unwrap().into_iter().map(|taken| taken.image).collect();
    let text = store.put_document(b"name: shop\n").unwrap();
    let file = BundledFile { path: "aictl.yaml".into(), executable: false, digest: text.digest, size: text.size };
    let contents = Contents {
        format: FORMAT,
        aictl: "0".into(),
        project: "shop".into(),
        environment: None,
        images,
        files: vec![file],
        since,
        omitted: Vec::new(),
    };
    write_bundle(out, contents, store).unwrap().0
}

fn saved() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.tar");
    save(&path, &archive(&IMAGES), BTreeSet::new(), None);
    (folder, path)
}

/// Opens and verifies all of it, as loading does first.
fn checked(path: &Path) -> Result<Bundle, String> {
    let bundle = Bundle::open(path, &LocalFiles).map_err(|e| e.to_string())?;
    let images: Vec<&BundledImage> = bundle.contents().images.iter().collect();
    bundle.verify(&images, true, &mut |_| ()).map_err(|e| e.to_string())?;
    Ok(bundle)
}

#[test]
fn a_bundle_reads_back_what_was_saved_and_leaves_nothing_beside_it() {
    let (folder, path) = saved();
    let bundle = checked(&path).unwrap();
    let names: Vec<&str> = bundle.contents().images.iter().map(|image| image.reference.as_str()).collect();
    assert_eq!(names, ["aictl/base:1", "shop/api:1"]);
    assert_eq!(bundle.image("docker.io/shop/api:1").unwrap().architecture, "amd64");
    let mut text = Vec::new();
    assert!(bundle.write_file(&bundle.contents().files[0], &mut text).unwrap());
    assert_eq!(text, b"name: shop\n");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_bundle_compressed_with_gzip_is_the_same_bundle() {
    use std::io::Write as _;
    let (folder, path) = saved();
    let packed = folder.path().join("shop.tar.gz");
    let compress = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let bytes = compress(&fs::read(&path).unwrap());
    fs::write(&packed, &bytes).unwrap();
    assert_eq!(checked(&packed).unwrap().index(), checked(&path).unwrap().index());
    fs::write(&packed, &bytes[..bytes.len() / 2]).unwrap();
    assert!(checked(&packed).err().unwrap().contains("damaged gzip data"));
    fs::write(&packed, compress(b"name: shop\n")).unwrap();
    assert!(checked(&packed).err().unwrap().ends_with("not a tar archive"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn the_same_content_gives_the_same_bytes_in_whatever_order_it_came() {
    let (folder, path) = saved();
    let other = folder.path().join("other.tar");
    let turned: Vec<(&str, &[&[u8]])> = IMAGES.iter().rev().copied().collect();
    save(&other, &archive(&turned), BTreeSet::new(), None);
    assert!(fs::read(&path).unwrap() == fs::read(&other).unwrap());
}

#[test]
fn one_altered_byte_anywhere_is_refused() {
    let (folder, path) = saved();
    let bytes = fs::read(&path).unwrap();
    let altered = folder.path().join("altered.tar");
    for at in 0..bytes.len() {
        let mut copy = bytes.clone();
        copy[at] ^= 1;
        fs::write(&altered, &copy).unwrap();
        assert!(checked(&altered).is_err(), "byte {at} of {} is free", bytes.len());
    }
}

#[test]
fn a_file_cut_off_or_grown_is_refused() {
    let (folder, path) = saved();
    let bytes = fs::read(&path).unwrap();
    let cut = folder.path().join("cut.tar");
    for length in (0..bytes.len()).step_by(97).chain([bytes.len() - 1, bytes.len() - 512, bytes.len() - 1024]) {
        fs::write(&cut, &bytes[..length]).unwrap();
        let error = checked(&cut).err().unwrap_or_else(|| panic!("{length} bytes were taken"));
        assert!(error.contains("truncated after") || error.contains("the file is empty"), "{length}: {error}");
    }
    fs::write(&cut, [&bytes[..], &[0; 512]].concat()).unwrap();
    assert!(checked(&cut).err().unwrap().contains("trailing data"));
}

#[test]
fn what_never_was_a_bundle_is_not_called_a_damaged_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.tar");
    let told = |path: &Path| checked(path).err().unwrap();
    assert!(told(folder.path()).ends_with("is not an aictl bundle: it is a directory"), "{}", told(folder.path()));
    for (bytes, reason) in [
        (b"name: shop\n".to_vec(), "not a tar archive"),
        (b"PK\x03\x04".repeat(1000), "not a tar archive"),
        (vec![0; 4096], "not a tar archive"),
        (archive(&IMAGES), "a tar archive of another kind"),
    ] {
        fs::write(&path, &bytes).unwrap();
        let told = told(&path);
        assert!(told.ends_with(&format!("shop.tar is not an aictl bundle: {reason}")), "{told}");
    }
}

#[test]
fn a_delta_leaves_out_what_the_earlier_one_has_and_says_what_it_needs() {
    let (folder, path) = saved();
    let earlier = checked(&path).unwrap();
    let delta = folder.path().join("delta.tar");
    let newer: &[u8] = b"newer api layer";
    let images: [(&str, &[&[u8]]); 1] = [("shop/api:2", &[BASE, newer])];
    let contents = save(&delta, &archive(&images), earlier.known(), Some(earlier.index().clone()));
    let left_out: Vec<&Digest> = contents.omitted.iter().map(|blob| &blob.digest).collect();
    assert_eq!(left_out, [&Digest::of(BASE)]);
    let bundle = checked(&delta).unwrap();
    assert_eq!(bundle.contents().since.as_ref(), Some(earlier.index()));
    let image = [bundle.image("shop/api:2").unwrap()];
    let present = |layers: &[&[u8]]| vec![layers.iter().map(|l| Digest::of(l).to_string()).collect::<Vec<_>>()];
    assert_eq!(bundle.missing(&image, &[]), [Digest::of(BASE)]);
    assert!(bundle.missing(&image, &present(&[BASE, API])).is_empty());
    // The same layer on top of another one is another chain: the engine could not use it.
    assert_eq!(bundle.missing(&image, &present(&[API, BASE])), [Digest::of(BASE)]);
    let mut archive = Vec::new();
    bundle.write_archive(&image, &mut archive).unwrap();
    let text = String::from_utf8_lossy(&archive);
    assert!(text.contains("newer api layer") && !text.contains("base layer"));
}

#[test]
fn what_an_engine_exports_wrongly_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = BlobStore::new(&output(&folder.path().join("x.tar")), BTreeSet::new()).unwrap();
    let mut take = |bytes: &[u8]| take_archive(&mut &bytes[..], &mut store).map(drop).unwrap_err().to_string();
    let whole = archive(&IMAGES);
    assert!(take(&tar::Builder::new(Vec::new()).into_inner().unwrap()).contains("manifest.json is missing"));
    let at = whole.windows(BASE.len()).position(|window| window == BASE).unwrap();
    let mut altered = whole.clone();
    altered[at] ^= 1;
    assert!(take(&altered).contains("matches neither"));
    take(&whole[..700]);
}

/// An archive of the containerd image store: one compressed layer, and the digest of the manifest as id.
fn registry_archive(listed: impl Fn(&str) -> String) -> (Vec<u8>, Digest) {
    let config = serde_json::json!({ "architecture": "amd64", "os": "linux",
        "rootfs": { "diff_ids": [Digest::of(BASE), Digest::of(b"unpacked")] } });
    let config = serde_json::to_vec(&config).unwrap();
    let layer =
        |bytes: &[u8], kind: &str| serde_json::json!({ "mediaType": kind, "digest": Digest::of(bytes), "size": 1 });
    let kind = "application/vnd.docker.image.rootfs.diff.tar";
    let layers = [layer(BASE, kind), layer(API, &format!("{kind}.gzip"))];
    let manifest = serde_json::json!({ "config": { "digest": Digest::of(&config) }, "layers": layers });
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let top =
        serde_json::json!({ "manifests": [{ "digest": Digest::of(&manifest) }, { "digest": Digest::of(b"arm") }] });
    let top = serde_json::to_vec(&top).unwrap();
    let id = Digest::of(&top);
    let names = serde_json::json!({ "io.containerd.image.name": "docker.io/shop/api:1" });
    let index = serde_json::json!({ "manifests": [{ "digest": listed(&id.to_string()), "annotations": names }] });
    let at = |bytes: &[u8]| format!("blobs/sha256/{}", Digest::of(bytes).hex());
    let docker =
        serde_json::json!([{ "Config": at(&config), "RepoTags": ["shop/api:1"], "Layers": [at(BASE), at(API)] }]);
    let (index, docker) = (serde_json::to_vec(&index).unwrap(), serde_json::to_vec(&docker).unwrap());
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in [
        (at(BASE), BASE),
        (at(API), API),
        (at(&config), &config),
        (at(&manifest), &manifest),
        (at(&top), &top),
        ("index.json".to_owned(), &index),
        ("manifest.json".to_owned(), &docker),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, bytes).unwrap();
    }
    (tar.into_inner().unwrap(), id)
}

#[test]
fn an_image_is_known_by_whichever_digest_its_engine_calls_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = BlobStore::new(&output(&folder.path().join("x.tar")), BTreeSet::new()).unwrap();
    let mut ids = |listed: fn(&str) -> String| {
        let (archive, id) = registry_archive(listed);
        let taken = take_archive(&mut &archive[..], &mut store).unwrap();
        (taken[0].ids.clone(), taken[0].image.id.clone(), id)
    };
    let (found, config, id) = ids(str::to_owned);
    assert_eq!(found, [id, config]);
}

#[test]
fn a_listed_digest_that_leads_to_no_manifest_of_the_image_vouches_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = BlobStore::new(&output(&folder.path().join("x.tar")), BTreeSet::new()).unwrap();
    let (archive, _) = registry_archive(|_| Digest::of(b"another").to_string());
    let refused = take_archive(&mut &archive[..], &mut store).map(drop).unwrap_err().to_string();
    assert!(refused.contains("matches neither"), "{refused}");
}
