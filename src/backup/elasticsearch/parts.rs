//! The files of a part, and what can be said of them without a server.

use std::io;

use crate::backup::BackupError;
use crate::target::{ByteStream, bridge};

/// The archive of the snapshot.
pub(super) const ARCHIVE: &str = "snapshot.tar";
/// Aliases, templates and pipelines.
pub(super) const DEFINITIONS: &str = "definitions.json";

/// What is wrong with a stored file; none where it is whole as far as that can be seen. Whether Lucene reads the indices
/// only a server can say.
pub async fn damage(name: &str, file: ByteStream) -> Result<Option<String>, BackupError> {
    let archive = name == ARCHIVE;
    let read = bridge::read(file, move |reader| if archive { archived(reader) } else { defined(reader) });
    let wrong = |error: io::Error| Some(error.to_string());
    Ok(read.await?.map_or_else(wrong, |()| None))
}

fn defined(reader: impl io::Read) -> io::Result<()> {
    let mut reader = reader;
    let mut text = Vec::new();
    io::Read::read_to_end(&mut reader, &mut text)?;
    serde_json::from_slice::<serde_json::Value>(&text).map(drop).map_err(io::Error::other)
}

/// Reads an archive to its end; a repository has an index of its snapshots, a snapshot its own file, and indices theirs.
fn archived(reader: impl io::Read) -> io::Result<()> {
    let mut archive = tar::Archive::new(reader);
    let (mut list, mut snapshot, mut metadata) = (false, false, false);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        list |= name.starts_with("index-");
        snapshot |= name.starts_with("snap-") && name.ends_with(".dat");
        metadata |= name.starts_with("meta-") && name.ends_with(".dat");
        io::copy(&mut entry, &mut io::sink())?;
    }
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    match [(list, "index-N"), (snapshot, "snap-*.dat"), (metadata, "meta-*.dat")].iter().find(|(there, _)| !there) {
        Some((_, name)) => Err(io::Error::other(format!("it has no file {name}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    fn packed(names: &[&str]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for name in names {
            let mut header = tar::Header::new_gnu();
            header.set_size(4);
            builder.append_data(&mut header, name, &b"data"[..]).unwrap();
        }
        builder.into_inner().unwrap()
    }

    async fn problem(name: &str, bytes: Vec<u8>) -> Option<String> {
        let stream = futures_util::stream::iter([Ok(bytes::Bytes::from(bytes))]).boxed();
        damage(name, stream).await.unwrap()
    }

    #[tokio::test]
    async fn an_archive_that_was_cut_or_holds_no_snapshot_is_damaged() {
        let whole = packed(&["r/index-0", "r/snap-a.dat", "r/meta-a.dat", "r/indices/x/0/__b"]);
        assert_eq!(problem(ARCHIVE, whole.clone()).await, None);
        assert!(problem(ARCHIVE, whole[..1600].to_vec()).await.is_some());
        assert!(problem(ARCHIVE, packed(&["r/index-0"])).await.unwrap().contains("snap-"));
        assert_eq!(problem(DEFINITIONS, b"{}".to_vec()).await, None);
        assert!(problem(DEFINITIONS, b"{".to_vec()).await.is_some());
    }
}
