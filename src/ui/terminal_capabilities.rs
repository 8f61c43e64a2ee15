//! What stands at the other end of stdin, stdout and stderr, and whether it takes colour.
//! Reads the three streams and a handful of variables; returns plain facts.
//! Never writes, and never asks a second time.

use std::io::IsTerminal;

/// What the terminal is. The default is no terminal at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Somebody can answer.
    pub stdin_tty: bool,
    /// Reports are read by a person.
    pub stdout_tty: bool,
    /// Progress is read by a person.
    pub stderr_tty: bool,
    /// Colour on stdout.
    pub color_stdout: bool,
    /// Colour on stderr.
    pub color_stderr: bool,
    /// The terminal cannot move its cursor.
    pub dumb: bool,
    /// Columns of stdout; `None` where lines may be as long as they are.
    pub width: Option<usize>,
}

impl Facts {
    /// Looks at the streams; `variable` reads the environment.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let stdin_tty = std::io::stdin().is_terminal();
        let stdout_tty = std::io::stdout().is_terminal();
        let stderr_tty = std::io::stderr().is_terminal();
        let columns = || console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        Self {
            stdin_tty,
            stdout_tty,
            stderr_tty,
            color_stdout: wants_color(stdout_tty, &variable),
            color_stderr: wants_color(stderr_tty, &variable),
            dumb: variable("TERM").is_some_and(|term| term == "dumb"),
            width: stdout_tty.then(columns).flatten(),
        }
    }
}

/// NO_COLOR wins over CLICOLOR_FORCE: who asks for none must get none.
fn wants_color(tty: bool, variable: &impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    if set("NO_COLOR") {
        return false;
    }
    if variable("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0") {
        return true;
    }
    tty && variable("TERM").is_none_or(|term| term != "dumb") && variable("CLICOLOR").is_none_or(|value| value != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_follows_the_terminal_and_the_variables() {
        let color = |tty: bool, set: &[(&str, &str)]| {
            wants_color(tty, &|name: &str| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(color(true, &[]));
        assert!(!color(false, &[]));
        assert!(!color(true, &[("NO_COLOR", "1")]));
        assert!(color(true, &[("NO_COLOR", "")]));
        assert!(color(false, &[("CLICOLOR_FORCE", "1")]));
        assert!(!color(false, &[("CLICOLOR_FORCE", "0")]));
        assert!(!color(true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
        assert!(!color(true, &[("TERM", "dumb")]));
        assert!(!color(true, &[("CLICOLOR", "0")]));
    }
}
