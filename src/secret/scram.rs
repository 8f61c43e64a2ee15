//! What PostgreSQL keeps of a password instead of the password: RFC 5802 and 7677, as `CREATE ROLE` takes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::Secret;
use super::hmac::hmac_sha256;

/// The server's own default.
const ITERATIONS: u32 = 4096;

/// Bytes of salt.
pub const SCRAM_SALT: usize = 16;

/// The verifier of a password: `SCRAM-SHA-256$4096:SALT$STORED:SERVER`. Clients prepare passwords by SASLprep, which changes
/// no ASCII text; for others it must have been done.
pub fn scram_verifier(password: &Secret, salt: [u8; SCRAM_SALT]) -> String {
    let salted = salted(password.expose().as_bytes(), &salt);
    let stored = Sha256::digest(hmac_sha256(&salted, b"Client Key"));
    let server = hmac_sha256(&salted, b"Server Key");
    let [salt, stored, server] = [&salt[..], &stored[..], &server[..]].map(|bytes| STANDARD.encode(bytes));
    format!("SCRAM-SHA-256${ITERATIONS}:{salt}${stored}:{server}")
}

/// PBKDF2 of one block.
fn salted(password: &[u8], salt: &[u8]) -> Vec<u8> {
    let mut block = hmac_sha256(password, &[salt, &1u32.to_be_bytes()].concat());
    let mut whole = block.clone();
    for _ in 1..ITERATIONS {
        block = hmac_sha256(password, &block);
        whole.iter_mut().zip(&block).for_each(|(whole, byte)| *whole ^= byte);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_is_the_one_of_the_standard() {
        // RFC 7677, section 3: the password `pencil`; the signature of its server is made with the key below.
        let salt: [u8; SCRAM_SALT] = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap().try_into().unwrap();
        let verifier = scram_verifier(&Secret::new("pencil"), salt);
        let (head, server) = verifier.rsplit_once(':').unwrap();
        assert!(head.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"), "{head}");
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,\
            r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
            c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let signature = hmac_sha256(&STANDARD.decode(server).unwrap(), message.as_bytes());
        assert_eq!(STANDARD.encode(signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }
}
