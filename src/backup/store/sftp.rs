//! A repository in a directory of another machine, through the SFTP subsystem of its ssh server.
//! The system's ssh connects, so that its configuration, keys and known hosts count.

use std::fmt::{self, Debug};
use std::io;
use std::sync::{Mutex, PoisonError};

use super::sftp_packets::{
    Answer, Attributes, CLOSE, EXTENDED, FSYNC, INIT, LONGEST, MKDIR, OPEN, OPENDIR, READ, READDIR, REMOVE, RENAME,
    Request, STAT, WRITE, answer, extensions, unexpected,
};
use super::ssh_process::SshProcess;
use super::{Entry, FOLDERS, Store, whole};
use crate::backup::address::SftpAddress;

/// Bytes of one read or write: what every server takes.
const BLOCK: usize = 32 * 1024;
/// Requests that are sent before the first answer is read: their answers fit into a pipe.
const AT_ONCE: usize = 32;
const FOR_READING: u32 = 1;
/// Write, create, exclusively.
const NEW_FILE: u32 = 0x02 | 0x08 | 0x20;

/// The directory. A connection is opened when the first file is asked for, and again after one was lost.
pub(in crate::backup) struct SftpStore {
    address: SftpAddress,
    search_path: Option<String>,
    random: fn(&mut [u8]) -> io::Result<()>,
    session: Mutex<Option<Session>>,
}

impl Debug for SftpStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SftpStore({:?})", self.address)
    }
}

impl SftpStore {
    pub(in crate::backup) fn new(
        address: SftpAddress,
        search_path: Option<String>,
        random: fn(&mut [u8]) -> io::Result<()>,
    ) -> Self {
        Self { address, search_path, random, session: Mutex::new(None) }
    }

    fn path(&self, path: &str) -> String {
        let root = &self.address.path;
        if path.is_empty() { root.clone() } else { format!("{root}/{path}") }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Session) -> io::Result<T>) -> io::Result<T> {
        let mut kept = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let mut session = match kept.take() {
            Some(session) => session,
            None => Session::open(SshProcess::start(&self.address.ssh, self.search_path.as_deref())?)?,
        };
        let result = work(&mut session);
        // What was lost, or has answers left that nobody reads, is not used again.
        if !session.lost && session.unanswered == 0 {
            *kept = Some(session);
        }
        result
    }

    /// Makes a folder and those above it.
    fn make_folder(session: &mut Session, path: &str) -> io::Result<()> {
        if path.is_empty() || session.stat(path).is_ok_and(Attributes::is_folder) {
            return Ok(());
        }
        if let Some((above, _)) = path.rsplit_once('/') {
            Self::make_folder(session, above)?;
        }
        match session.call(MKDIR, |request| Ok(request.string(path.as_bytes())?.mode(0o700))) {
            // Another process made it meanwhile.
            Err(error) if session.lost || !session.stat(path).is_ok_and(Attributes::is_folder) => Err(error),
            _ => Ok(()),
        }
    }
}

impl Store for SftpStore {
    fn prepare(&self) -> io::Result<()> {
        let folders = FOLDERS.map(|folder| self.path(folder));
        self.with(|session| folders.iter().try_for_each(|folder| Self::make_folder(session, folder)))
    }

    fn entries(&self, folder: &str) -> io::Result<Vec<Entry>> {
        let path = self.path(folder);
        let names = match self.with(|session| session.folder(&path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            names => names?,
        };
        let names = names.into_iter().filter(|(name, _)| name != "." && name != "..");
        let mut entries: Vec<Entry> =
            names.map(|(name, found)| Entry { name, size: (!found.is_folder()).then_some(found.size) }).collect();
        entries.sort();
        Ok(entries)
    }

    fn read(&self, path: &str, range: Option<(u32, u32)>) -> io::Result<Vec<u8>> {
        let path = self.path(path);
        whole(self.with(|session| session.file(&path, range))?, range)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(path);
        let mut random = [0; 4];
        (self.random)(&mut random)?;
        let draft = format!("{path}-aictl-temp-{}", hex::encode(random));
        self.with(|session| {
            if let Some((folder, _)) = path.rsplit_once('/') {
                Self::make_folder(session, folder)?;
            }
            let written = session.put(&draft, bytes).and_then(|()| session.rename(&draft, &path));
            if written.is_err() && !session.lost {
                // A draft that stays is ignored: its name is not a digest.
                let _ = session.remove(&draft);
            }
            written
        })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.path(path);
        self.with(|session| session.remove(&path))
    }
}

/// A connection.
struct Session {
    ssh: SshProcess,
    next: u32,
    unanswered: usize,
    lost: bool,
    /// Whether the server writes a file to its disk when it is asked to.
    syncs: bool,
}

impl Session {
    fn open(mut ssh: SshProcess) -> io::Result<Self> {
        ssh.send(&Request::new(INIT, 3).packet()?)?;
        let mut session = Self { ssh, next: 0, unanswered: 0, lost: false, syncs: false };
        session.syncs = extensions(&session.packet()?)?.iter().any(|name| name == FSYNC);
        Ok(session)
    }

    fn packet(&mut self) -> io::Result<Vec<u8>> {
        let length = self.ssh.receive(4)?;
        let length = u32::from_be_bytes(length.try_into().map_err(|_| unexpected())?) as usize;
        if length == 0 || length > LONGEST {
            return Err(unexpected());
        }
        self.ssh.receive(length)
    }

    fn send(&mut self, kind: u8, fill: impl FnOnce(Request) -> io::Result<Request>) -> io::Result<u32> {
        let id = self.next;
        self.next = id.wrapping_add(1);
        let packet = fill(Request::new(kind, id))?.packet()?;
        self.lost = true;
        self.ssh.send(&packet)?;
        self.lost = false;
        self.unanswered += 1;
        Ok(id)
    }

    /// The answer to a request; servers answer one after the other.
    fn answer(&mut self, id: u32) -> io::Result<Answer> {
        self.lost = true;
        let packet = self.packet()?;
        let (of, answer) = answer(&packet)?;
        if of != id {
            return Err(unexpected());
        }
        self.lost = false;
        self.unanswered -= 1;
        answer
    }

    fn call(&mut self, kind: u8, fill: impl FnOnce(Request) -> io::Result<Request>) -> io::Result<Answer> {
        let id = self.send(kind, fill)?;
        self.answer(id)
    }

    fn handle(&mut self, kind: u8, fill: impl FnOnce(Request) -> io::Result<Request>) -> io::Result<Vec<u8>> {
        match self.call(kind, fill)? {
            Answer::Handle(handle) => Ok(handle),
            _ => Err(unexpected()),
        }
    }

    fn close(&mut self, handle: &[u8]) -> io::Result<()> {
        self.call(CLOSE, |request| request.string(handle)).map(drop)
    }

    fn stat(&mut self, path: &str) -> io::Result<Attributes> {
        match self.call(STAT, |request| request.string(path.as_bytes()))? {
            Answer::Attributes(found) => Ok(found),
            _ => Err(unexpected()),
        }
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        self.call(REMOVE, |request| request.string(path.as_bytes())).map(drop)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let renamed = self.call(RENAME, |request| request.string(from.as_bytes())?.string(to.as_bytes()));
        match renamed {
            Ok(_) => Ok(()),
            // Version 3 does not replace: the content of a name that is there is the same.
            Err(error) if self.lost || self.stat(to).is_err() => Err(error),
            Err(_) => self.remove(from),
        }
    }

    fn folder(&mut self, path: &str) -> io::Result<Vec<(String, Attributes)>> {
        let handle = self.handle(OPENDIR, |request| request.string(path.as_bytes()))?;
        let mut names = Vec::new();
        loop {
            match self.call(READDIR, |request| request.string(&handle))? {
                Answer::Names(some) => names.extend(some),
                Answer::End => break,
                _ => return Err(unexpected()),
            }
        }
        self.close(&handle)?;
        Ok(names)
    }

    fn file(&mut self, path: &str, range: Option<(u32, u32)>) -> io::Result<Vec<u8>> {
        let open = |request: Request| Ok(request.string(path.as_bytes())?.number(FOR_READING).number(0));
        let handle = self.handle(OPEN, open)?;
        let (start, length) = match range {
            Some((offset, length)) => (u64::from(offset), length as usize),
            None => (0, usize::try_from(self.stat(path)?.size).map_err(io::Error::other)?),
        };
        let mut bytes = Vec::new();
        // A short answer ends a batch; what is missing is asked for again.
        while bytes.len() < length {
            let before = bytes.len();
            self.blocks(&handle, start, (&mut bytes, length))?;
            if bytes.len() == before {
                break;
            }
        }
        self.close(&handle)?;
        if bytes.len() < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
    }

    fn blocks(&mut self, handle: &[u8], start: u64, (bytes, length): (&mut Vec<u8>, usize)) -> io::Result<()> {
        let mut asked = Vec::new();
        for at in (bytes.len()..length).step_by(BLOCK).take(AT_ONCE) {
            let count = BLOCK.min(length - at);
            let wanted = u32::try_from(count).map_err(io::Error::other)?;
            let fill = |request: Request| Ok(request.string(handle)?.offset(start + at as u64).number(wanted));
            asked.push((self.send(READ, fill)?, at, count));
        }
        for (id, at, count) in asked {
            match self.answer(id)? {
                Answer::Data(data) if data.len() <= count => {
                    if at == bytes.len() {
                        bytes.extend(data);
                    }
                }
                Answer::End => {}
                _ => return Err(unexpected()),
            }
        }
        Ok(())
    }

    fn put(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let open = |request: Request| Ok(request.string(path.as_bytes())?.number(NEW_FILE).mode(0o600));
        let handle = self.handle(OPEN, open)?;
        let mut result = Ok(());
        for (index, batch) in bytes.chunks(BLOCK * AT_ONCE).enumerate() {
            let mut sent = Vec::new();
            for (place, block) in batch.chunks(BLOCK).enumerate() {
                let offset = ((index * AT_ONCE + place) * BLOCK) as u64;
                sent.push(self.send(WRITE, |request| request.string(&handle)?.offset(offset).string(block))?);
            }
            for id in sent {
                let answered = self.answer(id).map(drop);
                if self.lost {
                    return answered;
                }
                result = result.and(answered);
            }
            if result.is_err() {
                break;
            }
        }
        if result.is_ok() && self.syncs {
            // The new name must not be on the disk before the content is.
            result = self.call(EXTENDED, |request| request.string(FSYNC)?.string(&handle)).map(drop);
            if self.lost {
                return result;
            }
        }
        let closed = self.close(&handle);
        result.and(closed)
    }
}
