//! Ctrl-C, SIGTERM and SIGHUP: the first asks the verb to end, the second ends the process at once; so does the first
//! where nothing was changed yet, when the verb does not hear it.
//! Reads the process's signals; returns whether one came, and the exit code it means: 130 for Ctrl-C, 143 for the others.
//! Never takes a SIGHUP that was to be ignored (`nohup`).

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::error::{Error, ErrorKind};
use crate::event::Changes;
use crate::output_file::is_writing;

/// How long a verb that changed nothing may take to end by itself.
const GRACE: Duration = Duration::from_millis(400);

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

/// Where signals go while a process is attached: SIGINT and SIGHUP once each, SIGUSR1 and SIGUSR2 always.
#[derive(Clone, Default)]
pub struct Forwarding {
    attached: Arc<Mutex<Option<Attached>>>,
}

struct Attached {
    sender: mpsc::UnboundedSender<&'static str>,
    taken: Vec<&'static str>,
}

impl Forwarding {
    /// The signals from now on, until the receiver is dropped.
    pub fn begin(&self) -> mpsc::UnboundedReceiver<&'static str> {
        let (sender, receiver) = mpsc::unbounded_channel();
        for (kind, name) in [(SignalKind::user_defined1(), "SIGUSR1"), (SignalKind::user_defined2(), "SIGUSR2")] {
            let sender = sender.clone();
            if let Ok(mut signals) = signal(kind) {
                tokio::spawn(async move { while signals.recv().await.is_some() && sender.send(name).is_ok() {} });
            }
        }
        let attached = Attached { sender, taken: Vec::new() };
        *self.attached.lock().unwrap_or_else(PoisonError::into_inner) = Some(attached);
        receiver
    }

    /// Whether the attached process gets it. One that does not listen to it would never end.
    fn take(&self, name: &'static str) -> bool {
        let mut attached = self.attached.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(attached) = attached.as_mut().filter(|attached| !attached.taken.contains(&name)) else { return false };
        attached.taken.push(name);
        name != "SIGTERM" && attached.sender.send(name).is_ok()
    }
}

/// Begins to listen. The receiver turns true at the first signal.
pub fn watch(changes: Changes, forwarding: &Forwarding) -> (watch::Receiver<bool>, Interruption) {
    let (sender, receiver) = watch::channel(false);
    let interruption = Interruption::default();
    // A write beyond the limit on file sizes is then an error, and does not end the process without a word.
    let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
    let (noted, passed_on) = (interruption.clone(), forwarding.clone());
    // Listening begins here, not when the task first runs, and never pauses: no signal is lost in between.
    if let Ok(mut signals) = Signals::listen() {
        tokio::spawn(async move {
            let first = loop {
                let (kind, name) = signals.next().await;
                if !passed_on.take(name) {
                    break kind;
                }
            };
            noted.note(first);
            sender.send_replace(true);
            let last = tokio::select! {
                (second, _) = signals.next() => second,
                () = nothing_to_finish(&changes) => first,
            };
            #[expect(
                clippy::exit,
                reason = "a signal must not wait for what has nothing to finish, nor the second for anything"
            )]
            std::process::exit(i32::from(last.exit_code()));
        });
    }
    (receiver, interruption)
}

/// Ends when the verb had its time to end by itself and nothing was changed: it reads, computes or waits.
async fn nothing_to_finish(changes: &Changes) {
    loop {
        tokio::time::sleep(GRACE).await;
        if !changes.begun() && !is_writing() {
            return;
        }
    }
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

    /// What it means for us, and its name.
    async fn next(&mut self) -> (ErrorKind, &'static str) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => (ErrorKind::Interrupted, "SIGINT"),
            _ = self.terminate.recv() => (ErrorKind::Terminated, "SIGTERM"),
            _ = hangup => (ErrorKind::Terminated, "SIGHUP"),
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
