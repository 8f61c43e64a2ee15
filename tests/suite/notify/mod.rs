//! `aictl notify test` against small servers: what each channel gets, what is tried again, and what a failure says.

mod refused;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use aictl::secret::hmac_sha256;
use serde_json::{Value, json};

use crate::engine_target::Authority;
use crate::secret_leaks::Canaries;
use crate::support::http_server::{Answer, HttpServer, OK};
use crate::support::mail_server::MailServer;
use crate::support::project::Outcome;

const SLACK: &str = "/services/T0/B0/canary0slack0webhook";
const HOOK: &str = "/hooks/canary0hook0path0token";
const TOKEN: &str = "123456:canary0telegram0token";
const BEARER: &str = "canary0header0value0xyz";
const SIGNING: &str = "canary0signing0key0value";
const PASSWORD: &str = "canary0mail0password0!";

/// A project folder whose `.env` holds the secrets of all channels.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(notify: &str, slack: &str, hook: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("compose.yaml", "services: { web: { image: x } }\n");
        write("aictl.yaml", &format!("name: shop\nenvironments: {{ prod: {{}} }}\nnotify: {{ {notify} }}\n"));
        write(
            ".env",
            &format!(
                "SLACK={slack}\nHOOK={hook}\nTOKEN={TOKEN}\nBEARER={BEARER}\nSIGNING={SIGNING}\nPASSWORD='{PASSWORD}'\n"
            ),
        );
        Self(folder)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
        command.args(words).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    /// Runs aictl, whose output must hold none of the secrets.
    fn aictl(&self, words: &[&str]) -> Outcome {
        quiet(self.command(words))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn quiet(mut command: Command) -> Outcome {
    let outcome: Outcome = command.output().unwrap().into();
    let canaries = Canaries::of([
        ("slack", SLACK),
        ("slack token", "canary0slack0webhook"),
        ("hook", HOOK),
        ("token", TOKEN),
        ("token word", "canary0telegram0token"),
        ("header", BEARER),
        ("signing key", SIGNING),
        ("password", PASSWORD),
    ]);
    let leaks = canaries.found_in(&outcome.stdout).len() + canaries.found_in(&outcome.stderr).len();
    assert_eq!(leaks, 0, "{}{}", outcome.stdout, outcome.stderr);
    outcome
}

fn json_of(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap()
}

/// All channels: Slack, Telegram and the webhook at these servers, mail at this port.
fn channels(telegram: &HttpServer, mail: u16) -> String {
    let telegram = telegram.url("/");
    format!(
        "slack: '${{SLACK}}', telegram: {{ token: '${{TOKEN}}', chat: -100, server: '{telegram}' }}, \
         webhook: {{ url: '${{HOOK}}', headers: {{ Authorization: 'Bearer ${{BEARER}}', X-Team: blue }}, secret: '${{SIGNING}}' }}, \
         email: {{ smtp: 'smtp://127.0.0.1:{mail}', from: 'Shop <shop@example.com>', to: [a@example.com, b@example.com] }}"
    )
}

#[test]
fn every_channel_gets_a_message_in_its_own_form() {
    let (server, mail) = (HttpServer::open(&[Some((200, "", "{\"ok\":true}"))]), MailServer::open());
    let folder = Folder::new(&channels(&server, mail.port), &server.url(SLACK), &server.url(HOOK));
    let outcome = folder.aictl(&["--output", "json", "notify", "test"]).ended(0);
    let sent = |channel: &Value| (channel["channel"].as_str().unwrap().to_owned(), channel["sent"] == true);
    let sent: Vec<_> = json_of(&outcome)["channels"].as_array().unwrap().iter().map(sent).collect();
    assert_eq!(sent, ["slack", "telegram", "webhook", "email"].map(|name| (name.to_owned(), true)));
    let requests = server.requests();
    let to = |path: &str| requests.iter().find(|request| request.path == path).unwrap();
    assert_eq!(requests.len(), 3);
    let subject = "shop (prod): test message";
    // https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    let slack = to(SLACK).json();
    assert_eq!(slack["blocks"][0]["type"], "section");
    assert_eq!(slack["blocks"][0]["text"]["type"], "plain_text");
    for text in [&slack["text"], &slack["blocks"][0]["text"]["text"]] {
        assert!(text.as_str().unwrap().starts_with(subject), "{slack}");
    }
    // https://core.telegram.org/bots/api#sendmessage
    let telegram = to(&format!("/bot{TOKEN}/sendMessage")).json();
    assert_eq!(telegram["chat_id"], "-100");
    assert!(telegram["text"].as_str().unwrap().starts_with(subject) && telegram.get("parse_mode").is_none());
    let hook = to(HOOK);
    let event = hook.json();
    assert_eq!([&event["event"], &event["project"], &event["environment"]], ["test", "shop", "prod"]);
    assert_eq!(hook.header("authorization"), Some(format!("Bearer {BEARER}").as_str()));
    assert_eq!([hook.header("x-team"), hook.header("x-aictl-event")], [Some("blue"), Some("test")]);
    assert_eq!(hook.header("content-type"), Some("application/json"));
    let signature = hex::encode(hmac_sha256(SIGNING.as_bytes(), hook.body.as_bytes()));
    assert_eq!(hook.header("x-aictl-signature-256"), Some(format!("sha256={signature}").as_str()));
    let lines = mail.lines();
    let said = |line: &str| lines.iter().filter(|said| said.as_str() == line).count();
    assert_eq!(said("MAIL FROM:<shop@example.com>"), 1, "{lines:#?}");
    assert_eq!(said("RCPT TO:<a@example.com>") + said("RCPT TO:<b@example.com>"), 2);
    assert_eq!(said(&format!("Subject: {subject}")), 1);
    assert!(lines.iter().any(|line| line.starts_with("Date: ")) && !lines.iter().any(|line| line.starts_with("AUTH")));
}

#[test]
fn a_server_that_is_busy_or_broken_is_tried_again_after_the_pause_it_asks_for() {
    let busy = HttpServer::open(&[Some((429, "retry-after: 1\r\n", "rate_limited")), OK]);
    let wait = r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":1}}"#;
    let telegram = HttpServer::open(&[Some((429, "", wait)), Some((200, "", "{\"ok\":true}"))]);
    let broken = HttpServer::open(&[Some((503, "", "")), OK]);
    let mail = MailServer::open();
    let folder = Folder::new(&channels(&telegram, mail.port), &busy.url(SLACK), &broken.url(HOOK));
    folder.aictl(&["notify", "test", "slack", "telegram", "webhook"]).ended(0);
    assert_eq!([busy.requests().len(), telegram.requests().len(), broken.requests().len()], [2, 2, 2]);
    assert_eq!(broken.requests()[0].body, broken.requests()[1].body);
    assert!(mail.lines().is_empty());
}

#[test]
fn a_channel_that_fails_says_why_without_its_secrets_and_the_others_get_the_message() {
    let good = HttpServer::open(&[OK]);
    let free = crate::support::project::free_port();
    let slack = |answer: Answer, options: &[&str]| {
        let (server, mail) = (HttpServer::open(&[answer]), MailServer::open());
        let folder = Folder::new(&channels(&good, mail.port), &server.url(SLACK), &good.url(HOOK));
        let words = [options, &["notify", "test"]].concat();
        let outcome = folder.aictl(&words).ended(1);
        assert_eq!(outcome.stdout.matches(": sent").count(), 3, "{}", outcome.stdout);
        let line = outcome.stdout.lines().find(|line| line.starts_with("slack: ")).unwrap();
        (line.replace(&server.url(""), "URL"), server.requests().len())
    };
    for (answer, options, said, requests) in [
        (
            Some((404, "", "no_service at PATH\nmore")),
            &[][..],
            "slack: not sent: URL answered 404 Not Found: no_service at [redacted]",
            1,
        ),
        // A redirect would carry the message elsewhere.
        (Some((302, "location: http://localhost:9/\r\n", "")), &[], "slack: not sent: URL answered 302 Found", 1),
        (
            Some((429, "retry-after: 18446744073709551615\r\n", "BODY")),
            &[],
            "slack: not sent: URL answered 429 Too Many Requests: ",
            1,
        ),
        (
            Some((500, "", "")),
            &["--timeout", "2s"],
            "slack: not sent: URL answered 500 Internal Server Error, retry after 2.0s",
            2,
        ),
        (None, &["--timeout", "1s"], "slack: not sent: URL did not answer within 1.0s", 1),
    ] {
        let (line, count) = slack(answer, options);
        assert!(line.starts_with(said), "{line}");
        assert_eq!(count, requests, "{line}");
    }
    let gone = format!("http://127.0.0.1:{free}");
    let folder = Folder::new(&channels(&good, free), &format!("{gone}{SLACK}"), "");
    let outcome = folder.aictl(&["notify", "test"]).ended(1);
    let refused = "Connection refused (os error 111)";
    assert_eq!(
        outcome.stdout,
        format!(
            "slack: not sent: cannot send to {gone}: {refused}\ntelegram: sent\n\
             webhook: not sent: notify.webhook.url: is empty\n\
             email: not sent: cannot send to smtp://127.0.0.1:{free}: {refused}\n"
        )
    );
}

#[test]
fn a_server_must_prove_its_name_and_a_password_is_sent_over_tls_only() {
    let authority = Authority::new();
    let server = HttpServer::open_tls(&[OK], &authority);
    let (mail, wrong) = (
        MailServer::open_tls(&authority, "235 welcome"),
        MailServer::open_tls(&authority, "535 5.7.8 authentication failed"),
    );
    let plain = MailServer::open();
    let email = |server: &str| {
        format!(
            "slack: '${{SLACK}}', email: {{ smtp: '{server}', from: a@example.com, to: b@example.com, user: ann, password: '${{PASSWORD}}' }}"
        )
    };
    let run = |smtp: &str, trusted: bool| {
        let folder = Folder::new(&email(smtp), &server.url(SLACK), "");
        std::fs::write(folder.file("ca.pem"), authority.pem()).unwrap();
        let mut command = folder.command(&["notify", "test"]);
        if trusted {
            command.env("SSL_CERT_FILE", folder.file("ca.pem"));
        }
        quiet(command)
    };
    let right = format!("smtps://localhost:{}", mail.port);
    assert_eq!(run(&right, true).ended(0).stdout, "slack: sent\nemail: sent\n");
    use base64::Engine as _;
    let login = base64::engine::general_purpose::STANDARD.encode(format!("\0ann\0{PASSWORD}"));
    assert!(mail.lines().contains(&format!("AUTH PLAIN {login}")), "{:?}", mail.lines());
    let outcome = run(&right, false).ended(1);
    assert_eq!(outcome.stdout.matches("invalid peer certificate: UnknownIssuer").count(), 2, "{}", outcome.stdout);
    assert_eq!(server.requests().len(), 1);
    let wrong = format!("smtps://localhost:{}", wrong.port);
    let outcome = run(&wrong, true).ended(1);
    assert!(
        outcome.stdout.contains(&format!("{wrong} answered 535: 5.7.8 authentication failed")),
        "{}",
        outcome.stdout
    );
    run(&format!("smtp://localhost:{}", plain.port), true).ended(1);
    assert!(!plain.lines().is_empty() && !plain.lines().iter().any(|line| line.starts_with("AUTH")));
}

#[test]
fn a_dry_run_shows_the_message_and_sends_nothing() {
    let (server, mail) = (HttpServer::open(&[OK]), MailServer::open());
    let folder = Folder::new(&channels(&server, mail.port), &server.url(SLACK), &server.url(HOOK));
    let outcome = folder.aictl(&["--dry-run", "notify", "test"]).ended(0);
    let (origin, mail_port) = (server.url(""), mail.port);
    let said = format!(
        "slack: would post to {origin}\ntelegram: would send to chat -100 through {origin}\n\
         webhook: would post to {origin}, with header authorization, x-team, signed\n\
         email: would send from Shop <shop@example.com> to a@example.com, b@example.com through smtp://127.0.0.1:{mail_port}\n\
         results are sent on: always\n\nshop (prod): test message\n"
    );
    assert!(outcome.stdout.replace("\"", "").starts_with(&said), "{}", outcome.stdout);
    let outcome = folder.aictl(&["--dry-run", "--output", "json", "notify", "test", "slack"]).ended(0);
    let json = json_of(&outcome);
    assert_eq!(
        json["channels"],
        json!([{ "channel": "slack", "destination": format!("post to {origin}"), "sent": false }])
    );
    assert!(server.requests().is_empty() && mail.lines().is_empty());
}
