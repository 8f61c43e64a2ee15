//! Git's index, versions 2 to 4, as gitformat-index(5) describes it: which paths it lists.
//! Reads bytes; returns whether a path is among them, or that the index leaves that to another place.
//! Trusts nothing: every length is checked against what is there.

/// What an index says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    Yes,
    No,
    /// The answer is in a place that is not read.
    Elsewhere(&'static str),
}

/// Times, device, inode, mode, owner and size before the object's name.
const STAT: usize = 40;
const MODE: usize = 24;
/// A folder that a sparse index holds as one entry.
const FOLDER: u32 = 0o040_000;
const EXTENDED: u16 = 0x4000;

/// Whether the index lists the path; none when the bytes are no index.
pub(super) fn listed(bytes: &[u8], wanted: &[u8], hash: usize) -> Option<Listed> {
    let mut rest = bytes.strip_prefix(b"DIRC")?;
    let version = number(&mut rest)?;
    let count = number(&mut rest)?;
    if !(2..=4).contains(&version) {
        return None;
    }
    let mut found = Listed::No;
    let mut name = Vec::new();
    for _ in 0..count {
        let (length, mode) = entry(rest, version, hash, &mut name)?;
        rest = rest.get(length..)?;
        if name == wanted {
            return Some(Listed::Yes);
        }
        if mode == FOLDER && name.ends_with(b"/") && wanted.starts_with(&name) {
            found = Listed::Elsewhere("it is sparse, and leaves this folder out");
        }
    }
    // Extensions, then the checksum.
    while rest.len() > hash {
        let signature = take(&mut rest, 4)?;
        let length = usize::try_from(number(&mut rest)?).ok()?;
        take(&mut rest, length)?;
        if signature == b"link" {
            found = Listed::Elsewhere("it is split, and shares a part with others");
        }
    }
    (rest.len() == hash).then_some(found)
}

/// Reads one entry's name; returns the entry's length and its mode.
fn entry(bytes: &[u8], version: u32, hash: usize, name: &mut Vec<u8>) -> Option<(usize, u32)> {
    let mode = number(&mut bytes.get(MODE..)?)?;
    let mut rest = bytes.get(STAT + hash..)?;
    let flags = u16::from_be_bytes(take(&mut rest, 2)?.try_into().ok()?);
    if version >= 3 && flags & EXTENDED != 0 {
        take(&mut rest, 2)?;
    }
    let kept = if version == 4 { name.len().checked_sub(shortened(&mut rest)?)? } else { 0 };
    name.truncate(kept);
    let text = rest.iter().position(|byte| *byte == 0)?;
    name.extend_from_slice(&rest[..text]);
    let length = bytes.len() - rest.len() + text;
    // One NUL at least; before version 4 as many as make the length a multiple of eight.
    Some((if version == 4 { length + 1 } else { (length / 8 + 1) * 8 }, mode))
}

/// How much of the name before is dropped: a variable-length number as in pack files' offsets.
fn shortened(rest: &mut &[u8]) -> Option<usize> {
    let mut byte = take(rest, 1)?[0];
    let mut value = usize::from(byte & 0x7f);
    while byte & 0x80 != 0 {
        byte = take(rest, 1)?[0];
        value = value.checked_add(1)?.checked_mul(128)?.checked_add(usize::from(byte & 0x7f))?;
    }
    Some(value)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(take(rest, 4)?.try_into().ok()?))
}

fn take<'b>(rest: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}
