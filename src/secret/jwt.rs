//! Signs the JSON web tokens of a template again after their signing secret was generated. Supports HS256 only.
//! The claims are not changed.

use super::Secret;
use super::hmac::hmac_sha256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

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
    Some(URL_SAFE_NO_PAD.encode(hmac_sha256(secret.as_bytes(), signed.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

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
