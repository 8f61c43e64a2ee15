//! How one text is written: plain, in quotes or as a block, and where long lines are folded.
//! Reads the text and its place; appends what the go-yaml writer would.
//! Never changes what the text reads back as.

use crate::compose::yaml::is_plain_text;

/// Lines longer than this are folded at the next space.
const WIDTH: usize = 80;

/// Where a scalar goes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ScalarPosition {
    /// It is a key.
    pub key: bool,
    /// Where continuation lines begin.
    pub indent: usize,
    /// The column it begins at.
    pub column: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// Appends a text.
pub(super) fn write_scalar(out: &mut String, text: &str, place: ScalarPosition) {
    let mut writer = Writer { out, place, column: place.column };
    match style(text, place.key) {
        Style::Plain => writer.plain(text),
        Style::Single => writer.single(text),
        Style::Double => writer.double(text),
        Style::Literal => writer.literal(text),
    }
}

fn style(text: &str, key: bool) -> Style {
    let shape = Shape::of(text);
    let wanted = if text.contains('\n') {
        let blank = text.chars().count() < 2 || text.chars().all(char::is_whitespace);
        if blank || key { Style::Double } else { Style::Literal }
    } else if is_base60(text) || is_old_boolean(text) || text == "<<" {
        Style::Single
    } else if !is_plain_text(text) {
        Style::Double
    } else if shape.plain {
        Style::Plain
    } else {
        Style::Single
    };
    match wanted {
        Style::Single if !shape.single => Style::Double,
        Style::Literal if !shape.block => Style::Double,
        wanted => wanted,
    }
}

fn is_old_boolean(text: &str) -> bool {
    matches!(
        text,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF"
    )
}

/// `1:20` was a number in YAML 1.1.
fn is_base60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let digits = |part: &str| part.bytes().all(|c| c.is_ascii_digit() || c == b'_');
    let first = parts.next().is_some_and(|part| part.starts_with(|c: char| c.is_ascii_digit()) && digits(part));
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else { return false };
    let sixty = |part: &str| match part.as_bytes() {
        [c] => c.is_ascii_digit(),
        [b'0'..=b'5', c] => c.is_ascii_digit(),
        _ => false,
    };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    first && middle.iter().all(|part| sixty(part)) && sixty(last) && digits(fraction)
}

/// What forms a text can take.
struct Shape {
    plain: bool,
    single: bool,
    block: bool,
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

impl Shape {
    fn of(text: &str) -> Self {
        let characters: Vec<char> = text.chars().collect();
        let (Some(first), Some(last)) = (characters.first(), characters.last()) else {
            return Self { plain: true, single: true, block: false };
        };
        let pair = |before: fn(char) -> bool, after: fn(char) -> bool| {
            characters.windows(2).any(|two| before(two[0]) && after(two[1]))
        };
        let space: fn(char) -> bool = |c| c == ' ';
        let special = characters.iter().any(|c| *c != '\t' && !is_printable(*c)) || pair(space, is_break);
        let break_then_space = pair(is_break, space);
        let tab = characters.contains(&'\t');
        let breaks = characters.iter().copied().any(is_break);
        let edges = [*first, *last].into_iter().any(|c| c == ' ' || is_break(c));
        let single = !(break_then_space || special || tab);
        Self {
            plain: single && !edges && !breaks && !has_indicators(&characters),
            single,
            block: !special && *last != ' ',
        }
    }
}

/// Whether a character of the text would mean something to a YAML reader.
fn has_indicators(text: &[char]) -> bool {
    let blank = |c: Option<&char>| c.is_none_or(|c| matches!(c, ' ' | '\t'));
    if text.starts_with(&['-', '-', '-']) || text.starts_with(&['.', '.', '.']) {
        return true;
    }
    let starts = match text[0] {
        '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => true,
        '?' | ':' | '-' => blank(text.get(1)),
        _ => false,
    };
    starts
        || text.iter().enumerate().skip(1).any(|(at, c)| match c {
            ':' => blank(text.get(at + 1)),
            '#' => blank(text.get(at - 1)) || is_break(text[at - 1]),
            _ => false,
        })
}

struct Writer<'o> {
    out: &'o mut String,
    place: ScalarPosition,
    column: usize,
}

impl Writer<'_> {
    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', self.place.indent));
        self.column = self.place.indent;
    }

    /// Whether a space may become a line break.
    const fn may_fold(&self, after_space: bool) -> bool {
        !self.place.key && !after_space && self.column > WIDTH
    }

    fn plain(&mut self, text: &str) {
        let mut after_space = false;
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            if c == ' ' && self.may_fold(after_space) && characters.peek() != Some(&' ') {
                self.new_line();
            } else {
                self.put(c);
            }
            after_space = c == ' ';
        }
    }

    fn single(&mut self, text: &str) {
        self.put('\'');
        let mut after_space = false;
        let mut characters = text.chars().enumerate().peekable();
        while let Some((at, c)) = characters.next() {
            let inside = at > 0 && characters.peek().is_some_and(|(_, next)| *next != ' ');
            if is_break(c) {
                // Only the separators of lines and paragraphs come here; the writer indents what follows them.
                self.out.push(c);
                if characters.peek().is_some_and(|(_, next)| !is_break(*next)) {
                    self.out.extend(std::iter::repeat_n(' ', self.place.indent));
                }
                self.column = self.place.indent;
            } else if c == ' ' && inside && self.may_fold(after_space) {
                self.new_line();
            } else {
                if c == '\'' {
                    self.put('\'');
                }
                self.put(c);
            }
            after_space = c == ' ';
        }
        self.put('\'');
    }

    fn double(&mut self, text: &str) {
        self.put('"');
        // The go-yaml writer asks of each character whether the text begins with a byte order mark.
        let marked = text.starts_with('\u{feff}');
        let mut after_space = false;
        let mut characters = text.chars().enumerate().peekable();
        while let Some((at, c)) = characters.next() {
            if marked || !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                escape(c).chars().for_each(|c| self.put(c));
                after_space = false;
                continue;
            }
            if c == ' ' && at > 0 && characters.peek().is_some() && self.may_fold(after_space) {
                self.new_line();
                if matches!(characters.peek(), Some((_, ' '))) {
                    self.put('\\');
                }
            } else {
                self.put(c);
            }
            after_space = c == ' ';
        }
        self.put('"');
    }

    fn literal(&mut self, text: &str) {
        self.out.push('|');
        if text.starts_with(' ') {
            self.out.push('2');
        }
        let mut backwards = text.chars().rev();
        match (backwards.next().is_some_and(is_break), backwards.next().is_none_or(is_break)) {
            (false, _) => self.out.push('-'),
            (true, true) => self.out.push('+'),
            (true, false) => {}
        }
        self.out.push('\n');
        let mut at_start = true;
        for c in text.chars() {
            if at_start && !is_break(c) {
                self.out.extend(std::iter::repeat_n(' ', self.place.indent));
            }
            self.out.push(c);
            at_start = is_break(c);
        }
        if !text.ends_with(is_break) {
            self.out.push('\n');
        }
    }
}

fn escape(c: char) -> String {
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        other => {
            let code = u32::from(other);
            return match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}
