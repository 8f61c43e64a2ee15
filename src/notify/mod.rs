//! Messages about the results of deploys and rollbacks: Slack, Telegram, a webhook and e-mail.
//! Each channel is tried within limits; nothing is queued, and an error never quotes a URL or a token.

mod channel;
mod email;
mod error;
mod http;
mod message;
mod slack;
mod telegram;
mod truncate;
mod webhook;

pub use channel::{Channel, ChannelKind, Configured, channels, secrets};
pub use error::NotifyError;
pub use message::{Limits, Message};
