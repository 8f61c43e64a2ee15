//! The images of a target: listed, and moved as an archive.

use super::contract;
use super::lab::Lab;

contract!(the_images_are_listed_with_their_names,);

async fn the_images_are_listed_with_their_names(lab: &Lab) {
    let images = lab.target.need_images().unwrap().observe_images().await.unwrap();
    let found = images.iter().find(|image| image.references.contains(&lab.image)).unwrap();
    assert!(found.id.starts_with("sha256:"), "{found:?}");
}

/// Images in memory have no layers; those of an engine do.
#[tokio::test]
async fn an_exported_archive_loads_again() {
    let Some(lab) = Lab::docker("images-again").await else { return };
    let images = lab.target.need_images().unwrap();
    let archive = images.export_images(std::slice::from_ref(&lab.image)).await.unwrap();
    images.import_images(archive).await.unwrap();
    the_images_are_listed_with_their_names(&lab).await;
}

/// Engines measure the sizes of images for one client at a time.
#[tokio::test(flavor = "multi_thread")]
async fn several_at_once_list_images() {
    let Some(lab) = Lab::docker("images-at-once").await else { return };
    let images = lab.target.need_images().unwrap();
    let listed = futures_util::future::join_all((0..6).map(|_| images.observe_images())).await;
    assert!(listed.iter().all(Result::is_ok), "{listed:?}");
}
