//! The operator's terminal during `exec` and `run`: raw while bytes pass through, and its size as it changes.
//! Reads and sets the terminal's attributes; hands out sizes.
//! Never leaves the terminal raw: the guard restores it however it is left.

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::watch;

use crate::target::TerminalSize;

/// The terminal is raw while this lives.
pub struct RawMode {
    saved: Termios,
}

impl RawMode {
    /// Makes stdin's terminal raw: no echo, no line editing, and Ctrl-C goes to the process inside.
    pub fn enter() -> std::io::Result<Self> {
        let stdin = std::io::stdin();
        let saved = tcgetattr(&stdin)?;
        let mut raw = saved.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Drain, &raw)?;
        Ok(Self { saved })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // Flush: what was typed for the process inside must not reach the shell.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.saved);
    }
}

/// The size of stdout's terminal now and after each change; `None` when stdout is no terminal.
///
/// Must be called inside the runtime. The watching task ends when the receiver is dropped.
pub fn watch_size() -> Option<watch::Receiver<TerminalSize>> {
    let (sender, receiver) = watch::channel(size()?);
    let kind = tokio::signal::unix::SignalKind::window_change();
    let Ok(mut changes) = tokio::signal::unix::signal(kind) else { return Some(receiver) };
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = sender.closed() => return,
                change = changes.recv() => if change.is_none() { return },
            }
            if let Some(size) = size() {
                sender.send_replace(size);
            }
        }
    });
    Some(receiver)
}

fn size() -> Option<TerminalSize> {
    let size = tcgetwinsize(std::io::stdout()).ok()?;
    Some(TerminalSize { width: size.ws_col, height: size.ws_row })
}
