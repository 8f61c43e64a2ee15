//! A tar archive from a container into a local directory, written while it comes.
//! Reads entries; writes files, directories and links below the destination with modes and times as they were.
//! Never writes outside the destination, whatever names and links the archive holds.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, lchown, symlink};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use tar::{Archive, Entry, EntryType};

use super::Copied;
use super::channel::{ChunkReader, reader};
use crate::error::Result;
use crate::session::WorkflowError;
use crate::target::{ByteStream, TargetError};

/// Where an archive goes.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// An existing directory.
    pub(super) directory: PathBuf,
    /// The name of the archive's root in it; empty when its contents go there directly.
    pub(super) prefix: String,
    /// The archive's names begin below its root, not with it.
    pub(super) bare: bool,
    /// Keep owners and special mode bits.
    pub(super) archive: bool,
}

/// Writes the archive.
pub(super) async fn unpack(mut stream: ByteStream, options: Options) -> Result<Copied> {
    let (sender, reader) = reader();
    let writing = tokio::task::spawn_blocking(move || Unpacker::new(options)?.all(reader));
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
    written.map_err(|(path, reason)| {
        WorkflowError::File { path: path.display().to_string(), reason: reason.to_string() }.into()
    })
}

/// A failure and the file it is about.
type Failure = (PathBuf, io::Error);

struct Unpacker {
    options: Options,
    /// The destination, free of links.
    root: PathBuf,
    /// Directories get their modes and times last: a read-only one could not be filled.
    directories: Vec<(PathBuf, u32, SystemTime)>,
    /// The directory last found to be inside.
    checked: PathBuf,
    copied: Copied,
}

impl Unpacker {
    fn new(options: Options) -> std::result::Result<Self, Failure> {
        let root = options.directory.canonicalize().map_err(|e| (options.directory.clone(), e))?;
        Ok(Self { checked: root.clone(), options, root, directories: Vec::new(), copied: Copied::default() })
    }

    fn all(mut self, reader: ChunkReader) -> std::result::Result<Copied, Failure> {
        let mut archive = Archive::new(reader);
        let broken = |e| (PathBuf::from("the archive"), e);
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            let name = entry.path().map_err(broken)?.into_owned();
            let path = self.place(&name).map_err(|e| (name.clone(), e))?;
            self.entry(&mut entry, &path).map_err(|e| (path, e))?;
        }
        for (path, mode, time) in self.directories.iter().rev() {
            let set = fs::set_permissions(path, Permissions::from_mode(*mode));
            set.and_then(|()| File::open(path)?.set_modified(*time)).map_err(|e| (path.clone(), e))?;
        }
        Ok(self.copied)
    }

    /// The path of a name of the archive: below the destination, its first part replaced by the prefix.
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
        let mut path = self.root.clone();
        if !self.options.prefix.is_empty() {
            path.push(&self.options.prefix);
        }
        path.extend(below);
        Ok(path)
    }

    /// An earlier entry, or whoever was here before, may have put a link in the way that leads elsewhere.
    fn check(&mut self, path: &Path) -> io::Result<()> {
        let Some(parent) = path.parent().filter(|_| path != self.root) else { return Ok(()) };
        if parent == self.checked {
            return Ok(());
        }
        if !parent.canonicalize()?.starts_with(&self.root) {
            return Err(outside());
        }
        self.checked = parent.to_owned();
        Ok(())
    }

    fn entry(&mut self, entry: &mut Entry<'_, ChunkReader>, path: &Path) -> io::Result<()> {
        self.check(path)?;
        let header = entry.header();
        let mode = header.mode()? & if self.options.archive { 0o7777 } else { 0o777 };
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(header.mtime()?);
        let owner = if self.options.archive { Some((header.uid()?, header.gid()?)) } else { None };
        match header.entry_type() {
            EntryType::Directory => self.directory(path, mode, time)?,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.copied.bytes += write(entry, path, mode, time)?;
                self.copied.files += 1;
            }
            EntryType::Symlink => {
                make_way(path)?;
                symlink(entry.link_name()?.ok_or(io::ErrorKind::InvalidData)?, path)?;
                // What is behind it is to be looked at again.
                self.checked.clone_from(&self.root);
                self.copied.files += 1;
            }
            EntryType::Link => self.hard_link(entry, path)?,
            other => {
                let name = path.display();
                self.copied
                    .skipped
                    .push(format!("{name} is not a file, directory or link ({other:?}) and was skipped"));
                return Ok(());
            }
        }
        owner.map_or(Ok(()), |owner| own(path, owner))
    }

    fn directory(&mut self, path: &Path, mode: u32, time: SystemTime) -> io::Result<()> {
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a directory")),
            Err(_) => fs::DirBuilder::new().mode(0o700).create(path)?,
        }
        // The destination itself was here before and stays as it is.
        if path != self.root {
            self.directories.push((path.to_owned(), mode, time));
        }
        Ok(())
    }

    fn hard_link(&mut self, entry: &Entry<'_, ChunkReader>, path: &Path) -> io::Result<()> {
        let name = entry.link_name()?.ok_or(io::ErrorKind::InvalidData)?;
        let existing = self.place(&name)?;
        self.check(&existing)?;
        if !fs::symlink_metadata(&existing)?.is_file() {
            return Err(outside());
        }
        make_way(path)?;
        self.copied.files += 1;
        fs::hard_link(existing, path)
    }
}

fn outside() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "path escapes the destination")
}

/// What is there is replaced, not written through: it may be a link.
fn make_way(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => {
            Err(io::Error::new(io::ErrorKind::IsADirectory, "a directory of that name exists"))
        }
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

fn write(entry: &mut impl Read, path: &Path, mode: u32, time: SystemTime) -> io::Result<u64> {
    make_way(path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let length = io::copy(entry, &mut file)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.set_modified(time)?;
    Ok(length)
}

fn own(path: &Path, (uid, gid): (u64, u64)) -> io::Result<()> {
    let number = |id: u64| u32::try_from(id).ok();
    lchown(path, number(uid), number(gid))
}

#[cfg(test)]
mod tests {
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
        let options =
            Options { directory: directory.to_owned(), prefix: prefix.to_owned(), bare: false, archive: false };
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
            assert!(failed.to_string().contains("path escapes the destination"), "{attack:?}: {failed}");
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
