//! Signatures of requests to S3: AWS Signature Version 4 in the header `Authorization`.

use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::macros::format_description;

use super::s3_credentials::S3Credentials;

/// What is left as it is in paths.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
/// What is left as it is in values.
const VALUE: &AsciiSet = &PATH.add(b'/');

/// A request that is to be signed.
pub(super) struct Unsigned<'a> {
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    /// Path, encoded.
    pub(super) path: &'a str,
    /// Names and values, by name.
    pub(super) query: &'a [(&'a str, String)],
    pub(super) body: &'a [u8],
}

/// A path as it is sent and signed.
pub(super) fn encoded_path(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

/// A query as it is sent and signed.
pub(super) fn encoded_query(query: &[(&str, String)]) -> String {
    let pair = |(name, value): &(&str, String)| {
        format!("{}={}", utf8_percent_encode(name, VALUE), utf8_percent_encode(value, VALUE))
    };
    query.iter().map(pair).collect::<Vec<_>>().join("&")
}

impl Unsigned<'_> {
    /// The headers that sign it.
    pub(super) fn headers(
        &self,
        credentials: &S3Credentials,
        now: OffsetDateTime,
    ) -> Result<Vec<(&'static str, String)>, time::error::Format> {
        let stamp = now.format(format_description!("[year][month][day]T[hour][minute][second]Z"))?;
        let date = stamp.get(..8).unwrap_or_default();
        let body = hex::encode(Sha256::digest(self.body));
        let mut headers =
            vec![("host", self.host.to_owned()), ("x-amz-content-sha256", body.clone()), ("x-amz-date", stamp.clone())];
        if let Some(token) = &credentials.token {
            headers.push(("x-amz-security-token", token.expose().to_owned()));
        }
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let query = encoded_query(self.query);
        let canonical = format!("{}\n{}\n{query}\n{lines}\n{names}\n{body}", self.method, self.path);
        let scope = format!("{date}/{}/s3/aws4_request", credentials.region);
        let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
        let mut key = format!("AWS4{}", credentials.secret.expose()).into_bytes();
        for part in [date, credentials.region.as_str(), "s3", "aws4_request"] {
            key = keyed(&key, part);
        }
        let signature = hex::encode(keyed(&key, &text));
        let id = &credentials.key_id;
        let signed = format!("AWS4-HMAC-SHA256 Credential={id}/{scope},SignedHeaders={names},Signature={signature}");
        headers.push(("authorization", signed));
        Ok(headers)
    }
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    /// The example "GET Bucket (List Objects)" of Amazon's documentation of Signature Version 4 for S3.
    #[test]
    fn the_signature_is_the_one_of_amazons_example() {
        let credentials = S3Credentials {
            key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            token: None,
            region: "us-east-1".to_owned(),
        };
        let query = [("max-keys", "2".to_owned()), ("prefix", "J".to_owned())];
        let host = "examplebucket.s3.amazonaws.com";
        let request = Unsigned { method: "GET", host, path: "/", query: &query, body: b"" };
        let headers = request.headers(&credentials, time::macros::datetime!(2013-05-24 00:00:00 UTC)).unwrap();
        let signed = &headers.last().unwrap().1;
        let expected = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        assert!(signed.ends_with(expected), "{signed}");
    }

    #[test]
    fn paths_and_values_are_encoded_as_they_are_signed() {
        assert_eq!(encoded_path("/b/a b/ä~._-"), "/b/a%20b/%C3%A4~._-");
        assert_eq!(encoded_query(&[("prefix", "a/b=".to_owned())]), "prefix=a%2Fb%3D");
    }
}
