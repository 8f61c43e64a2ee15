//! A row of the tables of flags, and how it is carried out.

use super::lab::Stack;
use super::sign::Sign;
use super::{flags_rest, flags_run};

/// A flag and what it does.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// `images build`; empty for a global flag.
    pub verb: &'static str,
    /// The flag's name, or its id where it has a short one only.
    pub flag: &'static str,
    pub proof: Proof,
    line: &'static str,
    after: &'static str,
    beside: &'static str,
    terminal: bool,
}

/// What is shown of it.
#[derive(Debug, Clone, Copy)]
pub enum Proof {
    /// It changes this.
    Changes(Sign),
    /// It is taken and changes nothing, as its help says.
    Ignored,
    /// Together with the others of the line it is a wrong command line.
    Refused,
}

pub fn rows() -> impl Iterator<Item = &'static Row> {
    flags_run::ROWS.iter().chain(flags_rest::ROWS)
}

/// A flag that changes something.
pub const fn shown(verb: &'static str, flag: &'static str, line: &'static str, sign: Sign) -> Row {
    Row { proof: Proof::Changes(sign), ..refused(verb, flag, line) }
}

/// A flag for Compose's users.
pub const fn ignored(verb: &'static str, flag: &'static str, line: &'static str) -> Row {
    Row { proof: Proof::Ignored, ..refused(verb, flag, line) }
}

/// A flag that is refused in this line.
pub const fn refused(verb: &'static str, flag: &'static str, line: &'static str) -> Row {
    Row { verb, flag, proof: Proof::Refused, line, after: "", beside: "", terminal: false }
}

impl Row {
    /// These commands go before, each time.
    pub const fn after(self, after: &'static str) -> Self {
        Self { after, ..self }
    }

    /// This command goes on meanwhile.
    pub const fn beside(self, beside: &'static str) -> Self {
        Self { beside, ..self }
    }

    /// On a terminal.
    pub const fn on_terminal(self) -> Self {
        Self { terminal: true, ..self }
    }

    /// What is not as the row says, if anything.
    pub fn failure(&self, lab: &Stack) -> Option<String> {
        let (with, without) = alternatives(self.line);
        let run = |line: &str, sign: Sign| {
            self.after.split("; ").filter(|line| !line.is_empty()).for_each(|line| lab.first(line));
            let beside = Some(self.beside).filter(|line| !line.is_empty()).map(|line| lab.beside(line));
            let seen = lab.run(line, sign, self.terminal);
            if let Some(mut child) = beside {
                child.wait().unwrap();
            }
            seen
        };
        let said = |fault: String| Some(format!("{} --{}: `{with}`: {fault}", self.verb, self.flag));
        match self.proof {
            Proof::Refused => {
                let seen = run(&with, Sign::Differs);
                (seen.code != Some(2)).then(|| said(format!("not refused: {seen}"))).flatten()
            }
            Proof::Ignored => {
                let seen = run(&with, Sign::Differs);
                (seen.code != Some(0)).then(|| said(format!("not taken: {seen}"))).flatten()
            }
            Proof::Changes(sign) => {
                // What is done with it may leave nothing to do without it.
                let (before, after) = (run(&without, sign), run(&with, sign));
                let shown = sign.shows((&after, &before), lab.name());
                let fault = || said(format!("{sign:?} is not what differs:\nwith {after}\nwithout {before}"));
                (!shown).then(fault).flatten()
            }
        }
    }
}

/// `a [b] c` and `a [b|d] c`: with b, and without it or with d.
fn alternatives(line: &str) -> (String, String) {
    let Some((before, rest)) = line.split_once('[') else { return (line.to_owned(), line.to_owned()) };
    let (choice, after) = rest.split_once(']').unwrap();
    let (with, without) = choice.split_once('|').unwrap_or((choice, ""));
    (format!("{before}{with}{after}"), format!("{before}{without}{after}"))
}
