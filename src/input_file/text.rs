//! Text of files: UTF-8, or the place where it is none.

use std::io;

/// Bytes that are no UTF-8, and the place of the first of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid UTF-8 at line {line}, byte {column}")]
pub struct NotText {
    /// Line, from 1.
    pub line: u32,
    /// Byte of the line, from 1.
    pub column: u32,
}

impl From<NotText> for io::Error {
    fn from(error: NotText) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// The bytes as text.
pub fn text_of(bytes: Vec<u8>) -> Result<String, NotText> {
    String::from_utf8(bytes).map_err(|error| {
        let (valid, _) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let ends = valid.iter().filter(|byte| **byte == b'\n').count();
        let begun = valid.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
        NotText { line: number(ends), column: number(valid.len() - begun) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_that_is_no_text_is_told() {
        assert_eq!(text_of(b"a: b\n".to_vec()).unwrap(), "a: b\n");
        assert_eq!(text_of(b"a: b\nc: \xe9t\xe9".to_vec()).unwrap_err(), NotText { line: 2, column: 4 });
        assert_eq!(text_of(b"\xff".to_vec()).unwrap_err(), NotText { line: 1, column: 1 });
    }
}
