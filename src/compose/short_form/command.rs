//! A command written as one text, split into words as Compose's shell-words parser does.
//! Reads a text, returns words; what follows an unquoted `;`, `&`, `|`, `<` or `>` is dropped, as there.
//! Never expands variables and never runs anything.

/// The words of a command line; the error says that it cannot be parsed.
pub(crate) fn split(line: &str) -> Result<Vec<String>, String> {
    let mut splitter = Splitter::default();
    for c in line.chars() {
        if splitter.step(c).ok_or_else(|| invalid(line))? {
            break;
        }
    }
    splitter.flush();
    if splitter.escaped || splitter.quote.is_some() {
        return Err(invalid(line));
    }
    Ok(splitter.words)
}

fn invalid(line: &str) -> String {
    format!("invalid command line string {line:?}")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Single,
    Double,
    Back,
    Dollar,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Got {
    #[default]
    Nothing,
    Plain,
    Quoted,
}

#[derive(Default)]
struct Splitter {
    words: Vec<String>,
    word: String,
    got: Got,
    escaped: bool,
    quote: Option<Quote>,
}

impl Splitter {
    fn flush(&mut self) {
        if self.got == Got::Quoted || (self.got == Got::Plain && !self.word.is_empty()) {
            self.words.push(std::mem::take(&mut self.word));
        }
        self.word.clear();
        self.got = Got::Nothing;
    }

    fn push(&mut self, c: char) {
        self.got = Got::Plain;
        self.word.push(c);
    }

    /// Takes one character; true ends the command, none is a syntax error.
    fn step(&mut self, c: char) -> Option<bool> {
        if self.escaped {
            self.escaped = false;
            self.unescape(c);
            return Some(false);
        }
        match c {
            '\\' if self.quote == Some(Quote::Single) => self.word.push(c),
            '\\' => self.escaped = true,
            ' ' | '\t' | '\r' | '\n' if self.quote.is_some() => self.word.push(c),
            ' ' | '\t' | '\r' | '\n' => self.flush(),
            '(' | ')' => return self.parenthesis(c).map(|()| false),
            '"' | '\'' | '`' => self.quotation(c),
            ';' | '&' | '|' | '<' | '>' if self.quote.is_none() => {
                // `2>` redirects a descriptor: the number is no word.
                if c == '>' && !self.word.is_empty() && self.word.bytes().all(|c| c.is_ascii_digit()) {
                    self.got = Got::Nothing;
                }
                return Some(true);
            }
            c => self.push(c),
        }
        Some(false)
    }

    fn unescape(&mut self, c: char) {
        if matches!(self.quote, Some(Quote::Back | Quote::Dollar)) {
            self.word.push('\\');
            self.push(c);
            return;
        }
        self.push(match c {
            't' => '\t',
            'n' => '\n',
            c => c,
        });
    }

    fn quotation(&mut self, c: char) {
        let kind = match c {
            '"' => Quote::Double,
            '\'' => Quote::Single,
            _ => Quote::Back,
        };
        match self.quote {
            Some(open) if open == kind => {
                self.quote = None;
                if kind == Quote::Back {
                    self.push(c);
                } else {
                    self.got = Got::Quoted;
                }
            }
            Some(_) => self.push(c),
            None => {
                self.quote = Some(kind);
                if kind == Quote::Back {
                    self.push(c);
                }
            }
        }
    }

    fn parenthesis(&mut self, c: char) -> Option<()> {
        match (c, self.quote) {
            (_, Some(Quote::Single | Quote::Double | Quote::Back)) => self.push(c),
            (')', Some(Quote::Dollar)) => {
                self.quote = None;
                self.push(c);
            }
            ('(', None) if self.word.ends_with('$') && !self.word.ends_with("\\$") => {
                self.quote = Some(Quote::Dollar);
                self.word.push(c);
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_line_is_split_into_words() {
        let cases: [(&str, &[&str]); 9] = [
            ("echo a b", &["echo", "a", "b"]),
            ("sh -c 'a b' \"c d\"", &["sh", "-c", "a b", "c d"]),
            ("a\\ b c", &["a b", "c"]),
            ("echo a && b", &["echo", "a"]),
            ("echo '' x", &["echo", "", "x"]),
            ("run --x=\"1 2\"", &["run", "--x=1 2"]),
            ("", &[]),
            ("echo $(date +%s)", &["echo", "$(date +%s)"]),
            ("cmd 2>&1", &["cmd"]),
        ];
        for (line, words) in cases {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
    }

    #[test]
    fn an_open_quote_is_an_error() {
        assert!(split("echo 'a").is_err());
        assert!(split("echo (a)").is_err());
    }
}
