//! Names of images: moving them to another image, and taking them apart.

use crate::plan::{ImageOperation, Operation};

/// Gives an image, by its id, a reference.
pub fn retag(id: &str, reference: &str, service: &str) -> Operation {
    let (repository, tag) = split(reference);
    let (service, image, tag) = (service.to_owned(), id.to_owned(), Some(tag));
    Operation::Image(ImageOperation::Tag { service, image, repository, tag })
}

/// `registry:5000/api:1` → (`registry:5000/api`, `1`).
pub(super) fn split(reference: &str) -> (String, String) {
    match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository.to_owned(), tag.to_owned()),
        _ => (reference.to_owned(), "latest".to_owned()),
    }
}
