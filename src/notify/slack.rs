//! Slack's incoming webhooks: blocks of plain text, and the whole as the text of the notification.

use reqwest::Url;
use reqwest::header::HeaderMap;
use serde_json::json;

use super::error::NotifyError;
use super::http::{Post, first_line, origin, post};
use super::message::{Limits, Message};
use super::truncate::{truncate, truncate_escaped};

/// Characters that the text of a section may have.
const LONGEST_SECTION: usize = 3000;

/// An incoming webhook.
#[derive(Debug, Clone)]
pub struct Slack {
    pub(super) url: Url,
}

impl Slack {
    pub(super) fn destination(&self) -> String {
        format!("post to {}", origin(&self.url))
    }

    pub(super) async fn send(&self, message: &Message, limits: &Limits) -> Result<(), NotifyError> {
        let body = payload(message).to_string();
        post(Post { url: &self.url, headers: HeaderMap::new(), body, explain: first_line }, limits).await
    }
}

fn payload(message: &Message) -> serde_json::Value {
    let head: Vec<&str> = std::iter::once(&message.subject).chain(&message.facts).map(String::as_str).collect();
    let parts = [head.join("\n"), message.error.join("\n")];
    let section = |text: &String| {
        let text = json!({ "type": "plain_text", "text": truncate(text, LONGEST_SECTION), "emoji": false });
        json!({ "type": "section", "text": text })
    };
    let blocks: Vec<_> = parts.iter().filter(|text| !text.is_empty()).map(section).collect();
    // Here `<!channel>` would call everyone.
    json!({ "text": truncate_escaped(&message.text(), LONGEST_SECTION), "blocks": blocks })
}
