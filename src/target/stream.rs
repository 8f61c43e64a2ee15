//! The data that travels through exec, logs and copy.
//! Arguments and stream types only.
//! Never names a library of one engine.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::TargetError;
use crate::event::LogLine;

/// A reader that can be sent between tasks.
pub type BoxRead = Pin<Box<dyn AsyncRead + Send + Sync>>;

/// Bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection to a port of a container, whichever way it goes.
pub type BoxDuplex = Box<dyn Duplex>;

/// A stream of byte chunks, as a tar archive comes.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, TargetError>> + Send>>;

/// A stream of log lines.
pub type LogStream = Pin<Box<dyn Stream<Item = Result<LogLine, TargetError>> + Send>>;

/// Columns and rows of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// A command to run inside a running container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecArgs {
    /// Container id or name.
    pub container: String,
    /// Program and arguments; no shell is added.
    pub command: Vec<String>,
    /// `KEY=VALUE` pairs.
    pub environment: Vec<String>,
    /// User, or the container's own.
    pub user: Option<String>,
    /// Working directory, or the container's own.
    pub working_dir: Option<String>,
    /// Allocate a terminal; stdout and stderr are then one channel.
    pub tty: bool,
    /// Extended privileges.
    pub privileged: bool,
    /// Start it and do not wait; the exit code is then 0.
    pub detach: bool,
}

/// What is fed into a process.
#[derive(Default)]
pub struct ExecInput {
    /// Standard input; closed at once when absent.
    pub stdin: Option<BoxRead>,
    /// Terminal size and its changes, with `tty`.
    pub size: Option<watch::Receiver<TerminalSize>>,
}

/// Which part of a container's log is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogArgs {
    /// Keep streaming until the container ends.
    pub follow: bool,
    /// Unix seconds (with fraction) from which on.
    pub since: Option<String>,
    /// Unix seconds (with fraction) up to which.
    pub until: Option<String>,
    /// Only this many last lines.
    pub tail: Option<u64>,
}
