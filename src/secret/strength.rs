//! Decides whether a value could be guessed: how long it is, and how much of it is not a pattern.
//! Returns why a value is weak, in words that reveal nothing of it.
//! Never looks for stand-ins: `placeholder` does.

/// Fewer characters than this are guessed by trying.
const SHORTEST: usize = 8;
/// Fewer bits than this are guessed by a determined machine.
const FEWEST_BITS: f64 = 45.0;
/// A piece that follows from the one before adds this much.
const PREDICTABLE_BITS: f64 = 1.0;

/// What is tried first, in lower case.
const TRIED_FIRST: &[&str] = &[
    "admin",
    "administrator",
    "default",
    "elastic",
    "grafana",
    "guest",
    "letmein",
    "login",
    "master",
    "minioadmin",
    "monkey",
    "mysql",
    "pass",
    "passw0rd",
    "password",
    "passwort",
    "postgres",
    "qdrant",
    "qwerty",
    "rabbitmq",
    "redis",
    "root",
    "secret",
    "toor",
    "user",
    "welcome",
];

/// Rows of keys and of the alphabet, walked along by lazy fingers.
const ROWS: &[&str] =
    &["abcdefghijklmnopqrstuvwxyz", "0123456789", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv"];

/// Why a value is weak, or `None` for one that is hard to guess.
pub fn weakness(value: &str, min_length: Option<u32>) -> Option<String> {
    let length = value.chars().count();
    let least = min_length.map_or(SHORTEST, |least| usize::try_from(least).unwrap_or(usize::MAX));
    if length < least {
        return Some(format!("has {length} characters; at least {least} are required"));
    }
    let lower = value.to_lowercase();
    let bare = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation());
    if TRIED_FIRST.contains(&bare) {
        return Some("is too common".to_owned());
    }
    let bits = bits(value);
    (bits < FEWEST_BITS).then(|| "is a pattern that can be guessed".to_owned())
}

/// An estimate of what is left to guess: each character counts by the classes in use, unless it follows from those before.
fn bits(value: &str) -> f64 {
    let characters: Vec<char> = value.chars().collect();
    let each = class_size(&characters).log2();
    let mut total = 0.0;
    let mut at = 0;
    while at < characters.len() {
        let (known, length) = known_piece(&characters, at);
        total += if known { each + PREDICTABLE_BITS } else { each };
        at += length;
    }
    // A few letters over and over are no more than those letters.
    let distinct = characters.iter().collect::<std::collections::BTreeSet<_>>().len();
    total.min(u32::try_from(2 * distinct).map_or(f64::MAX, f64::from) * each)
}

fn class_size(characters: &[char]) -> f64 {
    type Class = (fn(&char) -> bool, f64);
    let classes: [Class; 5] = [
        (|c| c.is_ascii_lowercase(), 26.0),
        (|c| c.is_ascii_uppercase(), 26.0),
        (|c| c.is_ascii_digit(), 10.0),
        (|c| c.is_ascii_punctuation() || *c == ' ', 33.0),
        (|c| !c.is_ascii() || c.is_ascii_control(), 64.0),
    ];
    let hexadecimal = characters.iter().all(char::is_ascii_hexdigit);
    let used: f64 = classes.iter().filter(|(class, _)| characters.iter().any(class)).map(|(_, size)| size).sum();
    if hexadecimal { used.min(16.0) } else { used.max(2.0) }
}

/// Whether a piece that follows from something begins here, and how long it is.
fn known_piece(characters: &[char], at: usize) -> (bool, usize) {
    let rest = &characters[at..];
    let run = rest.iter().take_while(|c| **c == rest[0]).count();
    if run >= 3 {
        return (true, run);
    }
    let walk = longest_walk(rest);
    if walk >= 4 {
        return (true, walk);
    }
    let repeated = repetition(characters, at);
    if repeated >= 3 {
        return (true, repeated);
    }
    (false, 1)
}

/// How far the text walks along a row, in either direction.
fn longest_walk(rest: &[char]) -> usize {
    let lower: Vec<char> = rest.iter().map(char::to_ascii_lowercase).collect();
    let walk = |row: &str| {
        let row: Vec<char> = row.chars().collect();
        let along = |step: isize| {
            let Some(mut place) = row.iter().position(|c| Some(c) == lower.first()) else { return 0 };
            let mut length = 1;
            while let Some(next) = place.checked_add_signed(step).filter(|next| row.get(*next) == lower.get(length)) {
                if next >= row.len() {
                    break;
                }
                place = next;
                length += 1;
            }
            length
        };
        along(1).max(along(-1))
    };
    ROWS.iter().map(|row| walk(row)).max().unwrap_or(0)
}

/// How many characters from here on stood somewhere before.
fn repetition(characters: &[char], at: usize) -> usize {
    let rest = &characters[at..];
    (0..at).map(|from| characters[from..].iter().zip(rest).take_while(|(a, b)| a == b).count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_guessed_is_weak() {
        for value in [
            "short",
            "12345678",
            "123456789012345",
            "abcdefghijkl",
            "qwertyuiop1",
            "password123!",
            "Postgres1",
            "aaaaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "1q2w3e4r",
            "admin2024",
            "20241121",
            "deadbeefdeadbeef",
        ] {
            assert!(weakness(value, None).is_some(), "{value}");
        }
    }

    #[test]
    fn what_is_long_and_without_pattern_is_not() {
        for value in [
            "correct-horse-battery-staple",
            "kV3_x9Qm-72L",
            "9f1c2d7ab04e6538",
            "sk-proj-4f6b2cA9",
            "gr\u{fc}n-w\u{e4}chst-der-klee",
            "p$a\"w\\x%2f@:/?#&",
        ] {
            assert_eq!(weakness(value, None), None, "{value}");
        }
    }

    #[test]
    fn the_length_asked_for_is_the_least() {
        assert_eq!(weakness("kV3_x9Qm-72L", Some(16)).unwrap(), "has 12 characters; at least 16 are required");
        assert_eq!(weakness("kV3_x9Qm-72L", Some(12)), None);
    }

    #[test]
    fn the_reason_tells_nothing_of_the_value() {
        for value in ["abcabcabcabc", "hunter22", "password1"] {
            let reason = weakness(value, None).unwrap_or_default();
            assert!(!reason.contains(value) && !reason.contains(&value[..4]), "{reason}");
        }
    }
}
