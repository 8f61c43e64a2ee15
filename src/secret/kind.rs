//! Classifies a variable of an env file by name and value: a setting, a secret the operator may choose, or a secret
//! issued by a provider.

use super::common::is_switch;
use super::kind_words::{
    ABOUT, ELSEWHERE, ISSUED_VALUES, JOINED, KEYS_OF_RECORDS, LAST, OFF_WHEN_EMPTY, OPEN, OWN_KEYS, OWN_TOKENS,
    PROVIDERS, SELF_ISSUED,
};
use super::names::words;

/// The kind of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// A setting: a switch, a count, a path, an address, a reference.
    None,
    /// A secret the operator may choose.
    Own,
    /// A secret issued by a provider, or part of a key pair.
    Issued,
}

/// Classifies a variable. The value is raw, with references; it may be empty.
pub fn secret_kind(name: &str, value: &str) -> SecretKind {
    let words = name_words(name);
    if !is_named_a_secret(name, &words, value) || is_setting(&words, value) {
        return SecretKind::None;
    }
    if is_issued(&words, value) { SecretKind::Issued } else { SecretKind::Own }
}

/// Whether an empty value of this secret disables a feature, such as authentication.
pub fn is_off_when_empty(name: &str) -> bool {
    let words = name_words(name);
    words.last().is_some_and(|last| last == "TOKEN") || any(&words, OFF_WHEN_EMPTY)
}

/// The words without trailing numbers.
fn name_words(name: &str) -> Vec<String> {
    let mut words = words(name);
    while words.len() > 1 && words.last().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
        words.pop();
    }
    words
}

fn any(words: &[String], known: &[&str]) -> bool {
    words.iter().any(|word| known.contains(&word.as_str()))
}

fn ends(words: &[String], last: &[&str]) -> bool {
    words.len() >= last.len() && words[words.len() - last.len()..].iter().zip(last).all(|(word, known)| word == known)
}

fn is_named_a_secret(name: &str, words: &[String], value: &str) -> bool {
    let Some(last) = words.last() else { return false };
    if matches!(name, "PWD" | "OLDPWD") || ABOUT.contains(&last.as_str()) || any(words, OPEN) {
        return false;
    }
    if ends(words, &["KEY"]) {
        let before = words.len().checked_sub(2).and_then(|at| words.get(at)).map(String::as_str).unwrap_or_default();
        // Rails encrypts with a primary key, tables have one.
        let of_record = KEYS_OF_RECORDS.contains(&before) || before == "PRIMARY" && !any(words, &["ENCRYPTION"]);
        return !of_record;
    }
    // `BASIC_AUTH=user:password`; alone it is a switch as often.
    if ends(words, &["AUTH"]) && value.is_empty() {
        return any(words, &["REDIS", "VALKEY", "BASIC"]);
    }
    let joined = |word: &String| JOINED.iter().any(|known| word.ends_with(known));
    LAST.contains(&last.as_str())
        || joined(last)
        || ends(words, &["KEY", "BASE"])
        || ends(words, &["ERLANG", "COOKIE"])
        || ends(words, &["IV"]) && value.len() >= 16 && value.bytes().all(|b| b.is_ascii_hexdigit())
        // `JWT_SECRET_STAGING`, `PASSWORD_APP`.
        || words.iter().any(|word| JOINED[..3].contains(&word.as_str()) || word == "SECRET")
}

/// Whether a value is not a secret even if the name suggests one.
fn is_setting(words: &[String], value: &str) -> bool {
    let value = value.trim();
    let password = words.last().is_some_and(|last| matches!(last.as_str(), "PASSWORD" | "PASSWD" | "PASS" | "PWD"));
    is_switch(value)
        || refers(value)
        || is_path(value)
        || value.contains("://")
        || value.starts_with('{')
        || !password && is_count(value)
}

/// `${NAME}`, `$NAME`, `{{ name }}`: a reference to another value.
fn refers(value: &str) -> bool {
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if rest.starts_with('{') || rest.starts_with(|c: char| c == '_' || c.is_ascii_uppercase()) {
            return true;
        }
    }
    false
}

fn is_path(value: &str) -> bool {
    let legal = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/~".contains(&b));
    let begins = ["./", "../", "~/"].iter().any(|begin| value.starts_with(begin));
    let rooted = value.starts_with('/') && value.len() < 120 && !value.bytes().any(|b| b.is_ascii_uppercase());
    let named = [".pem", ".key", ".crt", ".json", ".txt", ".p12", ".jks"].iter().any(|end| value.ends_with(end));
    legal && (begins || rooted || named)
}

/// `3600`, `15m`, `7d`, `-1`, `1.5`.
fn is_count(value: &str) -> bool {
    let number = value.trim_start_matches('-').trim_end_matches(|c: char| c.is_ascii_lowercase());
    let unit = value.len() - number.len() <= 3;
    unit && (1..=7).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

fn is_issued(words: &[String], value: &str) -> bool {
    if any(words, PROVIDERS) || ISSUED_VALUES.iter().any(|begin| value.starts_with(begin)) {
        return true;
    }
    if ends(words, &["PRIVATE", "KEY"]) || ends(words, &["PRIVATEKEY"]) || ends(words, &["PAT"]) {
        return true;
    }
    let own_word = any(words, SELF_ISSUED);
    let last = words.last().map(String::as_str).unwrap_or_default();
    let api_key = ends(words, &["API", "KEY"]) || last.ends_with("APIKEY");
    if api_key || last == "TOKEN" || last.ends_with("AUTHTOKEN") || last.ends_with("ACCESSTOKEN") {
        return !any(words, OWN_TOKENS);
    }
    if last == "SECRET" {
        // `ACCESS_TOKEN_SECRET` signs tokens, `GITLAB_WEBHOOK_SECRET` is agreed between two; `CLIENT_SECRET` is given out.
        let signs = ends(words, &["TOKEN", "SECRET"]) || ends(words, &["WEBHOOK", "SECRET"]);
        let given = ends(words, &["CLIENT", "SECRET"]) || ends(words, &["CONSUMER", "SECRET"]);
        return given || !signs && !own_word && any(words, ELSEWHERE);
    }
    if !own_word && any(words, ELSEWHERE) {
        return true;
    }
    last == "KEY" && !any(words, OWN_KEYS) && !ends(words, &["PRIMARY", "KEY"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_tell_the_kind() {
        use SecretKind::{Issued, None, Own};
        for (name, value, kind) in [
            ("POSTGRES_PASSWORD", "postgres", Own),
            ("POSTGRES_PASSWORD", "12345", Own),
            ("POSTGRES_PASSWORD", "${DB_PASSWORD}", None),
            ("ACCESS_TOKEN_SECRET", "", Own),
            ("NEXTAUTH_SECRET", "", Own),
            ("DB_PASSWORD_2", "x", Own),
            ("JWT_SECRET_STAGING", "x", Own),
            ("OPENAI_API_KEY", "", Issued),
            ("AZURE_ENCRYPTION_KEY", "", Issued),
            ("SOME_API_KEY", "", Issued),
            ("GITHUB_CLIENT_SECRET", "", Issued),
            ("SSH_PRIVATE_KEY", "", Issued),
            ("GITHUB_CLIENT_ID", "", None),
            ("WEBUI_AUTH", "true", None),
            ("PASSWORD_ROUNDS", "12", None),
            ("SECRET_URL", "https://x/", None),
            ("TLS_KEY", "/etc/ssl/site.key", None),
            ("SESSION_KEY", "3600", None),
            ("MYSQL_ALLOW_EMPTY_PASSWORD", "1", None),
            ("CREDS_IV", "e2341419ec3dd3d19b13a1a87fafcbfb", Own),
            ("PRIMARY_KEY", "id", None),
        ] {
            assert_eq!(secret_kind(name, value), kind, "{name}={value}");
        }
    }
}
