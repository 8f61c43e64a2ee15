//! Finds known shapes in bytes, whatever mixture of escapes a tool wrote them in, and says where one only begins.
//! Reads shapes once and text as it comes; returns the places that are whole matches or might become one.
//! Never decides what a shape is: `forms` and `redact` do.

/// What the text at a place is to the shapes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Match {
    /// Length in the text of the longest shape that is here as a whole.
    pub whole: Option<usize>,
    /// The text ends before it is clear whether a (longer) shape is here.
    pub begun: bool,
}

/// Shapes by their first byte.
pub(super) struct Patterns {
    by_first: Vec<Vec<Box<[u8]>>>,
}

impl Default for Patterns {
    fn default() -> Self {
        Self { by_first: vec![Vec::new(); 256] }
    }
}

impl Patterns {
    fn is_empty(&self) -> bool {
        self.by_first.iter().all(Vec::is_empty)
    }

    /// Adds a shape; an empty one is none.
    pub(super) fn add(&mut self, shape: &str) {
        let Some(first) = shape.bytes().next() else { return };
        let list = &mut self.by_first[usize::from(first)];
        if !list.iter().any(|known| **known == *shape.as_bytes()) {
            list.push(shape.as_bytes().into());
        }
    }

    /// What stands at the beginning of `text`.
    pub(super) fn at_start(&self, text: &[u8]) -> Match {
        self.at_start_before(text, |_| true)
    }

    /// The same, limited to shapes followed by a delimiter; a shape at the end of the text may continue.
    pub(super) fn at_start_before(&self, text: &[u8], may_follow: fn(u8) -> bool) -> Match {
        let mut found = Match::default();
        let Some(first) = text.first() else { return found };
        let mut compare = |first: u8| {
            for shape in &self.by_first[usize::from(first)] {
                match reach(shape, text) {
                    Reach::Differs => {}
                    Reach::TextEnds => found.begun = true,
                    Reach::Whole(length) => match text.get(length) {
                        Some(next) if !may_follow(*next) => {}
                        next => {
                            // Complete whatever follows.
                            found.begun |= next.is_none() && !may_follow(b'a');
                            found.whole = found.whole.max(Some(length));
                        }
                    },
                }
            }
        };
        compare(*first);
        match escape(text) {
            Escape::None => {}
            // Which byte it will be is not known yet.
            Escape::Cut => found.begun |= !self.is_empty(),
            Escape::Decoded(bytes, _) => {
                if bytes.as_bytes()[0] != *first {
                    compare(bytes.as_bytes()[0]);
                }
            }
        }
        found
    }
}

enum Reach {
    Differs,
    TextEnds,
    Whole(usize),
}

/// Follows a shape through the text: each byte as it is, or in an escape of URLs or JSON.
fn reach(shape: &[u8], text: &[u8]) -> Reach {
    let (mut wanted, mut at) = (0, 0);
    while wanted < shape.len() {
        let Some(byte) = text.get(at) else { return Reach::TextEnds };
        if *byte == shape[wanted] {
            wanted += 1;
            at += 1;
            continue;
        }
        match escape(&text[at..]) {
            Escape::None => return Reach::Differs,
            Escape::Cut => return Reach::TextEnds,
            Escape::Decoded(bytes, length) => {
                if !shape[wanted..].starts_with(bytes.as_bytes()) {
                    return Reach::Differs;
                }
                wanted += bytes.as_bytes().len();
                at += length;
            }
        }
    }
    Reach::Whole(at)
}

/// The bytes of one character.
struct Decoded {
    bytes: [u8; 4],
    length: usize,
}

impl Decoded {
    fn byte(byte: u8) -> Self {
        Self { bytes: [byte, 0, 0, 0], length: 1 }
    }

    fn character(character: char) -> Self {
        let mut bytes = [0; 4];
        let length = character.encode_utf8(&mut bytes).len();
        Self { bytes, length }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

enum Escape {
    None,
    Cut,
    Decoded(Decoded, usize),
}

/// The escape the text begins with: `%2F`, `+`, `\n`, `\"`, `\/`, `\u002f`.
fn escape(text: &[u8]) -> Escape {
    match text {
        [b'+', ..] => Escape::Decoded(Decoded::byte(b' '), 1),
        [b'%', rest @ ..] => match hexadecimal(rest, 2) {
            Hexadecimal::Number(number) => Escape::Decoded(Decoded::byte(number.to_le_bytes()[0]), 3),
            Hexadecimal::Cut => Escape::Cut,
            Hexadecimal::Other => Escape::None,
        },
        [b'\\', b'u', rest @ ..] => match hexadecimal(rest, 4) {
            Hexadecimal::Number(number) => {
                char::from_u32(number).map_or(Escape::None, |c| Escape::Decoded(Decoded::character(c), 6))
            }
            Hexadecimal::Cut => Escape::Cut,
            Hexadecimal::Other => Escape::None,
        },
        [b'\\', letter, ..] => {
            letter_escape(*letter).map_or(Escape::None, |byte| Escape::Decoded(Decoded::byte(byte), 2))
        }
        [b'\\'] => Escape::Cut,
        _ => Escape::None,
    }
}

fn letter_escape(letter: u8) -> Option<u8> {
    match letter {
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'b' => Some(8),
        b'f' => Some(12),
        other if other.is_ascii_punctuation() || other == b' ' => Some(other),
        _ => None,
    }
}

enum Hexadecimal {
    Number(u32),
    Cut,
    Other,
}

fn hexadecimal(text: &[u8], digits: usize) -> Hexadecimal {
    let mut number = 0;
    for at in 0..digits {
        let Some(byte) = text.get(at) else { return Hexadecimal::Cut };
        let Some(digit) = char::from(*byte).to_digit(16) else { return Hexadecimal::Other };
        number = number * 16 + digit;
    }
    Hexadecimal::Number(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(shapes: &[&str]) -> Patterns {
        let mut patterns = Patterns::default();
        shapes.iter().for_each(|shape| patterns.add(shape));
        patterns
    }

    #[test]
    fn a_shape_is_found_in_any_mixture_of_escapes() {
        let patterns = patterns(&["a/b c\"d\u{e9}"]);
        for text in [
            "a/b c\"d\u{e9}",
            "a%2fb+c%22d%C3%A9",
            "a%2Fb%20c\"d%c3%a9",
            "a\\/b c\\\"d\\u00e9",
            "%61/b c\\u0022d\u{e9}",
        ] {
            let found = patterns.at_start(text.as_bytes());
            assert_eq!(found, Match { whole: Some(text.len()), begun: false }, "{text}");
            for cut in 1..text.len() {
                assert!(patterns.at_start(&text.as_bytes()[..cut]).begun, "{text} cut at {cut}");
            }
        }
        assert_eq!(patterns.at_start(b"a/b d"), Match::default());
    }

    #[test]
    fn the_longest_whole_match_is_told_and_that_a_longer_one_may_come() {
        let patterns = patterns(&["abcd", "abcdefgh"]);
        assert_eq!(patterns.at_start(b"abcde"), Match { whole: Some(4), begun: true });
        assert_eq!(patterns.at_start(b"abcdefghi"), Match { whole: Some(8), begun: false });
        assert_eq!(patterns.at_start(b"abcdx"), Match { whole: Some(4), begun: false });
    }
}
