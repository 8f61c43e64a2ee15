//! Truncates texts to the lengths that channels take, counted in UTF-16 units as Telegram counts them.

/// Stands where a text was truncated.
const MARK: char = '…';

/// The beginning of a text of which each character counts as much as `length` says.
fn beginning(text: &str, most: usize, length: impl Fn(char) -> usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += length(*c);
        used > most
    });
    end.map_or(text, |(end, _)| &text[..end])
}

/// The text, truncated to so many UTF-16 units.
pub(super) fn truncate(text: &str, most: usize) -> String {
    with_mark(text, most, char::len_utf16)
}

/// The text as Slack wants it escaped, truncated to so many UTF-16 units of the escaped form.
pub(super) fn truncate_escaped(text: &str, most: usize) -> String {
    let length = |c: char| escape(c).map_or(c.len_utf16(), str::len);
    let kept = with_mark(text, most, length);
    let mut escaped = String::with_capacity(kept.len());
    for c in kept.chars() {
        match escape(c) {
            Some(entity) => escaped.push_str(entity),
            None => escaped.push(c),
        }
    }
    escaped
}

fn escape(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

fn with_mark(text: &str, most: usize, length: impl Fn(char) -> usize + Copy) -> String {
    if beginning(text, most, length).len() == text.len() {
        return text.to_owned();
    }
    format!("{}{MARK}", beginning(text, most.saturating_sub(1), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_truncated_between_characters_and_never_longer_than_the_limit() {
        for (text, most, expected) in [
            ("abcd", 4, "abcd"),
            ("abcde", 4, "abc…"),
            ("a😀b😀", 6, "a😀b😀"),
            ("a😀b😀", 5, "a😀b…"),
            ("😀😀", 2, "…"),
        ] {
            assert_eq!(truncate(text, most), expected);
            assert!(truncate(text, most).encode_utf16().count() <= most);
        }
    }

    #[test]
    fn an_entity_stays_whole() {
        assert_eq!(truncate_escaped("<!channel> & co", 100), "&lt;!channel&gt; &amp; co");
        assert_eq!(truncate_escaped("ab<cd", 6), "ab…");
        assert_eq!(truncate_escaped("ab<cd", 7), "ab&lt;…");
        assert_eq!(truncate_escaped("ab<cd", 8), "ab&lt;cd");
    }
}
