//! Ctrl-C, SIGTERM and SIGHUP: the first asks the verb to end, the second ends the process at once.
//! Reads the process's signals; returns whether one came, and the exit code it means: 130 for Ctrl-C, 143 for the others.
//! Never takes a SIGHUP that was to be ignored (`nohup`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::error::{Error, ErrorKind};

/// Which kind of signal asked the verb to end, if any did.
#[derive(Clone, Default)]
pub struct Interruption {
    code: Arc<AtomicU8>,
}

impl Interruption {
    fn note(&self, kind: ErrorKind) {
        self.code.store(kind.exit_code(), Ordering::SeqCst);
    }

    fn was_terminated(&self) -> bool {
        self.code.load(Ordering::SeqCst) == ErrorKind::Terminated.exit_code()
    }

    /// The exit code of a verb that streamed and was cut off.
    pub fn code(&self, code: u8) -> u8 {
        let cut_off = code == ErrorKind::Interrupted.exit_code();
        if cut_off && self.was_terminated() { ErrorKind::Terminated.exit_code() } else { code }
    }

    /// The error, as one of a process that was asked to terminate where that is what happened.
    pub fn told(&self, error: Error) -> Error {
        if self.was_terminated() { error.into_terminated() } else { error }
    }
}

/// Begins to listen. The receiver turns true at the first signal.
pub fn watch() -> (watch::Receiver<bool>, Interruption) {
    let (sender, receiver) = watch::channel(false);
    let interruption = Interruption::default();
    let noted = interruption.clone();
    // Listening begins here, not when the task first runs, and never pauses: no signal is lost in between.
    if let Ok(mut signals) = Signals::listen() {
        tokio::spawn(async move {
            noted.note(signals.next().await);
            sender.send_replace(true);
            let second = signals.next().await;
            #[expect(clippy::exit, reason = "the second signal must not wait for anything")]
            std::process::exit(i32::from(second.exit_code()));
        });
    }
    (receiver, interruption)
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let hangup = !crate::host::ignores_signal(SignalKind::hangup().as_raw_value());
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: hangup.then(|| signal(SignalKind::hangup())).transpose()?,
        })
    }

    async fn next(&mut self) -> ErrorKind {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => ErrorKind::Interrupted,
            _ = self.terminate.recv() => ErrorKind::Terminated,
            _ = hangup => ErrorKind::Terminated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::WorkflowError;

    #[test]
    fn the_exit_code_tells_which_signal_it_was() {
        let interruption = Interruption::default();
        let interrupted = || Error::from(WorkflowError::Interrupted);
        assert_eq!(interruption.told(interrupted()).kind().exit_code(), 130);
        interruption.note(ErrorKind::Terminated);
        assert_eq!((interruption.code(130), interruption.code(1), interruption.code(0)), (143, 1, 0));
        assert_eq!(interruption.told(interrupted()).kind().exit_code(), 143);
        let other = WorkflowError::NotRunning { service: "web".into() };
        assert_eq!(interruption.told(other.into()).kind().exit_code(), 1);
    }
}
