//! Packets of the SFTP protocol, version 3 (draft-ietf-secsh-filexfer-02), as far as a repository needs them.

use std::io;

pub(super) const INIT: u8 = 1;
const VERSION: u8 = 2;
pub(super) const OPEN: u8 = 3;
pub(super) const CLOSE: u8 = 4;
pub(super) const READ: u8 = 5;
pub(super) const WRITE: u8 = 6;
pub(super) const OPENDIR: u8 = 11;
pub(super) const READDIR: u8 = 12;
pub(super) const REMOVE: u8 = 13;
pub(super) const MKDIR: u8 = 14;
pub(super) const STAT: u8 = 17;
pub(super) const RENAME: u8 = 18;
pub(super) const EXTENDED: u8 = 200;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const NAME: u8 = 104;
const ATTRS: u8 = 105;

/// The extension of OpenSSH that writes a file to the disk.
pub(super) const FSYNC: &[u8] = b"fsync@openssh.com";
/// The longest packet that is read.
pub(super) const LONGEST: usize = 1024 * 1024;
/// The attribute `permissions`.
const PERMISSIONS: u32 = 4;

/// The body of a packet that is sent.
pub(super) struct Request(Vec<u8>);

impl Request {
    pub(super) fn new(kind: u8, id: u32) -> Self {
        Self(vec![kind]).number(id)
    }

    pub(super) fn number(mut self, number: u32) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub(super) fn offset(mut self, number: u64) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub(super) fn string(mut self, bytes: &[u8]) -> io::Result<Self> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self = self.number(length);
        self.0.extend_from_slice(bytes);
        Ok(self)
    }

    /// Attributes with nothing but a mode.
    pub(super) fn mode(self, mode: u32) -> Self {
        self.number(PERMISSIONS).number(mode)
    }

    /// The packet: its length and its body.
    pub(super) fn packet(&self) -> io::Result<Vec<u8>> {
        let length = u32::try_from(self.0.len()).map_err(io::Error::other)?;
        Ok([&length.to_be_bytes()[..], &self.0].concat())
    }
}

/// What the server answers.
#[derive(Debug)]
pub(super) enum Answer {
    Done,
    End,
    Handle(Vec<u8>),
    Data(Vec<u8>),
    Names(Vec<(String, Attributes)>),
    Attributes(Attributes),
}

/// Size and mode of a file, where the server says them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) size: u64,
    pub(super) mode: u32,
}

impl Attributes {
    pub(super) fn is_folder(self) -> bool {
        self.mode & 0o170_000 == 0o040_000
    }
}

/// The server broke the protocol.
pub(super) fn unexpected() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the SFTP server answered what was not asked")
}

/// The names of the extensions that a server offers in its first packet.
pub(super) fn extensions(packet: &[u8]) -> io::Result<Vec<Vec<u8>>> {
    let mut fields = Fields(packet);
    if fields.take(1)? != [VERSION] {
        return Err(unexpected());
    }
    fields.number()?;
    let mut names = Vec::new();
    while !fields.0.is_empty() {
        names.push(fields.string()?.to_vec());
        fields.string()?;
    }
    Ok(names)
}

/// The id of the request that a packet answers, and the answer, which may be an error.
pub(super) fn answer(packet: &[u8]) -> io::Result<(u32, io::Result<Answer>)> {
    let mut fields = Fields(packet);
    let kind = fields.take(1)?[0];
    let id = fields.number()?;
    let answer = match kind {
        STATUS => status(&mut fields)?,
        HANDLE => Ok(Answer::Handle(fields.string()?.to_vec())),
        DATA => Ok(Answer::Data(fields.string()?.to_vec())),
        ATTRS => Ok(Answer::Attributes(fields.attributes()?)),
        NAME => {
            let mut names = Vec::new();
            for _ in 0..fields.number()? {
                let name = String::from_utf8_lossy(fields.string()?).into_owned();
                fields.string()?;
                names.push((name, fields.attributes()?));
            }
            Ok(Answer::Names(names))
        }
        _ => return Err(unexpected()),
    };
    Ok((id, answer))
}

fn status(fields: &mut Fields<'_>) -> io::Result<io::Result<Answer>> {
    let code = fields.number()?;
    // Old servers send no text.
    let text = fields.string().map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default();
    let failed = |kind: io::ErrorKind| Ok(Err(io::Error::new(kind, format!("the SFTP server says: {text}"))));
    match code {
        0 => Ok(Ok(Answer::Done)),
        1 => Ok(Ok(Answer::End)),
        2 => failed(io::ErrorKind::NotFound),
        3 => failed(io::ErrorKind::PermissionDenied),
        _ => failed(io::ErrorKind::Other),
    }
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(unexpected)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> io::Result<u32> {
        Ok(u32::from_be_bytes(self.take(4)?.try_into().map_err(|_| unexpected())?))
    }

    fn string(&mut self) -> io::Result<&'a [u8]> {
        let length = self.number()?;
        self.take(length as usize)
    }

    fn attributes(&mut self) -> io::Result<Attributes> {
        let flags = self.number()?;
        let mut found = Attributes::default();
        if flags & 1 != 0 {
            found.size = u64::from_be_bytes(self.take(8)?.try_into().map_err(|_| unexpected())?);
        }
        if flags & 2 != 0 {
            self.take(8)?;
        }
        if flags & PERMISSIONS != 0 {
            found.mode = self.number()?;
        }
        if flags & 8 != 0 {
            self.take(8)?;
        }
        if flags & 0x8000_0000 != 0 {
            for _ in 0..self.number()? {
                self.string()?;
                self.string()?;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_that_is_cut_is_an_error_and_never_a_panic() {
        let body = Request::new(NAME, 7).number(1).string(b"a").unwrap().string(b"-rw a").unwrap().mode(0o100_600);
        let packet = body.packet().unwrap();
        let Ok((7, Ok(Answer::Names(names)))) = answer(&packet[4..]) else { panic!("{packet:?}") };
        assert_eq!(names, [("a".to_owned(), Attributes { size: 0, mode: 0o100_600 })]);
        for length in 0..packet.len() - 4 {
            assert!(answer(&packet[4..4 + length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_status_is_an_error_of_its_kind() {
        let of = |code: u32| answer(&Request::new(STATUS, 1).number(code).packet().unwrap()[4..]).unwrap().1;
        assert!(matches!(of(0), Ok(Answer::Done)) && matches!(of(1), Ok(Answer::End)));
        assert_eq!(of(2).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(of(3).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(of(4).unwrap_err().kind(), io::ErrorKind::Other);
    }
}
