//! Alphabets for generated secrets.

/// The alphabet of a generated secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// Letters, digits, `-` and `_`: base64 of the bytes.
    UrlSafe,
    /// Hexadecimal digits: two for each byte.
    Hex,
    /// Letters, digits, `+`, `/` and `=`: base64 of the bytes, padded.
    Base64,
    /// Letters and digits.
    Alphanumeric,
    /// A random UUID, of 16 bytes.
    Uuid,
    /// Letters, digits and punctuation, at least one of each, for systems that require it.
    Password,
}
