//! Detects positions in text where a password is expected: `password=…`, `--password …`, `scheme://user:…@`.
//! Looks only at the text around the position, not at the value.

use super::is_secret_name;

/// Number of bytes before a position that are considered.
pub(super) const CONTEXT: usize = 96;

/// Last words of names that always denote a password.
const PASSWORDS: &[&str] = &["password", "passwd", "passphrase", "pass", "pwd", "requirepass", "masterauth"];

/// Whether the text between `before` and `after` is a password.
pub(super) fn is_credential(before: &[u8], after: Option<u8>) -> bool {
    let before = &before[before.len().saturating_sub(CONTEXT)..];
    if after == Some(b'@') && before.ends_with(b":") && last_word(before, |b| !is_space_or_quote(b)).contains("://") {
        return true;
    }
    let unquoted = trimmed(before, is_space_or_quote);
    if let Some((b'=' | b':', rest)) = unquoted.split_last() {
        return names_a_password(&last_word(trimmed(rest, is_space_or_quote), is_of_name));
    }
    let word = last_word(unquoted, is_of_name);
    unquoted.len() < before.len() && word.starts_with("--") && names_a_password(&word)
}

/// `POSTGRES_PASSWORD`, `apiKey`, `--password`; but not `secret` or `token` alone, which often precede a name.
pub(super) fn names_a_password(name: &str) -> bool {
    let name = name.trim_start_matches('-');
    let lower = name.to_ascii_lowercase();
    if PASSWORDS.iter().any(|word| lower.ends_with(word)) {
        return is_secret_name(name) || PASSWORDS.contains(&lower.as_str());
    }
    let one_word = name.bytes().all(|b| b.is_ascii_lowercase()) || name.bytes().all(|b| b.is_ascii_uppercase());
    !one_word && is_secret_name(name)
}

fn trimmed(text: &[u8], of: fn(u8) -> bool) -> &[u8] {
    let end = text.iter().rposition(|byte| !of(*byte)).map_or(0, |at| at + 1);
    &text[..end]
}

fn last_word(text: &[u8], of: fn(u8) -> bool) -> String {
    let begin = text.iter().rposition(|byte| !of(*byte)).map_or(0, |at| at + 1);
    String::from_utf8_lossy(&text[begin..]).into_owned()
}

fn is_space_or_quote(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'`' | b'\\')
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_told_from_names_by_what_stands_around_them() {
        for (before, after) in [
            ("POSTGRES_PASSWORD=", None),
            ("POSTGRES_PASSWORD: '", Some(b'\'')),
            ("{\"apiKey\": \"", Some(b'"')),
            ("mysql --password ", None),
            ("mysqladmin -u root --password=", None),
            ("redis-server --requirepass ", Some(b'"')),
            ("postgresql://app:", Some(b'@')),
            ("host=db password=", Some(b' ')),
        ] {
            assert!(is_credential(before.as_bytes(), after), "{before}");
        }
        for (before, after) in [
            ("service `", Some(b'`')),
            ("image: ", None),
            ("secret: ", None),
            ("secret `", Some(b'`')),
            ("registry/app:", Some(b'@')),
            ("postgresql://app:pw@", Some(b'/')),
            ("password authentication failed for user \"", Some(b'"')),
            ("", None),
        ] {
            assert!(!is_credential(before.as_bytes(), after), "{before}");
        }
    }
}
