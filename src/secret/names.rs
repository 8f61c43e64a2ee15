//! Decides by its name whether an environment variable holds a secret, and which part of its value the secret is.
//! Reads a name and a value and returns the secrets in it.
//! Never looks at the process environment.

use super::Secret;

/// Words that make a name a secret's, wherever they stand in it.
const TELLING: &[&str] =
    &["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "CREDENTIAL", "CREDENTIALS", "APIKEY", "WEBHOOK"];
/// Last words that make a name a secret's.
const LAST: &[&str] = &["KEY", "TOKEN", "PASS", "PWD", "AUTH", "SALT", "PEPPER", "REQUIREPASS", "MASTERAUTH"];
/// Words that make it something about a secret instead of the secret: a path, a limit, a name.
const ABOUT: &[&str] = &[
    "FILE",
    "PATH",
    "DIR",
    "LENGTH",
    "MIN",
    "MAX",
    "EXPIRE",
    "EXPIRES",
    "EXPIRATION",
    "TTL",
    "MINUTES",
    "SECONDS",
    "DAYS",
    "HOURS",
    "ALGORITHM",
    "NAME",
    "ID",
    "PUBLIC",
    "PRIMARY",
    "FOREIGN",
    "PARTITION",
    "SORT",
    "POLICY",
    "ENABLED",
    "HEADER",
    "TYPE",
    "PREFIX",
    "COUNT",
];

/// Whether a variable of this name holds a secret: `POSTGRES_PASSWORD`, `OPENAI_API_KEY`, `telegramBotToken`.
pub fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    let Some(last) = words.last() else { return false };
    // The shell's working directories, not passwords.
    if matches!(name, "PWD" | "OLDPWD") {
        return false;
    }
    if words.iter().any(|word| ABOUT.contains(&word.as_str())) {
        return false;
    }
    let telling = |word: &String| TELLING.iter().any(|known| word == known || word.ends_with(known));
    words.iter().any(telling) || LAST.contains(&last.as_str())
}

/// Last words of variables whose value names a user or a database.
const NAMING: &[&str] = &["USER", "USERNAME", "DB", "DATABASE", "DBNAME", "DB_NAME", "SCHEMA", "ROLE"];

/// Whether the value of a variable of this name is the name of a user or a database, in any case of letters.
pub fn names_a_person_or_database(name: &str) -> bool {
    let name = words(name).join("_");
    NAMING.iter().any(|last| name == *last || name.ends_with(&format!("_{last}")))
}

/// The secrets in the value of a variable: the whole value when the name says so, else the password of a URL or DSN.
pub fn secrets_in(name: &str, value: &str) -> Vec<Secret> {
    let mut secrets = Vec::new();
    if is_secret_name(name) && !value.is_empty() {
        secrets.push(Secret::new(value));
    }
    secrets.extend(url_password(value));
    secrets.extend(dsn_password(value));
    secrets
}

/// The words of a name in upper case, split at `_`, `-`, `.` and where camelCase begins a word.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut after_lower = false;
    for c in name.chars() {
        let boundary = matches!(c, '_' | '-' | '.' | ' ');
        if (boundary || (c.is_uppercase() && after_lower)) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if !boundary {
            word.extend(c.to_uppercase());
        }
        after_lower = c.is_lowercase();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// `postgres://user:password@host/db`: the password as written and, where that differs, decoded.
pub fn url_password(value: &str) -> Vec<Secret> {
    let Some((_, rest)) = value.split_once("://") else { return Vec::new() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    // A password may hold an unescaped `/` or `@`; the last `@` ends it.
    let Some((userinfo, _)) = authority.rsplit_once('@').or_else(|| rest.rsplit_once('@')) else { return Vec::new() };
    let Some((_, password)) = userinfo.split_once(':') else { return Vec::new() };
    if password.is_empty() {
        return Vec::new();
    }
    let mut found = vec![Secret::new(password)];
    if let Some(decoded) = percent_decoded(password).filter(|decoded| decoded != password) {
        found.push(Secret::new(decoded));
    }
    found
}

/// `host=db user=app password=secret` of libpq and its kin.
fn dsn_password(value: &str) -> Option<Secret> {
    let word = value.split([' ', ';']).find_map(|word| {
        let (key, password) = word.split_once('=')?;
        matches!(key.to_ascii_lowercase().as_str(), "password" | "pwd").then_some(password)
    })?;
    let password = word.trim_matches('\'');
    (!password.is_empty()).then(|| Secret::new(password))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = tail;
            continue;
        }
        let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &tail[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_names_about_secrets() {
        for name in [
            "POSTGRES_PASSWORD",
            "SECRET_KEY",
            "JWT_SECRET_KEY",
            "OPENAI_API_KEY",
            "GITLAB_API_TOKEN",
            "telegramBotToken",
            "PGPASSWORD",
            "AWS_SECRET_ACCESS_KEY",
            "SMTP_PASS",
            "GF_SECURITY_ADMIN_PASSWORD",
            "SLACK_WEBHOOK",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "POSTGRES_PASSWORD_FILE",
            "JWT_EXPIRE_MINUTES",
            "MAX_TOKENS",
            "PUBLIC_KEY",
            "API_PORT",
            "KEYCLOAK_URL",
            "TOKENIZER",
            "PASSWORD_MIN_LENGTH",
            "JWT_ALGORITHM",
            "",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn the_password_of_a_url_or_dsn_is_found() {
        let found = |value: &str| -> Vec<String> {
            secrets_in("DATABASE_URL", value).iter().map(|secret| secret.expose().to_owned()).collect()
        };
        assert_eq!(found("postgresql://app:p4ss%24word@db:5432/app"), ["p4ss%24word", "p4ss$word"]);
        assert_eq!(found("redis://:only-pass@redis:6379/0"), ["only-pass"]);
        assert_eq!(found("amqp://u:a/b@c@host/v"), ["a/b@c"]);
        assert_eq!(found("host=db user=app password='pw1234' dbname=x"), ["pw1234"]);
        assert_eq!(found("https://example.com/path?q=a@b"), Vec::<String>::new());
        assert_eq!(found("http://user@host/"), Vec::<String>::new());
    }

    #[test]
    fn a_secret_by_name_gives_its_whole_value() {
        let found = secrets_in("API_KEY", "sk-123456");
        assert_eq!(found, [Secret::new("sk-123456")]);
        assert!(secrets_in("API_KEY", "").is_empty());
    }
}
