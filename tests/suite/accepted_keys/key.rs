//! A row of the table of keys, and how it is carried out.

use super::lab::Stack;
use super::sign::Sign;

/// A key of aictl.yaml and what it does.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// `environments.*.compose`, `checks[].tcp`.
    pub key: &'static str,
    /// The file: `<<x>>` is there or not, `<<x|y>>` is one or the other; `@` begins what stands in the environment.
    file: &'static str,
    line: &'static str,
    sign: Sign,
    after: &'static str,
    /// Whether the row stands for everything below the key too.
    whole: bool,
}

/// A key that changes something.
pub const fn key(key: &'static str, file: &'static str, line: &'static str, sign: Sign) -> Row {
    Row { key, file, line, sign, after: "", whole: false }
}

/// A block without effect, which every command that reads the project names.
pub const fn named(key: &'static str, file: &'static str, sign: &'static str) -> Row {
    Row { key, file, line: "config --quiet", sign: Sign::Says(sign), after: "", whole: true }
}

impl Row {
    /// It stands for the keys below as well.
    pub const fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// These commands run before, each time.
    pub const fn after(self, after: &'static str) -> Self {
        Self { after, ..self }
    }

    /// Whether the key is this row's, or lies below one it stands for, or holds it.
    pub fn covers(&self, key: &str) -> bool {
        let below = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        below(self.key, key) || (self.whole && below(key, self.key))
    }

    /// What is not as the row says, if anything.
    pub fn failure(&self, lab: &Stack) -> Option<String> {
        let (with, without) = alternatives(self.file);
        let run = |file: &str| {
            lab.write("aictl.yaml", &whole(file));
            if !self.after.is_empty() {
                self.after.split("; ").for_each(|line| lab.first(line));
            }
            lab.run(self.line, self.sign, false)
        };
        let (before, after) = (run(&without), run(&with));
        let shown = self.sign.shows((&after, &before), lab.name());
        let (key, sign) = (self.key, self.sign);
        (!shown).then(|| format!("{key}: {sign:?} is not what differs:\nwith {after}\nwithout {before}"))
    }
}

fn alternatives(file: &str) -> (String, String) {
    let (before, rest) = file.split_once("<<").unwrap();
    let (choice, after) = rest.split_once(">>").unwrap();
    let (with, without) = choice.split_once('|').unwrap_or((choice, ""));
    (format!("{before}{with}{after}"), format!("{before}{without}{after}"))
}

/// The file with an environment around or beside what the row says.
fn whole(file: &str) -> String {
    match file.strip_prefix('@') {
        Some(inside) => format!("environments: {{ dev: {{ compose: compose.yaml, {inside} }} }}\n"),
        None if file.contains("environments:") => format!("{file}\n"),
        None => format!("environments: {{ dev: {{ compose: compose.yaml }} }}\n{file}\n"),
    }
}
