//! Decoding a file of another tool before it is restored, in a container without network made from the image of its service.

use super::decode::{ARCHIVE, RDB};
use super::parts::ServicePart;
use super::scratch::{Scratch, ScratchArgs};
use crate::backup::{BackupError, FileFormat, Part, PlainFile};
use crate::error::Result;
use crate::target::Target;

/// What the container is for.
const PURPOSE: &str = "check-file";

/// A file and where it is to go.
#[derive(Clone, Copy)]
pub struct FileCheck<'a> {
    /// The service that is to take it.
    pub service: &'a ServicePart,
    /// The file.
    pub file: &'a PlainFile,
    /// The part that it stands for.
    pub part: &'a Part,
}

/// Fails where the tools of the service cannot decode the whole file. SQL was read to its end already.
pub async fn check_file(target: &dyn Target, project: &str, checked: FileCheck<'_>) -> Result<()> {
    let FileCheck { service, file, part } = checked;
    let script = match file.format() {
        FileFormat::Archive => ARCHIVE,
        FileFormat::Rdb => RDB,
        FileFormat::Sql => return Ok(()),
    };
    let Some(container) = &service.container else { return Ok(()) };
    let args = ScratchArgs {
        project,
        service: &service.service,
        image: &container.docker.image_id,
        purpose: PURPOSE,
        volumes_from: None,
    };
    let scratch = Scratch::start(target, args).await.map_err(BackupError::from)?;
    let inside = scratch.inside(&service.service);
    let mut decoded = Ok(());
    for stored in &part.files {
        decoded = decoded.and(inside.feed(script, &[], file.stream(stored)).await.map(drop));
    }
    scratch.close().await;
    Ok(decoded?)
}
