//! JSON as Go's encoder writes it: `<`, `>` and `&` escaped, two spaces of indentation or none.
//! Reads anything serialisable, writes bytes.
//! Never sorts: the values come in the order they are to be written.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

/// Whether lines are broken and indented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One line.
    Compact,
    /// Two spaces a level.
    Indented,
}

/// Writes a value.
pub fn write(out: &mut impl Write, value: &impl Serialize, layout: Layout) -> serde_json::Result<()> {
    match layout {
        Layout::Compact => value.serialize(&mut serde_json::Serializer::with_formatter(out, Go(CompactFormatter))),
        Layout::Indented => {
            value.serialize(&mut serde_json::Serializer::with_formatter(out, Go(PrettyFormatter::new())))
        }
    }
}

/// A value as text.
pub fn to_string(value: &impl Serialize, layout: Layout) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    write(&mut bytes, value, layout)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A formatter that writes numbers as Go does, and escapes what Go escapes for HTML's sake.
struct Go<F>(F);

impl<F: Formatter> Formatter for Go<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (before, after) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut characters = after.chars();
            if let Some(special) = characters.next() {
                write!(writer, "\\u{:04x}", u32::from(special))?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(crate::compose::go::float::json(value).as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::{Layout, to_string};

    #[test]
    fn html_characters_are_escaped_as_go_does() {
        let text = to_string(&"a <b> & \u{2028}\n", Layout::Compact).unwrap();
        assert_eq!(text, "\"a \\u003cb\\u003e \\u0026 \\u2028\\n\"");
    }
}
