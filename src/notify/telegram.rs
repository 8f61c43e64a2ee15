//! Telegram's `sendMessage`: plain text, and the reason and pause of its own error answers.

use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::error::NotifyError;
use super::http::{Post, first_line, origin, post};
use super::message::{Limits, Message};
use super::truncate::truncate;

/// UTF-16 units that a message may have.
const LONGEST: usize = 4096;

/// A chat and the bot that writes to it.
#[derive(Debug, Clone)]
pub struct Telegram {
    /// The method's URL, which holds the token.
    pub(super) url: Url,
    pub(super) chat: String,
}

impl Telegram {
    pub(super) fn destination(&self) -> String {
        format!("send to chat {} through {}", self.chat, origin(&self.url))
    }

    pub(super) async fn send(&self, message: &Message, limits: &Limits) -> Result<(), NotifyError> {
        let text = truncate(&message.text(), LONGEST);
        let body = json!({ "chat_id": self.chat, "text": text, "link_preview_options": { "is_disabled": true } });
        post(Post { url: &self.url, headers: HeaderMap::new(), body: body.to_string(), explain }, limits).await
    }
}

/// `{"ok":false,"error_code":429,"description":"…","parameters":{"retry_after":3}}`.
fn explain(body: &str) -> (String, Option<Duration>) {
    let Ok(answer) = serde_json::from_str::<Value>(body) else { return first_line(body) };
    let description = answer["description"].as_str().unwrap_or_default().to_owned();
    (description, answer["parameters"]["retry_after"].as_u64().map(Duration::from_secs))
}
