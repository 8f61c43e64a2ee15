//! Asks on the terminal: yes or no, or a word to be typed.
//! Reads the answer from the terminal; returns yes, or why it was not.
//! Never asks without a terminal, and never takes silence for a yes.

use std::sync::Arc;

use super::printable::printable;
use super::screen::Screen;
use crate::event::{Prompt, PromptError};
use crate::secret::Redactor;

/// Questions on stderr, answers from stdin.
pub(super) struct TerminalPrompt {
    attended: bool,
    yes: bool,
    screen: Arc<Screen>,
    redactor: Arc<Redactor>,
}

impl TerminalPrompt {
    pub(super) fn new(attended: bool, yes: bool, screen: Arc<Screen>, redactor: Arc<Redactor>) -> Self {
        Self { attended, yes, screen, redactor }
    }

    /// Asks with the live region out of the way; the cursor comes back whatever happens.
    fn ask(&self, question: &str, ask: impl FnOnce(&str) -> dialoguer::Result<bool>) -> Result<(), PromptError> {
        let question = printable(&self.redactor.redact(question)).into_owned();
        if !self.attended {
            return Err(PromptError::NoTerminal { question });
        }
        let answer = self.screen.above(|| {
            let answer = ask(&question);
            // dialoguer hides the cursor and leaves it so when it is interrupted.
            let _ = console::Term::stderr().show_cursor();
            answer
        });
        judge(question, answer)
    }
}

/// Nothing but these words is a yes: `not today` has a y in it.
fn is_yes(typed: &str) -> bool {
    matches!(typed.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

fn judge(question: String, answer: dialoguer::Result<bool>) -> Result<(), PromptError> {
    use std::io::ErrorKind::{Interrupted, UnexpectedEof};
    match answer {
        Ok(true) => Ok(()),
        Ok(false) => Err(PromptError::Declined { question }),
        Err(dialoguer::Error::IO(e)) if matches!(e.kind(), Interrupted | UnexpectedEof) => {
            Err(PromptError::Declined { question })
        }
        Err(e) => Err(PromptError::Broken { question, reason: e.to_string() }),
    }
}

impl Prompt for TerminalPrompt {
    fn confirm(&self, question: &str) -> Result<(), PromptError> {
        if self.yes {
            return Ok(());
        }
        self.ask(question, |question| {
            let prompt = format!("{question} [y/N]");
            let typed: String = dialoguer::Input::new().with_prompt(prompt).allow_empty(true).interact_text()?;
            Ok(is_yes(&typed))
        })
    }

    fn confirm_typed(&self, question: &str, word: &str) -> Result<(), PromptError> {
        // `--yes` is no typed word: a verb that takes it for one says so and does not ask.
        let asked = self.ask(question, |question| {
            let prompt = format!("{question}; type `{word}` to continue");
            let typed: String = dialoguer::Input::new().with_prompt(prompt).allow_empty(true).interact_text()?;
            Ok(typed.trim() == word)
        });
        asked.map_err(|error| match error {
            PromptError::NoTerminal { question } => PromptError::NoTypedWord { question, word: word.to_owned() },
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn prompt(attended: bool, yes: bool) -> TerminalPrompt {
        let redactor = Redactor::new(&[Secret::new("s3cr3t-word")]);
        TerminalPrompt::new(attended, yes, Arc::new(Screen::new(Box::new(std::io::sink()))), Arc::new(redactor))
    }

    #[test]
    fn only_a_whole_yes_is_a_yes() {
        assert!(["y", "Y", "yes", " YES "].into_iter().all(is_yes));
        assert!(["", "n", "no", "not today", "no way", "yes, now", "ye", "ok"].into_iter().all(|typed| !is_yes(typed)));
    }

    #[test]
    fn yes_answers_without_a_terminal() {
        assert_eq!(prompt(false, true).confirm("go on?"), Ok(()));
    }

    #[test]
    fn yes_is_not_a_typed_word() {
        let refused = PromptError::NoTypedWord { question: "remove all data".to_owned(), word: "web".to_owned() };
        assert_eq!(prompt(false, true).confirm_typed("remove all data", "web"), Err(refused));
    }

    #[test]
    fn nobody_to_ask_is_said_without_secrets() {
        let question = "drop s3cr3t-word?".to_owned();
        let refused = PromptError::NoTerminal { question: "drop [redacted]?".to_owned() };
        assert_eq!(prompt(false, false).confirm(&question), Err(refused));
    }

    #[test]
    fn interruption_and_no_are_both_a_no() {
        let question = || "go on?".to_owned();
        let declined = Err(PromptError::Declined { question: question() });
        assert_eq!(judge(question(), Ok(false)), declined);
        let interrupted = std::io::Error::from(std::io::ErrorKind::Interrupted);
        assert_eq!(judge(question(), Err(interrupted.into())), declined);
        assert_eq!(judge(question(), Ok(true)), Ok(()));
        let broken = judge(question(), Err(std::io::Error::other("gone").into()));
        assert!(matches!(broken, Err(PromptError::Broken { .. })));
    }
}
