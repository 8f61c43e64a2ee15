//! A tar archive from a container into a local directory, or its file through a device, written while it comes.
//! Reads entries; writes files, directories and links below the destination with modes and times as they were.
//! Never writes outside the destination, whatever names and links the archive holds.

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use tar::{Archive, Entry, EntryType};

use super::channel::{ChunkReader, reader};
use super::copied::Copied;
use crate::error::{Error, Result};
use crate::output_file::{Attributes, OutputError, OutputFile, Tree};
use crate::session::WorkflowError;
use crate::target::{ByteStream, TargetError};

/// Where an archive goes.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// An existing directory.
    pub(super) directory: PathBuf,
    /// The name of the archive's root in it; empty when its contents go there directly.
    pub(super) prefix: OsString,
    /// The archive's names begin below its root, not with it.
    pub(super) bare: bool,
    /// Keep owners and special mode bits.
    pub(super) archive: bool,
}

/// Writes the archive.
pub(super) async fn unpack(stream: ByteStream, options: Options) -> Result<Copied> {
    fed(stream, move |reader| Unpacker::new(options)?.all(reader)).await
}

/// Writes the content of the archive's first file through a device or pipe.
pub(super) async fn write_through(stream: ByteStream, out: OutputFile) -> Result<Copied> {
    fed(stream, move |reader| {
        let mut archive = Archive::new(reader);
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            if is_content(entry.header().entry_type()) {
                let bytes = out.write_with(|out| io::copy(&mut entry, out)).map_err(Failure::Output)?;
                return Ok(Copied { files: 1, bytes, skipped: Vec::new() });
            }
        }
        Err(broken(io::Error::other("there is no file in it")))
    })
    .await
}

/// Lets a function that blocks read the stream.
async fn fed(
    mut stream: ByteStream,
    write: impl FnOnce(ChunkReader) -> std::result::Result<Copied, Failure> + Send + 'static,
) -> Result<Copied> {
    let (sender, reader) = reader();
    let writing = tokio::task::spawn_blocking(move || write(reader));
    let feeding = async move {
        while let Some(chunk) = stream.next().await {
            // Nobody takes it: the writer failed and says why, or it has seen the end.
            if sender.send(chunk?).await.is_err() {
                break;
            }
        }
        Ok::<(), TargetError>(())
    };
    let (fed, written) = tokio::join!(feeding, writing);
    // A cut stream looks like a short archive to the writer: the cut is the cause.
    fed?;
    let written = written.map_err(|e| WorkflowError::File { path: "the archive".to_owned(), reason: e.to_string() })?;
    written.map_err(Error::from)
}

/// What went wrong while an archive was written.
enum Failure {
    Output(OutputError),
    Name(PathBuf, io::Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Output(error) => error.into(),
            Failure::Name(path, reason) => {
                WorkflowError::File { path: path.display().to_string(), reason: reason.to_string() }.into()
            }
        }
    }
}

fn broken(error: io::Error) -> Failure {
    Failure::Name(PathBuf::from("the archive"), error)
}

fn is_content(kind: EntryType) -> bool {
    matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse)
}

struct Unpacker {
    options: Options,
    /// The destination.
    tree: Tree,
    /// Directories get their modes and times last: a read-only one could not be filled.
    directories: Vec<(PathBuf, Attributes)>,
    copied: Copied,
}

impl Unpacker {
    fn new(options: Options) -> std::result::Result<Self, Failure> {
        let missing = || Failure::Name(options.directory.clone(), io::ErrorKind::NotFound.into());
        let tree = Tree::existing(&options.directory).map_err(Failure::Output)?.ok_or_else(missing)?;
        Ok(Self { options, tree, directories: Vec::new(), copied: Copied::default() })
    }

    fn all(mut self, reader: ChunkReader) -> std::result::Result<Copied, Failure> {
        let mut archive = Archive::new(reader);
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            let name = entry.path().map_err(broken)?.into_owned();
            self.entry(&mut entry, &name)?;
        }
        for (name, set) in self.directories.iter().rev() {
            self.tree.finish_directory(name, set).map_err(Failure::Output)?;
        }
        Ok(self.copied)
    }

    /// A name of the archive below the destination, its first part replaced by the prefix.
    fn place(&self, name: &Path) -> io::Result<PathBuf> {
        let mut parts = Vec::new();
        for part in name.components() {
            match part {
                Component::Normal(part) => parts.push(part),
                Component::CurDir | Component::RootDir => {}
                _ => return Err(outside()),
            }
        }
        let below = if self.options.bare { &parts[..] } else { parts.get(1..).unwrap_or_default() };
        let mut path = PathBuf::from(&self.options.prefix);
        path.extend(below);
        Ok(path)
    }

    fn entry(&mut self, entry: &mut Entry<'_, ChunkReader>, name: &Path) -> std::result::Result<(), Failure> {
        let unreadable = |error| Failure::Name(name.to_owned(), error);
        let path = self.place(name).map_err(unreadable)?;
        let set = self.attributes(entry.header()).map_err(unreadable)?;
        let kind = entry.header().entry_type();
        // The destination itself was here before and stays as it is.
        if path.as_os_str().is_empty() {
            return if kind == EntryType::Directory { Ok(()) } else { Err(unreadable(outside())) };
        }
        let target = entry.link_name().map_err(unreadable)?.map(std::borrow::Cow::into_owned);
        let target = || target.ok_or_else(|| unreadable(io::ErrorKind::InvalidData.into()));
        match kind {
            EntryType::Directory => {
                self.tree.put_directory(&path).map_err(Failure::Output)?;
                self.directories.push((path, set));
                return Ok(());
            }
            kind if is_content(kind) => {
                self.copied.bytes += self.tree.put_file(&path, entry, &set).map_err(Failure::Output)?;
            }
            EntryType::Symlink => self.tree.put_symlink(&path, &target()?, set.owner).map_err(Failure::Output)?,
            EntryType::Link => {
                let existing = self.place(&target()?).map_err(unreadable)?;
                self.tree.put_hard_link(&path, &existing).map_err(Failure::Output)?;
            }
            other => {
                let name = self.options.directory.join(path);
                let name = name.display();
                self.copied
                    .skipped
                    .push(format!("{name} is not a file, directory or link ({other:?}) and was skipped"));
                return Ok(());
            }
        }
        self.copied.files += 1;
        Ok(())
    }

    fn attributes(&self, header: &tar::Header) -> io::Result<Attributes> {
        let number = |id: u64| u32::try_from(id).map_err(io::Error::other);
        Ok(Attributes {
            mode: header.mode()? & if self.options.archive { 0o7777 } else { 0o777 },
            modified: SystemTime::UNIX_EPOCH + Duration::from_secs(header.mtime()?),
            owner: if self.options.archive { Some((number(header.uid()?)?, number(header.gid()?)?)) } else { None },
        })
    }
}

fn outside() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "path escapes the destination")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// Name, type, link target or content.
    type Item<'a> = (&'a str, EntryType, &'a str);

    fn archive(items: &[Item<'_>]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, text) in items {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(if *kind == EntryType::Directory { 0o755 } else { 0o640 });
            header.set_mtime(1_700_000_000);
            // Written past the library, which refuses such names.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            let content = if *kind == EntryType::Regular { *text } else { "" };
            if content.is_empty() {
                header.as_old_mut().linkname[..text.len()].copy_from_slice(text.as_bytes());
            }
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    async fn unpacked(directory: &Path, prefix: &str, items: &[Item<'_>]) -> Result<Copied> {
        let bytes = bytes::Bytes::from(archive(items));
        let stream = futures_util::stream::iter([Ok(bytes)]).boxed();
        let options = Options { directory: directory.to_owned(), prefix: prefix.into(), bare: false, archive: false };
        unpack(stream, options).await
    }

    const D: EntryType = EntryType::Directory;
    const F: EntryType = EntryType::Regular;
    const L: EntryType = EntryType::Symlink;

    #[tokio::test]
    async fn the_root_gets_the_name_it_is_given() {
        let there = tempfile::tempdir().unwrap();
        let items = [("src", D, ""), ("src/a", F, "one"), ("src/l", L, "a"), ("src/h", EntryType::Link, "src/a")];
        let copied = unpacked(there.path(), "dst", &items).await.unwrap();
        assert_eq!((copied.files, copied.bytes), (3, 3));
        assert_eq!(fs::read_to_string(there.path().join("dst/h")).unwrap(), "one");
        assert_eq!(fs::read_link(there.path().join("dst/l")).unwrap(), Path::new("a"));
        let meta = fs::metadata(there.path().join("dst/a")).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o640);
        assert_eq!(meta.modified().unwrap(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    }

    #[tokio::test]
    async fn nothing_is_written_outside_of_the_destination() {
        let attacks: [&[Item<'_>]; 4] = [
            &[("src/../../evil", F, "x")],
            &[("src", D, ""), ("src/l", L, ".."), ("src/l/evil", F, "x")],
            &[("src", D, ""), ("src/l", L, "/"), ("src/l/tmp/evil", F, "x")],
            &[("src", D, ""), ("src/l", L, "../../outside"), ("src/h", EntryType::Link, "src/l")],
        ];
        for attack in attacks {
            let there = tempfile::tempdir().unwrap();
            let inside = there.path().join("inside");
            fs::create_dir(&inside).unwrap();
            fs::write(there.path().join("outside"), "kept").unwrap();
            let failed = unpacked(&inside, "", attack).await.unwrap_err();
            let words = ["escapes the destination", "nothing is written through links", "leads to no file below"];
            assert!(words.iter().any(|words| failed.to_string().contains(words)), "{attack:?}: {failed}");
            assert!(!there.path().join("evil").exists(), "{attack:?}");
        }
    }

    #[tokio::test]
    async fn a_link_in_the_way_is_replaced_and_not_written_through() {
        let there = tempfile::tempdir().unwrap();
        fs::write(there.path().join("kept"), "kept").unwrap();
        symlink("kept", there.path().join("a")).unwrap();
        unpacked(there.path(), "", &[("src", D, ""), ("src/a", F, "new")]).await.unwrap();
        assert_eq!(fs::read_to_string(there.path().join("kept")).unwrap(), "kept");
        assert_eq!(fs::read_to_string(there.path().join("a")).unwrap(), "new");
    }
}
