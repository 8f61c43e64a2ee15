//! E-mail by SMTP: TLS from the start, or STARTTLS, which a password needs.

use lettre::message::{Mailbox, Mailboxes, Message as Mail, header};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use tokio::time::timeout;

use super::error::NotifyError;
use super::message::{Limits, Message};
use crate::secret::Secret;

/// Ports where none is named.
const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;

/// A mail server, sender and recipients.
#[derive(Debug, Clone)]
pub struct Email {
    pub(super) server: Server,
    pub(super) from: Mailbox,
    pub(super) to: Mailboxes,
    pub(super) login: Option<(String, Secret)>,
}

/// A mail server.
#[derive(Debug, Clone)]
pub(super) struct Server {
    host: String,
    port: u16,
    /// TLS from the start.
    implicit: bool,
}

impl Server {
    /// `smtp://HOST:PORT` or `smtps://HOST:PORT`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once("://")?;
        let implicit = match scheme {
            "smtp" => false,
            "smtps" => true,
            _ => return None,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()?),
            _ => (rest, if implicit { SUBMISSIONS } else { SUBMISSION }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        (!host.is_empty() && host.chars().all(legal)).then(|| Self { host: host.to_owned(), port, implicit })
    }

    fn words(&self) -> String {
        format!("{}://{}:{}", if self.implicit { "smtps" } else { "smtp" }, self.host, self.port)
    }
}

impl Email {
    pub(super) fn destination(&self) -> String {
        let user = self.login.as_ref().map(|(user, _)| format!(" as user {user}")).unwrap_or_default();
        format!("send from {} to {} through {}{user}", self.from, self.to, self.server.words())
    }

    pub(super) async fn send(&self, message: &Message, limits: &Limits) -> Result<(), NotifyError> {
        let server = self.server.words();
        let broken = |reason: String| NotifyError::Connection { server: server.clone(), reason };
        let mail = self.mail(message).map_err(|error| broken(error.to_string()))?;
        let transport = self.transport(limits).map_err(|error| broken(error.to_string()))?;
        let most = limits.attempt.min(limits.total);
        match timeout(most, transport.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.is_timeout() => Err(NotifyError::Silent { server, after: most }),
            Ok(Err(error)) => Err(refused(server, &error)),
            Err(_) => Err(NotifyError::Silent { server, after: most }),
        }
    }

    fn mail(&self, message: &Message) -> Result<Mail, lettre::error::Error> {
        let builder = Mail::builder().from(self.from.clone()).mailbox(header::To::from(self.to.clone()));
        let builder = builder.subject(message.subject.clone()).message_id(None);
        builder.header(header::ContentType::TEXT_PLAIN).body(message.body())
    }

    fn transport(&self, limits: &Limits) -> Result<AsyncSmtpTransport<Tokio1Executor>, Error> {
        let Server { host, port, implicit } = &self.server;
        let parameters = TlsParameters::new_rustls(host.clone())?;
        let tls = match (implicit, &self.login) {
            (true, _) => Tls::Wrapper(parameters),
            (false, Some(_)) => Tls::Required(parameters),
            (false, None) => Tls::Opportunistic(parameters),
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.clone());
        let builder = builder.port(*port).tls(tls).timeout(Some(limits.attempt));
        let login = self.login.as_ref().map(|(user, word)| Credentials::new(user.clone(), word.expose().to_owned()));
        Ok(login.into_iter().fold(builder, |builder, login| builder.credentials(login)).build())
    }
}

/// What the server said, or why the connection broke.
fn refused(server: String, error: &Error) -> NotifyError {
    let source = std::error::Error::source(error).map(ToString::to_string);
    match (error.status(), source) {
        (Some(code), reason) => {
            let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            NotifyError::Refused { server, answer: format!("{code}{reason}") }
        }
        (None, reason) => NotifyError::Connection { server, reason: reason.unwrap_or_else(|| error.to_string()) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_is_read() {
        for (text, words) in [
            ("smtp://mail", Some("smtp://mail:587")),
            ("smtps://mail.example.com/", Some("smtps://mail.example.com:465")),
            ("smtp://127.0.0.1:25", Some("smtp://127.0.0.1:25")),
            ("smtp://[::1]:25", Some("smtp://::1:25")),
            ("mail:25", None),
            ("smtp://u:p@mail", None),
            ("smtp://mail:x", None),
            ("smtp://", None),
        ] {
            assert_eq!(Server::parse(text).map(|server| server.words()).as_deref(), words, "{text}");
        }
    }
}
