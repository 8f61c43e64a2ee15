//! Decides whether a value is a placeholder that was not replaced.
//! Reads a value and returns why it is a placeholder, in words.
//! Never judges how hard a real value is to guess.

/// Values that are no secrets, in lower case without punctuation.
const WORDS: &[&str] = &["foobar", "hunter2", "tbd", "keyboardcat", "abc123", "userprovided"];

/// A value that contains one of these is a placeholder.
#[rustfmt::skip]
const TELLING: &[&str] = &[
    "changeit", "changeme", "changethis", "dummy", "fixme", "insecure", "openssl", "placeholder", "replaceme", "replacethis",
    "todo", "unsafe", "your", "uuidgen", "fake", "fillme", "goeshere",
];

/// First words of instructions, as in `change-me`.
#[rustfmt::skip]
const VERBS: &[&str] = &[
    "add", "change", "choose", "create", "enter", "fill", "generate", "get", "insert", "paste", "please", "provide", "put",
    "replace", "set", "update", "use",
];

/// Words of example values; a value made only of these is a placeholder.
#[rustfmt::skip]
const GENERIC: &[&str] = &[
    "a", "above", "access", "admin", "after", "alphanumeric", "and", "api", "app", "at", "auth", "base", "before", "by",
    "byte", "bytes", "change", "char", "characters", "chars", "client", "code", "cookie", "database", "db", "default",
    "deploy", "deployment", "dev", "development", "digits", "encryption", "even", "example", "for", "from", "hash", "here",
    "hex", "id", "in", "internal", "is", "it", "jwt", "key", "keys", "least", "lengthy", "letters", "local", "long", "mail",
    "master", "me", "min", "minimum", "more", "must", "my", "name", "new", "not", "now", "of", "on", "one", "or", "pass",
    "password", "pepper", "please", "private", "prod", "production", "public", "random", "real", "refresh", "replace",
    "root", "salt", "sample", "secret", "secrets", "secure", "service", "session", "should", "sign", "signing", "so",
    "some", "something", "staging", "string", "strong", "super", "test", "testing", "that", "the", "this", "to", "token",
    "too", "top", "unique", "update", "updated", "use", "user", "value", "very", "with", "word", "your",
];

/// Why `value` is a placeholder, or `None` for one that may be real.
pub fn placeholder_reason(value: &str) -> Option<&'static str> {
    let trimmed = value.trim();
    if trimmed.is_empty() {
        return Some("is empty");
    }
    let lower = trimmed.to_lowercase();
    // `KEY=  # comment` has no value and no comment: Compose takes what is there for the value.
    if trimmed == "#" || trimmed.starts_with("# ") {
        return Some("looks like a comment, but a comment cannot directly follow `=`");
    }
    if trimmed.starts_with(['\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}', '\u{201e}', '\u{ab}']) {
        return Some("is in curly quotes, which are part of the value");
    }
    if is_bracketed(trimmed) {
        return Some("is a bracketed placeholder");
    }
    if is_command(&lower) {
        return Some("is a command that was not run");
    }
    let letters: String = lower.chars().filter(char::is_ascii_alphanumeric).collect();
    let words = words(trimmed);
    if words.iter().any(|word| word == "your") {
        return Some("contains `your …`");
    }
    if words.len() > 1 && words.last().is_some_and(|word| word == "here") {
        return Some("contains `… here`");
    }
    if WORDS.contains(&letters.as_str()) || is_of_examples(&words, &letters) {
        return Some("is a word used in examples");
    }
    repeated_or_masked(trimmed, &lower)
}

fn repeated_or_masked(trimmed: &str, lower: &str) -> Option<&'static str> {
    let mut characters = trimmed.chars();
    let first = characters.next()?;
    if trimmed.chars().count() >= 3 && characters.all(|c| c == first) {
        return Some("repeats one character");
    }
    let masked = |c: char| c == 'x' || c == '.' || c == '*';
    let tail = lower.rsplit(['-', '_', ':', '/']).next().unwrap_or(lower);
    let dotted = lower.rsplit('.').next().unwrap_or_default();
    let is_masked = tail.len() >= 3 && tail.chars().all(masked) || dotted.len() >= 3 && dotted.chars().all(masked);
    (is_masked || lower.ends_with("xxxx")).then_some("is masked")
}

/// `$(openssl rand -hex 32)`, `openssl rand -base64 32`, `pwgen 32 1`.
fn is_command(lower: &str) -> bool {
    let quoted = lower.starts_with("$(") || lower.starts_with('`');
    let programs =
        ["openssl ", "pwgen ", "uuidgen", "head -c", "python -c", "python3 -c", "php artisan", "rails secret"];
    let begun = programs.iter().any(|program| lower.starts_with(program));
    quoted || begun || lower.contains("openssl rand") || lower.contains("openssl_rand")
}

/// The words of a value in lower case, camelCase split and leetspeak digits replaced by letters.
fn words(value: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for c in value.chars() {
        let separates = !c.is_alphanumeric() && !matches!(c, '@' | '$');
        if separates || c.is_uppercase() && after_lower {
            words.push(String::new());
        }
        if let (false, Some(word)) = (separates, words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        after_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a value is made of example words only.
fn is_of_examples(words: &[String], letters: &str) -> bool {
    let named = |word: &str| TELLING.contains(&word);
    // A match inside a longer word is a coincidence: `yourtube`.
    if words.iter().any(|word| named(word))
        || TELLING.iter().any(|word| *word != "your" && begins_or_ends(letters, word))
    {
        return true;
    }
    let generic = |word: &String| is_generic(word) || is_generic(&plain(word));
    let verb = words.len() > 1 && words.first().is_some_and(|word| VERBS.contains(&word.as_str()));
    if verb && words.iter().skip(1).any(generic) {
        return true;
    }
    // Numbers between words are lengths or decoration.
    let spoken: Vec<&String> =
        words.iter().filter(|word| !(word.len() <= 4 && word.bytes().all(|b| b.is_ascii_digit()))).collect();
    !spoken.is_empty() && spoken.into_iter().all(generic)
}

fn begins_or_ends(letters: &str, word: &str) -> bool {
    word.len() >= 5 && (letters.starts_with(word) || letters.ends_with(word))
}

/// Whether a word is an example word or several joined: `mysecret`, `adminsecretkey`.
fn is_generic(word: &str) -> bool {
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
    if word.is_empty() || !word.is_ascii() {
        return false;
    }
    let mut reached = vec![false; word.len() + 1];
    reached[0] = true;
    for from in 0..word.len() {
        let here = GENERIC.iter().filter(|known| reached[from] && word[from..].starts_with(**known));
        // Short words are only joined at the beginning: `mysecret`.
        let joins = here.filter(|known| known.len() > 2 || known.len() == word.len() || from == 0 && **known == "my");
        let ends: Vec<usize> = joins.map(|known| from + known.len()).collect();
        ends.into_iter().for_each(|end| reached[end] = true);
    }
    reached[word.len()]
}

/// Replaces leetspeak: `s3cr3t`, `p@ssw0rd`.
fn plain(word: &str) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    word.chars().map(letter).collect()
}

/// `<token>`, `{{ token }}`, `[token]`, `%token%`, `${TOKEN}`: something was to be filled in.
fn is_bracketed(value: &str) -> bool {
    let pairs = [("<", ">"), ("{{", "}}"), ("[", "]"), ("%", "%"), ("${", "}"), ("__", "__")];
    pairs.iter().any(|(open, close)| {
        value.len() > open.len() + close.len() && value.starts_with(open) && value.ends_with(close)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_examples_hold_is_a_placeholder() {
        for value in [
            "",
            "  ",
            "changeme",
            "Change_Me!",
            "change-me-in-production",
            "changePassword",
            "changeEncryptionKey",
            "please-change-me",
            "please_change_me_too",
            "CHANGEME123",
            "dummy-key",
            "openssl rand -hex 32",
            "$(openssl rand -base64 48)",
            "run `openssl rand -hex 32`",
            "generate-with-openssl-rand-base64-32",
            "generate_a_new_key",
            "get_the_secret_of_above_key",
            "\u{201c}kV3_x9Qm-72LrTz0\u{201d}",
            "this_password_is_insecure_and_should_be_updated",
            "my-super-secret-auth-token",
            "long-and-random-alphanumeric-string",
            "min-32-byte-long-strong-encryption-key",
            "even-more-secret",
            "myadminsecretkey",
            "mysecret",
            "t0p-s3cr3t",
            "P@ssw0rd",
            "secret123",
            "test-key",
            "dev-signing-key",
            "user_provided",
            "fake_mail_password",
            "<token>",
            "your-api-key-here",
            "your_secret",
            "yourpassword",
            "sk-xxx",
            "SG.xxx",
            "sk-XXXXXXXX",
            "xxxxxxxx",
            "REPLACE_ME",
            "replace_with_lengthy_secure_hex",
            "${TOKEN}",
            "{{ token }}",
            "todo",
            "000000",
            "password",
            "sk-...",
            "paste-token-here",
            "# from the console",
        ] {
            assert!(placeholder_reason(value).is_some(), "{value:?}");
        }
    }

    #[test]
    fn what_was_generated_is_not() {
        for value in [
            "kV3_x9Qm-72LrTz0",
            "sk-proj-4f6b2c",
            "correct-horse-battery-staple",
            "yourtube42",
            "9f1c2d",
            "a1b2c3d4e5f6",
            "#kV3_x9Qm-72Lr",
            "changeling-on-the-moor",
            "Testament-Of-7-Winds",
            "gr\u{fc}n-w\u{e4}chst-der-klee",
            "h4 $w\"Lk#9zQ",
        ] {
            assert_eq!(placeholder_reason(value), None, "{value:?}");
        }
    }
}
