//! A webhook of the operator's: the event as JSON, signed where there is a key.

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::error::NotifyError;
use super::http::{Post, first_line, origin, post};
use super::message::{Limits, Message};
use crate::secret::{Secret, hmac_sha256};

/// Header with the event's name.
const EVENT: HeaderName = HeaderName::from_static("x-aictl-event");
/// Header with the signature of the body.
const SIGNATURE: HeaderName = HeaderName::from_static("x-aictl-signature-256");

/// A URL that takes JSON.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) secret: Option<Secret>,
}

impl Webhook {
    pub(super) fn destination(&self) -> String {
        let mut words = format!("post to {}", origin(&self.url));
        let names: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        if !names.is_empty() {
            words.push_str(&format!(", with header {}", names.join(", ")));
        }
        if self.secret.is_some() {
            words.push_str(", signed");
        }
        words
    }

    pub(super) async fn send(&self, message: &Message, limits: &Limits) -> Result<(), NotifyError> {
        let mut event = message.event.clone();
        if let Value::Object(event) = &mut event {
            event.insert("text".to_owned(), message.text().into());
        }
        let body = event.to_string();
        let mut headers = self.headers.clone();
        let mut add = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        add(EVENT, event["event"].as_str().unwrap_or_default());
        if let Some(secret) = &self.secret {
            let signature = hex::encode(hmac_sha256(secret.expose().as_bytes(), body.as_bytes()));
            add(SIGNATURE, &format!("sha256={signature}"));
        }
        post(Post { url: &self.url, headers, body, explain: first_line }, limits).await
    }
}
