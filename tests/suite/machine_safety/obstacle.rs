//! What can stand where a file is to be written: how it is made, and what of it must still be so afterwards.
//! Reads the folder after a verb ran; returns every harm in words.
//! Never leaves a mount or a reader behind.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::verbs::Verb;

/// Content that no aictl wrote.
pub const FOREIGN: &str = "somebody's work\n";

/// Who verbs run as where a file or folder is read-only: root may write all of them.
pub const OTHER_USER: u32 = 65534;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    Nothing,
    Device,
    FullDevice,
    BlockDevice,
    Pipe,
    Socket,
    Link,
    DanglingLink,
    LinkLoop,
    LinkToDevice,
    LinkToFolder,
    LinkedParent,
    ForeignFile,
    HardLink,
    Folder,
    ReadOnlyFile,
    ReadOnlyFolder,
    ReadOnlyDisk,
    FullDisk,
}

impl Obstacle {
    pub const ALL: [Self; 19] = [
        Self::Nothing,
        Self::Device,
        Self::FullDevice,
        Self::BlockDevice,
        Self::Pipe,
        Self::Socket,
        Self::Link,
        Self::DanglingLink,
        Self::LinkLoop,
        Self::LinkToDevice,
        Self::LinkToFolder,
        Self::LinkedParent,
        Self::ForeignFile,
        Self::HardLink,
        Self::Folder,
        Self::ReadOnlyFile,
        Self::ReadOnlyFolder,
        Self::ReadOnlyDisk,
        Self::FullDisk,
    ];

    const fn is_link(self) -> bool {
        matches!(self, Self::Link | Self::DanglingLink | Self::LinkLoop | Self::LinkToDevice | Self::LinkToFolder)
    }

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
        if matches!(self.obstacle, Obstacle::FullDisk | Obstacle::ReadOnlyDisk) {
            return self.mount();
        }
        if self.obstacle == Obstacle::LinkedParent {
            // The folder below the named one that the verb writes into is the link.
            return symlink(&self.elsewhere, &parent).is_ok();
        }
        fs::create_dir_all(&parent).unwrap();
        let target = self.target.clone();
        match self.obstacle {
            Obstacle::Nothing | Obstacle::FullDisk | Obstacle::ReadOnlyDisk | Obstacle::LinkedParent => true,
            Obstacle::Device => node(&target, "c", "1", "3"),
            Obstacle::FullDevice => node(&target, "c", "1", "7"),
            Obstacle::LinkToDevice => node(&self.device(), "c", "1", "3") && symlink(self.device(), &target).is_ok(),
            Obstacle::LinkLoop => symlink(&target, &target).is_ok(),
            Obstacle::HardLink => fs::hard_link(self.elsewhere.join("kept"), &target).is_ok(),
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
            Obstacle::ReadOnlyFile | Obstacle::ReadOnlyFolder => self.protect(&parent),
        }
    }

    /// An old file of another user, which that user may not write, or whose folder it may not write.
    fn protect(&self, parent: &Path) -> bool {
        fs::write(&self.target, FOREIGN).unwrap();
        let (file, folder) = if self.obstacle == Obstacle::ReadOnlyFile { (0o444, 0o755) } else { (0o644, 0o555) };
        let owned = [self.target.as_path(), parent].map(|path| chown(path, Some(OTHER_USER), Some(OTHER_USER)).is_ok());
        fs::set_permissions(&self.target, fs::Permissions::from_mode(file)).unwrap();
        fs::set_permissions(parent, fs::Permissions::from_mode(folder)).unwrap();
        owned == [true, true] && Command::new("setpriv").arg("--version").output().is_ok()
    }

    /// A disk without a free block or one that cannot be written, an old file on it.
    fn mount(&mut self) -> bool {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=32k", "tmpfs"]).arg(&self.folder).output();
        self.mounted = mount.is_ok_and(|output| output.status.success());
        if !self.mounted {
            return false;
        }
        fs::create_dir_all(self.target.parent().unwrap()).unwrap();
        fs::write(&self.target, FOREIGN).unwrap();
        if self.obstacle == Obstacle::ReadOnlyDisk {
            let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&self.folder).output();
            return remounted.is_ok_and(|output| output.status.success());
        }
        let _ = fs::write(self.folder.join("filler"), vec![0; 64 * 1024]);
        true
    }

    /// A device beside the folders.
    fn device(&self) -> PathBuf {
        self.root().join("device")
    }

    /// The folder that holds everything of the obstructed.
    pub fn root(&self) -> &Path {
        self.scratch.path()
    }

    pub fn is_as_another_user(&self) -> bool {
        matches!(self.obstacle, Obstacle::ReadOnlyFile | Obstacle::ReadOnlyFolder)
    }

    /// Whether the verb ends well: it writes through, or what stands there may be replaced.
    pub fn succeeds(&self, verb: &Verb) -> bool {
        if verb.replaces_links && self.obstacle.is_link() {
            return true;
        }
        match self.obstacle {
            Obstacle::Nothing => true,
            Obstacle::Device | Obstacle::Pipe | Obstacle::LinkToDevice => verb.is_single && !verb.is_private,
            Obstacle::DanglingLink => verb.is_single,
            Obstacle::Link => verb.is_single && verb.overwrites,
            Obstacle::ForeignFile | Obstacle::HardLink => verb.overwrites,
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
        let holds = |text: &str| if verb.appends { text.starts_with(FOREIGN) } else { text == FOREIGN };
        let kept = |path: &Path| fs::read_to_string(path).is_ok_and(|text| holds(&text));
        let is_null = |path: &Path| fs::symlink_metadata(path).map(|found| found.rdev()).unwrap_or_default() == 0x103;
        let may_be_gone = verb.replaces_links && self.obstacle.is_link() && is(fs::FileType::is_file);
        match self.obstacle {
            Obstacle::LinkToDevice if may_be_gone => expect(is_null(&self.device()), "the device is gone"),
            _ if may_be_gone => {}
            Obstacle::Nothing => expect(is(fs::FileType::is_file), "no file was written"),
            Obstacle::Device => expect(is_null(&self.target), "the device is gone"),
            Obstacle::LinkToDevice => {
                expect(is(fs::FileType::is_symlink) && is_null(&self.device()), "the link or its device is gone");
            }
            Obstacle::FullDevice => expect(is(FileTypeExt::is_char_device), "the device is gone"),
            Obstacle::BlockDevice => expect(is(FileTypeExt::is_block_device), "the device is gone"),
            Obstacle::Pipe => expect(is(FileTypeExt::is_fifo), "the pipe is gone"),
            Obstacle::Socket => expect(is(FileTypeExt::is_socket), "the socket is gone"),
            Obstacle::Link | Obstacle::DanglingLink | Obstacle::LinkLoop | Obstacle::LinkToFolder => {
                expect(is(fs::FileType::is_symlink), "the link is gone");
            }
            Obstacle::ForeignFile | Obstacle::HardLink => {
                expect(verb.replaces() || kept(&self.target), "a foreign file was overwritten");
            }
            Obstacle::Folder => expect(is(fs::FileType::is_dir), "the folder is gone"),
            Obstacle::LinkedParent => {}
            Obstacle::ReadOnlyFile | Obstacle::ReadOnlyFolder | Obstacle::ReadOnlyDisk | Obstacle::FullDisk => {
                expect(kept(&self.target), "the old file is not whole");
            }
        }
        let follows = verb.is_single && self.obstacle == Obstacle::Link && verb.replaces();
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
