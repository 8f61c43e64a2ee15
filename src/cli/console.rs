//! The operator's terminal as workflows see it.
//! Reads the facts of the streams; hands out standard input and raw mode.
//! Never writes.

use tokio::sync::{mpsc, watch};

use super::signals::Forwarding;
use crate::session::Console;
use crate::target::{BoxRead, TerminalSize};
use crate::ui::{Facts, RawMode, watch_size};

/// The process's own terminal.
pub struct ProcessConsole {
    /// What the streams are.
    pub facts: Facts,
    /// Who takes signals while a process is attached.
    pub forwarding: Forwarding,
}

impl Console for ProcessConsole {
    fn is_terminal(&self) -> bool {
        self.facts.stdin_tty && self.facts.stdout_tty
    }

    fn stdin(&self) -> BoxRead {
        Box::pin(tokio::io::stdin())
    }

    fn signals(&self) -> Option<mpsc::UnboundedReceiver<&'static str>> {
        Some(self.forwarding.begin())
    }

    fn raw(&self) -> (Box<dyn Send>, Option<watch::Receiver<TerminalSize>>) {
        // A terminal that cannot be made raw still works line by line.
        let guard: Box<dyn Send> = match RawMode::enter() {
            Ok(guard) => Box::new(guard),
            Err(_) => Box::new(()),
        };
        (guard, watch_size())
    }
}
