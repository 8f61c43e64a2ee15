//! Scalars in lines of eighty columns, as libyaml breaks them: at the first single blank after that.

/// The column after which a line is broken.
const WIDTH: usize = 80;

/// The column where a scalar begins and the indentation of its further lines; `None` keeps it on one line.
pub type LineStart = Option<(usize, usize)>;

/// A scalar as it is written.
struct Lines {
    out: String,
    column: usize,
    /// The indentation, where lines may be broken.
    indent: Option<usize>,
    after_blank: bool,
}

impl Lines {
    fn new(place: LineStart) -> Self {
        let (column, indent) = place.map_or((0, None), |(column, indent)| (column, Some(indent)));
        Self { out: String::new(), column, indent, after_blank: false }
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
        self.after_blank = false;
    }

    /// A blank, which may become the end of a line; whether it did.
    fn blank(&mut self, may_break: bool) -> bool {
        let indent = self.indent.filter(|_| may_break && !self.after_blank && self.column > WIDTH);
        match indent {
            Some(indent) => {
                self.out.push('\n');
                self.out.push_str(&" ".repeat(indent));
                self.column = indent;
            }
            None => self.push(" "),
        }
        self.after_blank = true;
        indent.is_some()
    }
}

/// Without quotes.
pub fn plain(text: &str, place: LineStart) -> String {
    let mut lines = Lines::new(place);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == ' ' {
            lines.blank(rest.peek() != Some(&' '));
        } else {
            lines.push(c.encode_utf8(&mut [0; 4]));
        }
    }
    lines.out
}

/// In single quotes.
pub fn single_quoted(text: &str, place: LineStart) -> String {
    let mut lines = Lines::new(place);
    lines.push("'");
    let mut rest = text.chars().enumerate().peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            ' ' => {
                lines.blank(at > 0 && rest.peek().is_some_and(|(_, next)| *next != ' '));
            }
            '\'' => lines.push("''"),
            c => lines.push(c.encode_utf8(&mut [0; 4])),
        }
    }
    lines.push("'");
    lines.out
}

/// In double quotes.
pub fn double_quoted(text: &str, place: LineStart) -> String {
    let mut lines = Lines::new(place);
    lines.push("\"");
    let mut rest = text.chars().enumerate().peekable();
    while let Some((at, c)) = rest.next() {
        if c != ' ' {
            lines.push(&escaped(c));
        } else if lines.blank(at > 0 && rest.peek().is_some()) && rest.peek().is_some_and(|(_, next)| *next == ' ') {
            lines.push("\\");
            lines.after_blank = true;
        }
    }
    lines.push("\"");
    lines.out
}

fn escaped(c: char) -> String {
    match c {
        '"' => "\\\"".into(),
        '\\' => "\\\\".into(),
        '\0' => "\\0".into(),
        '\u{7}' => "\\a".into(),
        '\u{8}' => "\\b".into(),
        '\t' => "\\t".into(),
        '\n' => "\\n".into(),
        '\u{b}' => "\\v".into(),
        '\u{c}' => "\\f".into(),
        '\r' => "\\r".into(),
        '\u{1b}' => "\\e".into(),
        '\u{85}' => "\\N".into(),
        '\u{2028}' => "\\L".into(),
        '\u{2029}' => "\\P".into(),
        c if is_printable(c) => c.to_string(),
        c if u32::from(c) < 0x100 => format!("\\x{:02X}", u32::from(c)),
        c if u32::from(c) < 0x10000 => format!("\\u{:04X}", u32::from(c)),
        c => format!("\\U{:08X}", u32::from(c)),
    }
}

/// Whether libyaml writes a character as it is.
pub fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
        && c != '\u{feff}'
}
