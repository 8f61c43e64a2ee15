//! Why a message was not sent.

use std::time::Duration;

use crate::event::human;

/// Why a channel did not take a message. Servers are named without path and credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotifyError {
    /// A setting of the channel cannot be used.
    #[error("notify.{key}: {reason}")]
    Setting { key: String, reason: String },
    /// The server could not be reached, or the connection broke.
    #[error("cannot send to {server}: {reason}")]
    Connection { server: String, reason: String },
    /// The server did not take the message.
    #[error("{server} answered {answer}")]
    Refused { server: String, answer: String },
    /// The server wants to be asked again later than there is time.
    #[error("{server} answered {answer}, retry after {}", human::duration(*.after))]
    Later { server: String, answer: String, after: Duration },
    /// The server did not answer.
    #[error("{server} did not answer within {}", human::duration(*.after))]
    Silent { server: String, after: Duration },
}
