//! Files of a restic repository outside of rustic's reach: encrypted, named by their SHA-256, written whole.
//! Trees, snapshots and locks are written here, because rustic can neither set the size of a streamed file nor lock.

use aes256ctr_poly1305aes::aead::Aead;
use aes256ctr_poly1305aes::{Aes256CtrPoly1305Aes, Key, Nonce};
use rustic_core::repofile::MasterKey;
use sha2::{Digest, Sha256};

/// Bytes of the random number before each encrypted text.
const NONCE: usize = 16;

/// The key that everything in a repository but its key files is encrypted with.
#[derive(Clone)]
pub(super) struct Sealer {
    key: Key,
    random: fn(&mut [u8]) -> std::io::Result<()>,
}

impl Sealer {
    /// The sealer of a repository's master key; none where the key has the wrong length.
    pub(super) fn new(key: &MasterKey, random: fn(&mut [u8]) -> std::io::Result<()>) -> Option<Self> {
        let bytes = [key.encrypt.as_slice(), &key.mac.k, &key.mac.r].concat();
        (bytes.len() == 64).then(|| Self { key: *Key::from_slice(&bytes), random })
    }

    /// The text encrypted, with nonce and authentication code.
    pub(super) fn seal(&self, text: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut sealed = vec![0; NONCE];
        (self.random)(&mut sealed)?;
        let cipher = Aes256CtrPoly1305Aes::new(&self.key);
        let body = cipher.encrypt(Nonce::from_slice(&sealed), text).map_err(|_| std::io::Error::other("encryption"))?;
        sealed.extend_from_slice(&body);
        Ok(sealed)
    }

    /// The text of a file; none where it was not encrypted with this key, or was changed.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_at_checked(NONCE)?;
        Aes256CtrPoly1305Aes::new(&self.key).decrypt(Nonce::from_slice(nonce), body).ok()
    }
}

/// The SHA-256 of bytes, as restic names its files.
pub(super) fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_and_a_changed_bit_does_not() {
        let sealer = Sealer::new(&MasterKey::new(), |bytes| getrandom::fill(bytes).map_err(std::io::Error::other));
        let sealer = sealer.unwrap();
        let mut sealed = sealer.seal(b"text").unwrap();
        assert_eq!(sealer.open(&sealed).unwrap(), b"text");
        assert_eq!(sealed.len(), 4 + 32);
        sealed[20] ^= 1;
        assert!(sealer.open(&sealed).is_none() && sealer.open(b"short").is_none());
    }
}
