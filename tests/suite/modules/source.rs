//! A source file as the rules want to see it: code without text, comments and tests, line by line.
//! Reads Rust text; returns masked code of the same length, and the functions in it.
//! Not a parser: it knows strings, characters, comments, braces and `#[cfg(test)]`, which is enough for the house.

/// A source file.
pub struct SourceFile {
    /// Path under `src`.
    pub name: String,
    /// The text as it is.
    pub text: String,
    /// The text with strings, comments and tests blanked; line ends stay.
    pub code: String,
    /// The code including tests.
    pub masked: String,
    /// Whether the whole file is a test module, see `test_files`.
    pub is_test: bool,
}

/// A function found in the code.
pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
    /// Besides `self`; 0 where a trait elsewhere has decided about them.
    pub parameters: usize,
}

impl SourceFile {
    pub fn new(name: &str, text: &str) -> Self {
        let masked = masked(text);
        let code = without_tests(&masked);
        Self { name: name.to_owned(), text: text.to_owned(), code, masked, is_test: false }
    }

    /// The line a byte offset of the code stands on, from 1.
    pub fn line(&self, at: usize) -> usize {
        1 + self.code[..at].matches('\n').count()
    }

    /// How many lines are not tests.
    pub fn lines(&self) -> usize {
        let tests: usize =
            test_ranges(&self.masked).into_iter().map(|(from, to)| self.text[from..to].matches('\n').count() + 1).sum();
        self.text.lines().count() - tests
    }

    /// Offsets of an identifier in the code.
    pub fn words<'s>(&'s self, word: &'s str) -> impl Iterator<Item = usize> + 's {
        super::paths::words(&self.code, word)
    }

    /// Every function with a body.
    pub fn functions(&self) -> Vec<Function> {
        let foreign: Vec<(usize, usize)> = self.words("impl").filter_map(|at| self.trait_impl(at)).collect();
        let is_foreign = |at: usize| foreign.iter().any(|(from, to)| (*from..*to).contains(&at));
        self.words("fn").filter_map(|at| self.function(at, is_foreign(at))).collect()
    }

    /// The range of an `impl Trait for Type`: the signatures in it are the trait's.
    fn trait_impl(&self, at: usize) -> Option<(usize, usize)> {
        let open = at + self.code[at..].find(['{', ';', '('])?;
        let header = &self.code[at..open];
        let is_trait = header.split_whitespace().any(|word| word == "for") && self.code.as_bytes()[open] == b'{';
        is_trait.then(|| Some((open, open + closing(&self.code[open..])?))).flatten()
    }

    fn function(&self, at: usize, foreign: bool) -> Option<Function> {
        let rest = &self.code[at + 2..];
        let name: String = rest.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if name.is_empty() {
            return None;
        }
        let open = at + 2 + parameters_at(rest)?;
        let close = open + closing(&self.code[open..])?;
        let parameters = if foreign { 0 } else { parameters(&self.code[open + 1..close]) };
        // A signature that ends in `;` belongs to a trait.
        let body = close + self.code[close..].find(['{', ';'])?;
        let end = match self.code.as_bytes()[body] {
            b'{' => body + closing(&self.code[body..])?,
            _ => return None,
        };
        let line = self.line(at);
        Some(Function { name, line, lines: self.line(end) - line + 1, parameters })
    }
}

pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Offset of the parenthesis that opens the parameters, past the generics.
fn parameters_at(rest: &str) -> Option<usize> {
    let mut angles = 0i32;
    let mut before = ' ';
    for (at, c) in rest.char_indices() {
        match c {
            '<' => angles += 1,
            '>' if before != '-' => angles -= 1,
            '(' if angles == 0 => return Some(at),
            '{' | ';' => return None,
            _ => {}
        }
        before = c;
    }
    None
}

/// Offset of the bracket that closes the one at the start.
pub fn closing(text: &str) -> Option<usize> {
    let mut depth = 0i32;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Number of parameters without `self`; a tuple counts as its fields.
fn parameters(list: &str) -> usize {
    let is_self = |part: &&str| {
        part.split(':').next().unwrap().split_whitespace().any(|word| word.trim_start_matches('&') == "self")
    };
    parts(list).iter().filter(|part| !is_self(part)).map(|part| fields(type_of(part))).sum()
}

/// Type of a parameter, after the first single colon.
fn type_of(parameter: &str) -> &str {
    let mut at = 0;
    while let Some(colon) = parameter[at..].find(':').map(|colon| colon + at) {
        if !parameter[colon + 1..].starts_with(':') {
            return &parameter[colon + 1..];
        }
        at = colon + 2;
    }
    parameter
}

/// 1, or the number of fields of a tuple.
fn fields(of: &str) -> usize {
    let of = of.trim().trim_start_matches('&').trim_start();
    let of = match of.strip_prefix('\'') {
        // `&'a (A, B)`
        Some(rest) => rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').trim_start(),
        None => of,
    };
    let of = of.strip_prefix("mut ").unwrap_or(of).trim_start();
    match of.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inside) => parts(inside).into_iter().map(fields).sum::<usize>().max(1),
        None => 1,
    }
}

/// Splits a list at its commas.
fn parts(list: &str) -> Vec<&str> {
    let (mut depth, mut from, mut before, mut parts) = (0i32, 0, ' ', Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            '>' if before == '-' => {}
            ')' | ']' | '}' | '>' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[from..at]);
                from = at + 1;
            }
            _ => {}
        }
        before = c;
    }
    parts.push(&list[from..]);
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    for (from, to) in test_ranges(code) {
        let blank: String = code[from..to].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(from..to, &blank);
    }
    out
}

/// The items behind `#[cfg(test)]`.
fn test_ranges(code: &str) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    let mut from = 0;
    while let Some(at) = code[from..].find("#[cfg(test)]").map(|at| at + from) {
        let Some(open) = code[at..].find(['{', ';']).map(|open| open + at) else { break };
        let end = match code.as_bytes()[open] {
            b'{' => closing(&code[open..]).map_or(code.len(), |close| open + close + 1),
            _ => open + 1,
        };
        ranges.push((at, end));
        from = end;
    }
    ranges
}

/// The text with comments, strings and characters blanked byte for byte.
fn masked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let length = opaque(&bytes[at..], at.checked_sub(1).map(|before| bytes[before]));
        for byte in &mut out[at..at + length] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += length.max(1);
    }
    String::from_utf8(out).unwrap()
}

/// Length of the comment, string or character that begins here; 0 when none does.
fn opaque(rest: &[u8], before: Option<u8>) -> usize {
    match rest {
        [b'/', b'/', ..] => rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment(rest),
        [b'"', ..] => 1 + quoted(&rest[1..], b'"'),
        [b'r', b'"' | b'#', ..] if !before.is_some_and(|b| is_word(b) && b != b'b') => raw_string(rest),
        [b'\'', b'\\', _, after @ ..] => 3 + quoted(after, b'\''),
        // A lifetime has no quote after its first character.
        [b'\'', ..] => character(rest),
        _ => 0,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at + 1 < rest.len() {
        match &rest[at..at + 2] {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// Length up to and with the closing quote.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn raw_string(rest: &[u8]) -> usize {
    let hashes = rest[1..].iter().take_while(|b| **b == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let end = [b"\"".to_vec(), vec![b'#'; hashes]].concat();
    let body = 2 + hashes;
    rest[body..].windows(end.len()).position(|window| window == end).map_or(rest.len(), |at| body + at + end.len())
}

fn character(rest: &[u8]) -> usize {
    let width = match rest.get(1) {
        Some(byte) if *byte < 0x80 => 1,
        Some(byte) if *byte >= 0xf0 => 4,
        Some(byte) if *byte >= 0xe0 => 3,
        Some(_) => 2,
        None => return 0,
    };
    if rest.get(1 + width) == Some(&b'\'') { width + 2 } else { 0 }
}
