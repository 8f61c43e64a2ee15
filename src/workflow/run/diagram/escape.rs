//! Names as they may stand in a line of text, in a Mermaid label and in XML.
//! Reads any text; returns text that cannot end the place it is put into.
//! Never changes what a compose file allows in a name.

/// Control characters would break a line or a document; each becomes a visible stand-in.
pub(super) fn one_line(text: &str) -> String {
    let unprintable = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if unprintable(c) { '\u{fffd}' } else { c }).collect()
}

/// At most `room` characters, the last one an ellipsis where something was cut.
pub(super) fn cut(text: &str, room: usize) -> String {
    let text = one_line(text);
    if text.chars().count() <= room {
        return text;
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{kept}…").chars().take(room).collect()
}

/// Inside the quotes of a Mermaid label, where `#` begins an entity.
pub(super) fn mermaid(text: &str) -> String {
    let mut escaped = String::new();
    for c in one_line(text).chars() {
        match c {
            '"' | '#' | '<' | '>' | '&' | '`' | '\\' | ';' => escaped.push_str(&format!("#{};", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Text or the value of an attribute in XML.
pub(super) fn xml(text: &str) -> String {
    let mut escaped = String::new();
    for c in one_line(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            c => escaped.push(c),
        }
    }
    escaped
}
