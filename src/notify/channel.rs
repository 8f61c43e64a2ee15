//! The channels of `notify` in aictl.yaml, with their variables replaced.
//! A channel that cannot be used is kept with the reason, so that the others still get their message.

use std::collections::BTreeMap;

use reqwest::header::HeaderMap;
use serde::Serialize;

use super::email::{Email, Server};
use super::error::NotifyError;
use super::http::{header, web_url};
use super::message::{Limits, Message};
use super::slack::Slack;
use super::telegram::Telegram;
use super::webhook::Webhook;
use crate::compose::fill;
use crate::project::{EmailNotify, NotifyConfig, TelegramNotify, WebhookNotify};
use crate::secret::{Secret, is_secret_name, url_password};

/// Where Telegram's bots are.
const TELEGRAM: &str = "https://api.telegram.org";

/// The kinds of channel, by the keys of aictl.yaml.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// A Slack incoming webhook.
    Slack,
    /// A Telegram chat.
    Telegram,
    /// A webhook of the operator's.
    Webhook,
    /// E-mail.
    Email,
}

impl ChannelKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Slack, Self::Telegram, Self::Webhook, Self::Email];

    /// The key of aictl.yaml.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Telegram => "telegram",
            Self::Webhook => "webhook",
            Self::Email => "email",
        }
    }
}

/// A channel that can be written to.
#[derive(Debug, Clone)]
pub enum Channel {
    /// A Slack incoming webhook.
    Slack(Slack),
    /// A Telegram chat.
    Telegram(Telegram),
    /// A webhook of the operator's.
    Webhook(Webhook),
    /// E-mail.
    Email(Box<Email>),
}

impl Channel {
    /// What sending means, without secrets: `post to https://hooks.slack.com`.
    pub fn destination(&self) -> String {
        match self {
            Self::Slack(slack) => slack.destination(),
            Self::Telegram(telegram) => telegram.destination(),
            Self::Webhook(webhook) => webhook.destination(),
            Self::Email(email) => email.destination(),
        }
    }

    /// Sends a message within the limits.
    pub async fn send(&self, message: &Message, limits: &Limits) -> Result<(), NotifyError> {
        match self {
            Self::Slack(slack) => slack.send(message, limits).await,
            Self::Telegram(telegram) => telegram.send(message, limits).await,
            Self::Webhook(webhook) => webhook.send(message, limits).await,
            Self::Email(email) => email.send(message, limits).await,
        }
    }
}

/// A channel of aictl.yaml, or why it cannot be used.
#[derive(Debug, Clone)]
pub struct Configured {
    /// Its kind.
    pub kind: ChannelKind,
    /// The channel.
    pub channel: Result<Channel, NotifyError>,
}

/// The channels, in the order of `ChannelKind::ALL`.
pub fn channels(config: &NotifyConfig, environment: &BTreeMap<String, String>) -> Vec<Configured> {
    let values = Values { environment };
    let of = |kind: ChannelKind| {
        let channel = match kind {
            ChannelKind::Slack => config.slack.as_ref().map(|url| values.slack(url)),
            ChannelKind::Telegram => config.telegram.as_ref().map(|telegram| values.telegram(telegram)),
            ChannelKind::Webhook => config.webhook.as_ref().map(|webhook| values.webhook(webhook)),
            ChannelKind::Email => config.email.as_ref().map(|email| values.email(email)),
        };
        channel.map(|channel| Configured { kind, channel })
    };
    ChannelKind::ALL.into_iter().filter_map(of).collect()
}

/// The secrets of the channels: URLs, tokens, header values, passwords.
pub fn secrets(config: &NotifyConfig, environment: &BTreeMap<String, String>) -> Vec<Secret> {
    let filled = |text: &String| fill(text, environment).ok();
    let webhook = config.webhook.as_ref().map(WebhookNotify::settings).unwrap_or_default();
    let urls = config.slack.iter().chain([&webhook.url]).filter_map(filled);
    let mut secrets: Vec<Secret> = urls.flat_map(|url| url_secrets(&url)).collect();
    let token = config.telegram.iter().map(|telegram| &telegram.token).filter_map(filled);
    // The number before the colon is the bot's public id.
    secrets.extend(token.flat_map(|token| {
        let word = token.split_once(':').map(|(_, word)| Secret::new(word));
        [Some(Secret::new(token)), word].into_iter().flatten()
    }));
    let is_secret = |(name, value): &(&String, &String)| {
        value.contains('$') || is_secret_name(name) || CREDENTIALS.contains(&name.to_ascii_lowercase().as_str())
    };
    let headers = webhook.headers.iter().filter(is_secret).filter_map(|(_, value)| filled(value));
    // `Bearer TOKEN`.
    secrets.extend(headers.flat_map(|value| {
        let word = value.split_whitespace().next_back().map(Secret::new);
        [Some(Secret::new(value)), word].into_iter().flatten()
    }));
    let password = config.email.iter().filter_map(|email| email.password.as_ref());
    secrets.extend(webhook.secret.iter().chain(password).filter_map(filled).map(Secret::new));
    secrets
}

/// Headers that hold credentials.
const CREDENTIALS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// Parts of a URL this long are tokens.
const TOKEN: usize = 16;

/// A URL whose path or query is its password, and the tokens in it; nothing of one that names only a server.
fn url_secrets(url: &str) -> Vec<Secret> {
    let mut secrets = url_password(url);
    let path = url.split_once("://").and_then(|(_, rest)| rest.find(['/', '?']).map(|at| &rest[at..]));
    if let Some(path) = path.filter(|path| path.len() > 1) {
        secrets.push(Secret::new(url));
        let tokens: Vec<&str> = path.split(['/', '?', '=', '&']).filter(|part| part.len() >= TOKEN).collect();
        secrets.extend(tokens.iter().map(|token| Secret::new(*token)));
        secrets.extend(tokens.first().map(|_| Secret::new(path)));
    }
    secrets
}

/// Fills in the values of aictl.yaml.
struct Values<'e> {
    environment: &'e BTreeMap<String, String>,
}

impl Values<'_> {
    /// A value that must not be empty.
    fn value(&self, key: &str, text: &str) -> Result<String, NotifyError> {
        let wrong = |reason: String| NotifyError::Setting { key: key.to_owned(), reason };
        let filled = fill(text, self.environment).map_err(wrong)?;
        if filled.trim().is_empty() { Err(wrong("is empty".to_owned())) } else { Ok(filled.trim().to_owned()) }
    }

    fn slack(&self, url: &str) -> Result<Channel, NotifyError> {
        Ok(Channel::Slack(Slack { url: web_url("slack", &self.value("slack", url)?)? }))
    }

    fn telegram(&self, telegram: &TelegramNotify) -> Result<Channel, NotifyError> {
        let token = self.value("telegram.token", &telegram.token)?;
        let is_token = token.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-'));
        if !is_token {
            let reason = "is not a bot token".to_owned();
            return Err(NotifyError::Setting { key: "telegram.token".to_owned(), reason });
        }
        let server = self.value("telegram.server", telegram.server.as_deref().unwrap_or(TELEGRAM))?;
        let server = server.trim_end_matches('/');
        let url = web_url("telegram.server", &format!("{server}/bot{token}/sendMessage"))?;
        Ok(Channel::Telegram(Telegram { url, chat: self.value("telegram.chat", &telegram.chat)? }))
    }

    fn webhook(&self, webhook: &WebhookNotify) -> Result<Channel, NotifyError> {
        let settings = webhook.settings();
        let key = if matches!(webhook, WebhookNotify::Url(_)) { "webhook" } else { "webhook.url" };
        let url = web_url(key, &self.value(key, &settings.url)?)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.headers {
            let key = format!("webhook.headers.{name}");
            let (name, value) = header(&key, name, &self.value(&key, value)?)?;
            headers.insert(name, value);
        }
        let secret = settings.secret.as_ref().map(|secret| self.value("webhook.secret", secret)).transpose()?;
        Ok(Channel::Webhook(Webhook { url, headers, secret: secret.map(Secret::new) }))
    }

    fn email(&self, email: &EmailNotify) -> Result<Channel, NotifyError> {
        let wrong = |key: &str, reason: &str| NotifyError::Setting { key: key.to_owned(), reason: reason.to_owned() };
        let smtp = self.value("email.smtp", &email.smtp)?;
        let server = Server::parse(&smtp);
        let server = server.ok_or_else(|| wrong("email.smtp", "must be `smtp://HOST:PORT` or `smtps://HOST:PORT`"))?;
        let from = self.value("email.from", &email.from)?;
        let from = from.parse().map_err(|_| wrong("email.from", "is not an e-mail address"))?;
        let to: Vec<String> = email.to.iter().map(|to| self.value("email.to", to)).collect::<Result<_, _>>()?;
        let to = to.join(", ").parse().map_err(|_| wrong("email.to", "takes one or more e-mail addresses"))?;
        let user = email.user.as_ref().map(|user| self.value("email.user", user)).transpose()?;
        let password = email.password.as_ref().map(|word| self.value("email.password", word)).transpose()?;
        let login = user.zip(password.map(Secret::new));
        Ok(Channel::Email(Box::new(Email { server, from, to, login })))
    }
}
