//! Recipients of the results of deploys and rollbacks, and what their settings must be besides their types.
//! Messages about them never quote a value: URLs and tokens are secret.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::findings::Findings;
use super::one_or_many::{OneOrMany, one_or_many};

/// Recipients of the results of deploys and rollbacks. `${VAR}` is replaced by the variable's value, `$$` by `$`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NotifyConfig {
    /// Results to send; default: all of them.
    pub on: Option<NotifyOn>,
    /// URL of a Slack incoming webhook.
    pub slack: Option<String>,
    /// A Telegram chat.
    pub telegram: Option<TelegramNotify>,
    /// A URL that receives results as JSON, or its settings.
    pub webhook: Option<WebhookNotify>,
    /// E-mail.
    pub email: Option<EmailNotify>,
}

/// Results to send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NotifyOn {
    /// Every result.
    #[default]
    Always,
    /// What ended well.
    Success,
    /// What failed or was interrupted.
    Failure,
}

impl NotifyOn {
    /// The word in aictl.yaml.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

/// A Telegram chat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TelegramNotify {
    /// Bot token.
    pub token: String,
    /// Chat ID, or `@name` of a channel.
    pub chat: String,
    /// Bot API server; default: `https://api.telegram.org`.
    #[serde(default)]
    pub server: Option<String>,
}

/// A webhook: its URL, or its settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum WebhookNotify {
    /// The URL.
    Url(String),
    /// URL, headers and signature.
    Settings(WebhookSettings),
}

/// A webhook with settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// The URL.
    pub url: String,
    /// Additional request headers.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// Key of the signature: `X-Aictl-Signature-256: sha256=` and the HMAC-SHA256 of the body in hexadecimal.
    #[serde(default)]
    pub secret: Option<String>,
}

impl WebhookNotify {
    /// All settings.
    pub fn settings(&self) -> WebhookSettings {
        match self {
            Self::Url(url) => WebhookSettings { url: url.clone(), ..Default::default() },
            Self::Settings(settings) => settings.clone(),
        }
    }
}

/// E-mail by SMTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailNotify {
    /// Mail server: `smtp://HOST:PORT` (STARTTLS, default port 587) or `smtps://HOST:PORT` (TLS, default port 465).
    pub smtp: String,
    /// Sender.
    pub from: String,
    /// Recipients.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany")]
    pub to: Vec<String>,
    /// User name; with it the connection must be encrypted.
    #[serde(default)]
    pub user: Option<String>,
    /// Password of the user.
    #[serde(default)]
    pub password: Option<String>,
}

/// Whether the value is known only once its variables are replaced.
fn is_open(value: &str) -> bool {
    value.contains('$')
}

/// A URL with one of the schemes and a host.
fn is_url(value: &str, schemes: &[&str]) -> bool {
    let rest = schemes.iter().find_map(|scheme| value.strip_prefix(scheme)?.strip_prefix("://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace))
}

/// Examines `notify`.
pub(super) fn examine_notify(notify: &NotifyConfig, found: &mut Findings<'_>) {
    let mut at = |key: &[&str], message: &str| found.add(&[&["notify"], key].concat(), message);
    if notify.on.is_some() && !notify.has_channel() {
        at(&["on"], "needs one of `slack`, `telegram`, `webhook`, `email`");
    }
    let mut web = |key: &[&str], value: &str| {
        if !is_open(value) && !is_url(value, &["http", "https"]) {
            at(key, "must start with `http://` or `https://`");
        }
    };
    notify.slack.iter().for_each(|url| web(&["slack"], url));
    match &notify.webhook {
        Some(WebhookNotify::Url(url)) => web(&["webhook"], url),
        Some(WebhookNotify::Settings(settings)) => web(&["webhook", "url"], &settings.url),
        None => {}
    }
    if let Some(telegram) = &notify.telegram {
        telegram.server.iter().for_each(|url| web(&["telegram", "server"], url));
        for (key, value) in [("token", &telegram.token), ("chat", &telegram.chat)] {
            if value.trim().is_empty() {
                at(&["telegram", key], "is empty");
            }
        }
    }
    if let Some(email) = &notify.email {
        examine_email(email, &mut |key, message| at(&["email", key], message));
    }
}

fn examine_email(email: &EmailNotify, at: &mut dyn FnMut(&str, &str)) {
    if !is_open(&email.smtp) && (!is_url(&email.smtp, &["smtp", "smtps"]) || email.smtp.contains('@')) {
        at("smtp", "must be `smtp://HOST:PORT` or `smtps://HOST:PORT`; `user` and `password` are keys of their own");
    }
    let is_address = |value: &String| is_open(value) || value.contains('@');
    if !is_address(&email.from) {
        at("from", "is not an e-mail address");
    }
    if email.to.is_empty() || !email.to.iter().all(is_address) {
        at("to", "takes one or more e-mail addresses");
    }
    match (&email.user, &email.password) {
        (Some(_), None) => at("user", "needs a `password`"),
        (None, Some(_)) => at("password", "needs a `user`"),
        _ => {}
    }
}

impl NotifyConfig {
    /// Whether any channel is configured.
    pub fn has_channel(&self) -> bool {
        self.slack.is_some() || self.telegram.is_some() || self.webhook.is_some() || self.email.is_some()
    }
}
