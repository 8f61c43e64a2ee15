//! Detects mounted files with secrets of their own: private keys, or settings with the name of a secret.
//! Files with known secret values are rejected elsewhere.

use std::path::Path;

use crate::secret::{SecretKind, placeholder_reason, secret_kind};

/// Larger files are not searched.
const LARGEST: usize = 1 << 20;
/// Shorter values may be keywords.
const SHORTEST: usize = 6;

/// First bytes of a private key, at the start of a file or line.
const KEYS: &[&str] = &["PRIVATE KEY-----", "PRIVATE KEY BLOCK-----", "AGE-SECRET-KEY-1", "PuTTY-User-Key-File-"];

/// Names of key and password files.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    ".dockercfg", ".git-credentials", ".htpasswd", ".my.cnf", ".netrc", ".npmrc", ".pgpass", ".pypirc", "acme.json", "htpasswd",
    "id_ecdsa", "id_ed25519", "id_rsa",
];

/// The reason to leave a file out, if any.
pub(super) fn reason_to_stay(path: &Path, bytes: &[u8]) -> Option<&'static str> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let store = ["p12", "pfx", "jks", "kdbx"].iter().any(|end| name.ends_with(&format!(".{end}")));
    if bytes.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LARGEST)]);
    if store || KEYS.iter().any(|key| text.contains(key)) {
        return Some("contains a private key; copy it separately, or add it with --include");
    }
    let secret = NAMES.contains(&name) || text.lines().any(is_secret_setting);
    secret.then_some("contains secrets; copy it separately, or add it with --include")
}

/// `password = s3cr3t`, `"apiKey": "…"`, `export TOKEN='…'`.
fn is_secret_setting(line: &str) -> bool {
    let line = line.trim().trim_start_matches("- ").trim_start_matches("export ");
    let Some((name, value)) = line.split_once(['=', ':']) else { return false };
    let quotes = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';');
    let (name, value) = (name.trim_matches(quotes), value.trim_matches(quotes));
    let legal = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || !name.chars().all(legal) || value.len() < SHORTEST || value.contains(char::is_whitespace) {
        return false;
    }
    // The name of a file, header or scheme is not a secret.
    let telling = value.bytes().any(|b| b.is_ascii_digit())
        || ["password", "passwd", "secret", "pass"].iter().any(|last| name.to_ascii_lowercase().ends_with(last));
    telling && secret_kind(name, value) != SecretKind::None && placeholder_reason(value).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stays(name: &str, text: &str) -> bool {
        reason_to_stay(Path::new(name), text.as_bytes()).is_some()
    }

    #[test]
    fn keys_and_secret_settings_stay() {
        for (name, text) in [
            ("tls/site.key", "-----BEGIN PRIVATE KEY-----\nMII\n"),
            ("tls/site.pem", "-----BEGIN CERTIFICATE-----\nx\n-----BEGIN RSA PRIVATE KEY-----\n"),
            ("age.txt", "# created\nAGE-SECRET-KEY-1QQQ\n"),
            ("store.p12", "\u{1}\u{2}"),
            ("htpasswd", "ops:$2y$05$abc\n"),
            ("app.ini", "[db]\nuser = app\npassword = kV3x9Qm72\n"),
            ("app.yml", "smtp:\n  password: 'correct-horse-battery'\n"),
            ("app.json", "{\n  \"apiKey\": \"a1b2c3d4e5\",\n}\n"),
        ] {
            assert!(stays(name, text), "{name}");
        }
    }

    #[test]
    fn settings_go() {
        for (name, text) in [
            (
                "nginx.conf",
                "ssl_certificate_key /etc/tls/site.key;\nserver_name x;\nproxy_set_header Authorization $http_authorization;\n",
            ),
            ("prometheus.yml", "scrape_configs:\n- job_name: api\n  password_file: /run/secrets/p1\n"),
            ("app.yml", "password: ${DB_PASSWORD}\ntoken: changeme\nsecret_name: app-tls-2\nkey: name\nauth: basic\n"),
            ("redis.conf", "# requirepass foobared\nport 6379\n"),
            ("site.crt", "-----BEGIN CERTIFICATE-----\nx\n"),
            ("empty.key", ""),
        ] {
            assert!(!stays(name, text), "{name}");
        }
    }
}
