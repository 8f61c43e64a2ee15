//! Signs the JSON web tokens of a template again after their signing secret was generated. Supports HS256 only.
//! The claims are not changed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::Secret;

/// Block size of SHA-256 in bytes.
const BLOCK: usize = 64;

/// Whether a value is a signed token.
pub fn is_token(value: &str) -> bool {
    value.starts_with("eyJ") && value.split('.').count() == 3 && claims(value).is_some()
}

/// Whether this secret signed the token.
pub fn is_signed_by(token: &str, secret: &str) -> bool {
    let Some((_, signature)) = token.rsplit_once('.') else { return false };
    header_is_known(token) && signature_of(token, secret).as_deref() == Some(signature)
}

/// The same claims with a new signature.
pub fn signed(token: &str, secret: &Secret) -> Option<Secret> {
    let (claims, _) = token.rsplit_once('.')?;
    Some(Secret::new(format!("{claims}.{}", signature_of(token, secret.expose())?)))
}

fn header_is_known(token: &str) -> bool {
    let header = token.split('.').next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let header = header.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    header.is_some_and(|header| header["alg"] == "HS256")
}

fn claims(token: &str) -> Option<serde_json::Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?).ok()
}

fn signature_of(token: &str, secret: &str) -> Option<String> {
    let (signed, _) = token.rsplit_once('.')?;
    Some(URL_SAFE_NO_PAD.encode(hmac(secret.as_bytes(), signed.as_bytes())))
}

/// HMAC-SHA256, RFC 2104.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0u8; BLOCK];
    let hashed = Sha256::digest(key);
    let key = if key.len() > BLOCK { &hashed[..] } else { key };
    block[..key.len()].copy_from_slice(key);
    let padded = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_that_of_the_standard() {
        // RFC 4231, test cases 1, 2 and 6.
        for (key, message, code) in [
            (vec![0x0b; 20], "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe".to_vec(),
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(hex::encode(hmac(&key, message.as_bytes())), code);
        }
    }

    #[test]
    fn a_token_is_signed_anew_and_claims_the_same() {
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let body = URL_SAFE_NO_PAD.encode(r#"{"role":"anon"}"#);
        let unsigned = format!("{head}.{body}.x");
        let old = signed(&unsigned, &Secret::new("old-secret")).unwrap();
        assert!(is_token(old.expose()) && is_signed_by(old.expose(), "old-secret"));
        assert!(!is_signed_by(old.expose(), "new-secret"));
        let new = signed(old.expose(), &Secret::new("new-secret")).unwrap();
        assert!(is_signed_by(new.expose(), "new-secret") && new.expose().starts_with(&format!("{head}.{body}.")));
        assert!(!is_token("eyJ.x") && !is_token("a.b.c"));
    }
}
