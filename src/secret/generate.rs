//! Makes secrets: random bytes in the alphabet that is asked for.
//! Reads a source of random bytes it is handed; returns a `Secret` that holds at least as much randomness as was asked for.
//! Never has a source of its own, and never falls back to a weaker one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::{Alphabet, Form, Secret, weakness};

/// Where random bytes come from: fills the whole slice, or says why it cannot.
pub type Random<'a> = &'a mut dyn FnMut(&mut [u8]) -> std::io::Result<()>;

const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Punctuation that needs no escape in URLs, shells between quotes, YAML or env files.
const PUNCTUATION: &[u8] = b"-_.~";

/// A short secret looks like a pattern once in a while; a source that gives nothing else is not waited for.
const DRAWS: usize = 16;

/// Generates a secret of this form with at least its number of random bytes.
pub fn generate(form: &Form, random: Random<'_>) -> std::io::Result<Secret> {
    let mut text = draw(form, random)?;
    for _ in 1..DRAWS {
        if weakness(&text, None).is_none() {
            break;
        }
        text = draw(form, random)?;
    }
    Ok(Secret::new(format!("{}{text}", form.prefix)))
}

fn draw(form: &Form, random: Random<'_>) -> std::io::Result<String> {
    let bytes = form.bytes;
    if let Some(characters) = form.characters {
        return drawn(ALPHANUMERIC, characters, random);
    }
    Ok(match form.alphabet {
        Alphabet::UrlSafe => URL_SAFE_NO_PAD.encode(fresh(bytes, random)?),
        Alphabet::Hex => hex::encode(fresh(bytes, random)?),
        Alphabet::Base64 => STANDARD.encode(fresh(bytes, random)?),
        Alphabet::Uuid => uuid(&fresh(16, random)?),
        Alphabet::Alphanumeric => drawn(ALPHANUMERIC, characters(bytes, ALPHANUMERIC.len()), random)?,
        Alphabet::Password => password(bytes, random)?,
    })
}

/// Version 4, RFC 9562.
fn uuid(random: &[u8]) -> String {
    let mut digits: Vec<char> = hex::encode(random).chars().collect();
    digits[12] = '4';
    digits[16] = ['8', '9', 'a', 'b'][usize::from(random[8] % 4)];
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.map(|part| part.iter().collect::<String>()).join("-")
}

fn fresh(bytes: usize, random: Random<'_>) -> std::io::Result<Vec<u8>> {
    let mut drawn = vec![0; bytes];
    random(&mut drawn)?;
    Ok(drawn)
}

/// How many characters of an alphabet hold that many bytes.
fn characters(bytes: usize, alphabet: usize) -> usize {
    let bits = u32::try_from(bytes * 8).map_or(f64::MAX, f64::from);
    let each = u32::try_from(alphabet).map_or(1.0, f64::from).log2();
    let mut count = 1;
    let mut held = each;
    while held < bits {
        count += 1;
        held += each;
    }
    count
}

/// Characters of an alphabet, each as likely as the other: a byte beyond the last whole multiple is drawn again.
fn drawn(alphabet: &[u8], count: usize, random: Random<'_>) -> std::io::Result<String> {
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(count);
    while text.len() < count {
        let usable = fresh(count - text.len(), random)?.into_iter().map(usize::from).filter(|byte| *byte < fair);
        text.extend(usable.map(|byte| char::from(alphabet[byte % alphabet.len()])));
    }
    Ok(text)
}

/// Drawn anew until every class is there: that takes away next to nothing from what is left to guess.
fn password(bytes: usize, random: Random<'_>) -> std::io::Result<String> {
    let alphabet = [ALPHANUMERIC, PUNCTUATION].concat();
    loop {
        let text = drawn(&alphabet, characters(bytes, alphabet.len()).max(8), random)?;
        let classes: [fn(u8) -> bool; 4] = [
            |b| b.is_ascii_uppercase(),
            |b| b.is_ascii_lowercase(),
            |b| b.is_ascii_digit(),
            |b| PUNCTUATION.contains(&b),
        ];
        // A dash or dot at an end would be taken for an option or cut off with a sentence.
        let ends_well = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric());
        if ends_well && classes.iter().all(|class| text.bytes().any(class)) {
            return Ok(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{placeholder_reason, weakness};

    fn random(bytes: &mut [u8]) -> std::io::Result<()> {
        getrandom::fill(bytes).map_err(std::io::Error::other)
    }

    #[test]
    fn every_alphabet_holds_what_was_asked_for_and_nothing_else() {
        type Case = (Alphabet, usize, fn(char) -> bool);
        let cases: [Case; 5] = [
            (Alphabet::Base64, 44, |c| c.is_ascii_alphanumeric() || "+/=".contains(c)),
            (Alphabet::UrlSafe, 43, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_'),
            (Alphabet::Hex, 64, |c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase()),
            (Alphabet::Alphanumeric, 43, |c| c.is_ascii_alphanumeric()),
            (Alphabet::Password, 43, |c| c.is_ascii_alphanumeric() || "-_.~".contains(c)),
        ];
        for (alphabet, length, legal) in cases {
            for _ in 0..50 {
                let secret = generate(&Form::new(alphabet, 32), &mut random).unwrap();
                assert_eq!(secret.expose().len(), length, "{alphabet:?}");
                assert!(secret.expose().chars().all(legal), "{alphabet:?}");
                assert_eq!(placeholder_reason(secret.expose()), None, "{alphabet:?}");
                assert_eq!(weakness(secret.expose(), None), None, "{alphabet:?}");
            }
        }
    }

    #[test]
    fn the_fewest_bytes_the_project_file_allows_are_not_weak() {
        for alphabet in [Alphabet::UrlSafe, Alphabet::Hex, Alphabet::Alphanumeric, Alphabet::Password] {
            for _ in 0..2000 {
                let secret = generate(&Form::new(alphabet, 8), &mut random).unwrap();
                assert_eq!(weakness(secret.expose(), None), None, "{alphabet:?}");
            }
        }
    }

    #[test]
    fn no_two_are_alike_and_every_character_is_about_as_frequent() {
        let mut seen = std::collections::BTreeSet::new();
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..1000 {
            let secret = generate(&Form::new(Alphabet::Alphanumeric, 32), &mut random).unwrap();
            secret.expose().chars().for_each(|c| *counts.entry(c).or_insert(0u32) += 1);
            assert!(seen.insert(secret.expose().to_owned()));
        }
        // 43,000 characters over 62: 693 each; a modulo without the fair bound would give A to H 25 percent more.
        assert_eq!(counts.len(), 62);
        assert!(counts.values().all(|count| (550..850).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_form_is_kept() {
        let uuid = generate(&Form::new(Alphabet::Uuid, 16), &mut random).unwrap();
        assert_eq!(crate::secret::form_of(uuid.expose(), "").alphabet, Alphabet::Uuid, "{}", uuid.expose());
        assert_eq!(uuid.expose().as_bytes()[14], b'4');
        let exact = Form { characters: Some(20), prefix: "sk-".to_owned(), ..Form::default() };
        let exact = generate(&exact, &mut random).unwrap();
        assert!(exact.expose().starts_with("sk-") && exact.expose().len() == 23, "{}", exact.expose());
    }

    #[test]
    fn a_source_that_fails_makes_no_secret() {
        let mut broken = |_: &mut [u8]| Err(std::io::Error::other("no entropy"));
        assert_eq!(generate(&Form::new(Alphabet::Hex, 32), &mut broken).unwrap_err().to_string(), "no entropy");
    }
}
