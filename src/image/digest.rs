//! A digest: `sha256:` and 64 hexadecimal digits, the name content has wherever it goes.
//! Reads text or bytes; returns the value or the reason it is none.
//! Never takes another algorithm: everything that is carried here is named by SHA-256.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut digester = Digester::default();
        digester.take(bytes);
        digester.finish()
    }

    /// The digits without the algorithm.
    pub fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }

    /// The first twelve digits, as tables show them.
    pub fn short(&self) -> &str {
        &self.hex()[..12]
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(hex) = text.strip_prefix("sha256:") else {
            return Err(format!("invalid sha256 digest `{text}`"));
        };
        if hex.len() != 64 {
            return Err(format!("a sha256 digest has 64 hex digits, `{text}` has {}", hex.len()));
        }
        if !hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(format!("`{text}` contains characters other than 0-9 and a-f"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Computes a digest while bytes go by, and counts them.
#[derive(Default)]
pub struct Digester {
    hash: Sha256,
    size: u64,
}

impl Digester {
    /// Takes the next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// How many bytes went by.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The digest of all of them.
    pub fn finish(self) -> Digest {
        Digest(format!("sha256:{}", hex::encode(self.hash.finalize())))
    }
}

impl Write for Digester {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_digest_of_nothing_is_the_known_one_however_it_comes() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        let mut digester = Digester::default();
        digester.take(b"a");
        digester.take(b"b");
        assert_eq!((digester.size(), digester.finish()), (2, Digest::of(b"ab")));
        assert_eq!(EMPTY.parse::<Digest>().unwrap().short(), "e3b0c44298fc");
    }

    #[test]
    fn what_is_no_digest_is_refused_with_the_reason() {
        for (text, reason) in [
            ("e3b0", "invalid sha256 digest `e3b0`"),
            ("sha512:00", "invalid sha256 digest `sha512:00`"),
            ("sha256:00", "a sha256 digest has 64 hex digits, `sha256:00` has 2"),
        ] {
            assert_eq!(text.parse::<Digest>().unwrap_err(), reason);
        }
        let upper = EMPTY.replace('e', "E");
        assert!(upper.parse::<Digest>().unwrap_err().ends_with("0-9 and a-f"));
        assert!(serde_json::from_str::<Digest>("\"sha256:00\"").is_err());
    }
}
