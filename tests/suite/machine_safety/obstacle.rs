//! What can stand where a file is to be written: how it is made, and what of it must still be so afterwards.
//! Reads the folder after a verb ran; returns every harm in words.
//! Never leaves a mount or a reader behind.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::verbs::Verb;

/// Content that no aictl wrote.
pub const FOREIGN: &str = "somebody's work\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    Nothing,
    Device,
    BlockDevice,
    Pipe,
    Socket,
    Link,
    DanglingLink,
    LinkToFolder,
    LinkedParent,
    ForeignFile,
    Folder,
    ReadOnlyFolder,
    FullDisk,
}

impl Obstacle {
    pub const ALL: [Self; 13] = [
        Self::Nothing,
        Self::Device,
        Self::BlockDevice,
        Self::Pipe,
        Self::Socket,
        Self::Link,
        Self::DanglingLink,
        Self::LinkToFolder,
        Self::LinkedParent,
        Self::ForeignFile,
        Self::Folder,
        Self::ReadOnlyFolder,
        Self::FullDisk,
    ];

    /// A scratch folder with the obstacle at `file`, which may have folders before it; none where it cannot be made.
    pub fn prepare(self, file: &str) -> Option<Obstructed> {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("folder");
        let elsewhere = scratch.path().join("elsewhere");
        fs::create_dir(&folder).unwrap();
        fs::create_dir(&elsewhere).unwrap();
        // Whoever the verb runs as may come here.
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(elsewhere.join("kept"), FOREIGN).unwrap();
        let mut obstructed = Obstructed {
            target: folder.join(file),
            folder,
            elsewhere,
            obstacle: self,
            reader: None,
            mounted: false,
            scratch,
        };
        obstructed.make().then_some(obstructed)
    }
}

/// A scratch folder with an obstacle in it.
pub struct Obstructed {
    /// Where the verb writes.
    pub folder: PathBuf,
    /// The obstacle.
    pub target: PathBuf,
    /// A folder that no verb was told about.
    elsewhere: PathBuf,
    obstacle: Obstacle,
    reader: Option<Child>,
    mounted: bool,
    /// Removed last.
    scratch: TempDir,
}

impl Obstructed {
    fn make(&mut self) -> bool {
        let parent = self.target.parent().unwrap().to_owned();
        if self.obstacle == Obstacle::FullDisk {
            return self.fill();
        }
        if self.obstacle == Obstacle::LinkedParent {
            // The folder below the named one that the verb writes into is the link.
            return symlink(&self.elsewhere, &parent).is_ok();
        }
        fs::create_dir_all(&parent).unwrap();
        let target = self.target.clone();
        match self.obstacle {
            Obstacle::Nothing | Obstacle::FullDisk | Obstacle::LinkedParent => true,
            Obstacle::Device => node(&target, "c", "1", "3"),
            Obstacle::BlockDevice => node(&target, "b", "7", "250"),
            Obstacle::Pipe => {
                node(&target, "p", "", "") && {
                    // Both ends: the reader does not leave between two writers.
                    let hold = format!("exec 3<>'{0}'; exec cat '{0}' >/dev/null", target.display());
                    self.reader = Command::new("sh").args(["-c", &hold]).stdin(Stdio::null()).spawn().ok();
                    self.reader.is_some()
                }
            }
            Obstacle::Socket => std::os::unix::net::UnixListener::bind(&target).is_ok(),
            Obstacle::Link => symlink(self.elsewhere.join("kept"), &target).is_ok(),
            Obstacle::DanglingLink => symlink(self.elsewhere.join("new"), &target).is_ok(),
            Obstacle::LinkToFolder => symlink(&self.elsewhere, &target).is_ok(),
            Obstacle::ForeignFile => fs::write(&target, FOREIGN).is_ok(),
            Obstacle::Folder => fs::create_dir(&target).is_ok(),
            Obstacle::ReadOnlyFolder => {
                fs::write(&target, FOREIGN).unwrap();
                fs::set_permissions(&parent, fs::Permissions::from_mode(0o555)).unwrap();
                Command::new("setpriv").arg("--version").output().is_ok()
            }
        }
    }

    /// A disk without a free block, an old file on it.
    fn fill(&mut self) -> bool {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=32k", "tmpfs"]).arg(&self.folder).output();
        self.mounted = mount.is_ok_and(|output| output.status.success());
        if !self.mounted {
            return false;
        }
        fs::create_dir_all(self.target.parent().unwrap()).unwrap();
        fs::write(&self.target, FOREIGN).unwrap();
        let _ = fs::write(self.folder.join("filler"), vec![0; 64 * 1024]);
        true
    }

    /// The folder that holds everything of the obstructed.
    pub fn root(&self) -> &Path {
        self.scratch.path()
    }

    pub fn is_as_another_user(&self) -> bool {
        self.obstacle == Obstacle::ReadOnlyFolder
    }

    /// Whether the verb ends well: it writes through, or what stands there may be replaced.
    pub fn succeeds(&self, verb: &Verb) -> bool {
        match self.obstacle {
            Obstacle::Nothing => true,
            Obstacle::Device | Obstacle::Pipe | Obstacle::DanglingLink => verb.is_single,
            Obstacle::Link => verb.is_single && verb.overwrites,
            Obstacle::ForeignFile => verb.overwrites,
            // A copy into a folder gets a name of its own there.
            Obstacle::Folder | Obstacle::LinkToFolder => verb.enters_folders,
            _ => false,
        }
    }

    /// Everything that is not as it was, and not as it was asked for.
    pub fn harm(&self, verb: &Verb) -> Vec<String> {
        let mut harm = Vec::new();
        let mut expect = |holds: bool, words: &str| {
            if !holds {
                harm.push(words.to_owned());
            }
        };
        let kind = fs::symlink_metadata(&self.target).map(|found| found.file_type());
        let is = |wanted: fn(&fs::FileType) -> bool| kind.as_ref().is_ok_and(wanted);
        let kept = |path: &Path| fs::read_to_string(path).is_ok_and(|text| text == FOREIGN);
        match self.obstacle {
            Obstacle::Nothing => expect(is(fs::FileType::is_file), "no file was written"),
            Obstacle::Device => {
                let number = fs::metadata(&self.target).map(|found| found.rdev()).unwrap_or_default();
                expect(is(FileTypeExt::is_char_device) && number == 0x103, "the device is gone");
            }
            Obstacle::BlockDevice => expect(is(FileTypeExt::is_block_device), "the device is gone"),
            Obstacle::Pipe => expect(is(FileTypeExt::is_fifo), "the pipe is gone"),
            Obstacle::Socket => expect(is(FileTypeExt::is_socket), "the socket is gone"),
            Obstacle::Link | Obstacle::DanglingLink | Obstacle::LinkToFolder => {
                expect(is(fs::FileType::is_symlink), "the link is gone");
            }
            Obstacle::ForeignFile => expect(verb.overwrites || kept(&self.target), "a foreign file was overwritten"),
            Obstacle::Folder => expect(is(fs::FileType::is_dir), "the folder is gone"),
            Obstacle::LinkedParent => {}
            Obstacle::ReadOnlyFolder | Obstacle::FullDisk => expect(kept(&self.target), "the old file is not whole"),
        }
        let follows = verb.is_single && self.obstacle == Obstacle::Link && verb.overwrites;
        expect(follows || kept(&self.elsewhere.join("kept")), "a file elsewhere was overwritten");
        let enters = verb.enters_folders && self.obstacle == Obstacle::LinkToFolder;
        let creates = verb.is_single && self.obstacle == Obstacle::DanglingLink;
        let count = fs::read_dir(&self.elsewhere).unwrap().count();
        expect(count == 1 + usize::from(enters || creates), "a file elsewhere came or did not come");
        harm
    }
}

impl Drop for Obstructed {
    fn drop(&mut self) {
        if let Some(reader) = &mut self.reader {
            let _ = reader.kill();
            let _ = reader.wait();
        }
        if self.mounted {
            let _ = Command::new("umount").arg(&self.folder).status();
        }
        if self.is_as_another_user() {
            let _ = fs::set_permissions(self.target.parent().unwrap(), fs::Permissions::from_mode(0o755));
        }
    }
}

/// A device or pipe.
fn node(path: &Path, kind: &str, major: &str, minor: &str) -> bool {
    let mut command = Command::new("mknod");
    command.args(["-m", "666"]).arg(path).arg(kind);
    command.args([major, minor].iter().filter(|word| !word.is_empty()));
    command.output().is_ok_and(|output| output.status.success())
}
