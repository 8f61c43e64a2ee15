//! `aictl notify test`: sends a test message to the channels of aictl.yaml.

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::error::{ErrorKind, Result, nearest};
use crate::notify::{ChannelKind, Message};
use crate::project::NotifyOn;
use crate::session::load::load_or_name;
use crate::session::notify::{Notifier, event, operator, subject};
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::{Context, WorkflowError};

/// Send messages to the channels of aictl.yaml
///
/// Results of deploys and rollbacks are sent to the channels under `notify` in aictl.yaml: slack, telegram, webhook, email.
#[derive(Debug, Clone, Args)]
pub struct NotifyArgs {
    /// Action
    #[command(subcommand)]
    pub action: NotifyAction,
}

/// The actions of `notify`.
#[derive(Debug, Clone, Subcommand)]
pub enum NotifyAction {
    /// Send a test message
    ///
    /// Exits with 1 if a channel did not take it. With --dry-run the message and its recipients are shown and nothing is sent.
    Test {
        /// Only these channels: slack, telegram, webhook, email
        channels: Vec<String>,
    },
}

/// What became of the test message.
#[derive(Debug, Serialize)]
pub struct NotifyReport {
    dry_run: bool,
    /// Results of deploys and rollbacks that are sent.
    on: NotifyOn,
    /// The text of the message.
    message: String,
    channels: Vec<ChannelResult>,
}

/// What became of it on one channel.
#[derive(Debug, Serialize)]
struct ChannelResult {
    channel: ChannelKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<String>,
    sent: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Sends the test message.
pub async fn run(context: &Context, args: NotifyArgs) -> Result<NotifyReport> {
    let NotifyAction::Test { channels } = args.action;
    let loaded = load_or_name(context, "name the project: `aictl -p NAME notify test`")?;
    let notifier = Notifier::load(context, &loaded).ok_or_else(none_configured)?;
    let kinds = chosen(&notifier, &channels)?;
    let message = Message {
        subject: subject(&loaded, "test message"),
        facts: vec![format!("by {}", operator(context))],
        error: Vec::new(),
        event: event(context, &loaded, "test").into(),
    };
    let message = notifier.redacted(&message);
    let mut results: Vec<ChannelResult> = Vec::new();
    for configured in notifier.channels.iter().filter(|configured| kinds.contains(&configured.kind)) {
        let destination = configured.channel.as_ref().ok().map(|channel| notifier.shown(&channel.destination()));
        let error = configured.channel.as_ref().err().map(|error| notifier.shown(&error.to_string()));
        results.push(ChannelResult { channel: configured.kind, destination, sent: false, error });
    }
    if !context.options.dry_run {
        let deliveries = notifier.send(&message, &kinds).await;
        if *context.interrupt.borrow() {
            return Err(WorkflowError::Interrupted.into());
        }
        for (result, delivery) in results.iter_mut().zip(deliveries) {
            (result.sent, result.error) = (delivery.result.is_ok(), delivery.result.err());
        }
    }
    let (dry_run, on) = (context.options.dry_run, notifier.on);
    Ok(NotifyReport { dry_run, on, message: message.text(), channels: results })
}

/// The channels that are named; all of them where none is.
fn chosen(notifier: &Notifier<'_>, named: &[String]) -> Result<Vec<ChannelKind>> {
    let kinds: Vec<ChannelKind> = notifier.channels.iter().map(|configured| configured.kind).collect();
    let known = || kinds.iter().map(|kind| kind.name());
    if let Some(name) = named.iter().find(|name| !known().any(|known| known == name.as_str())) {
        let nearest = nearest(name, known()).map(str::to_owned);
        let known = known().map(str::to_owned).collect();
        return Err(WorkflowError::NoChannel { name: name.clone(), nearest, known }.into());
    }
    let is_named = |kind: &ChannelKind| named.is_empty() || named.iter().any(|name| name == kind.name());
    Ok(kinds.into_iter().filter(is_named).collect())
}

fn none_configured() -> WorkflowError {
    let hint = "add a channel to aictl.yaml, such as `notify: { slack: \"${SLACK_WEBHOOK}\" }`".to_owned();
    WorkflowError::Configuration { message: "no channels are configured".to_owned(), hint: Some(hint) }
}

impl ChannelResult {
    fn line(&self, dry_run: bool) -> Vec<Cell> {
        let (words, tone) = match (&self.error, &self.destination) {
            (Some(error), _) => (format!("not sent: {error}"), Tone::Bad),
            (None, Some(destination)) if dry_run => (format!("would {destination}"), Tone::Plain),
            (None, _) => ("sent".to_owned(), Tone::Good),
        };
        vec![format!("{}: ", self.channel.name()).into(), Cell::new(words, tone)]
    }
}

impl Report for NotifyReport {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> =
            self.channels.iter().map(|channel| Block::Line(channel.line(self.dry_run))).collect();
        if self.dry_run {
            blocks.push(Block::Line(vec![format!("results are sent on: {}", self.on.name()).into()]));
            blocks.push(Block::Gap);
            blocks.extend(self.message.lines().map(|line| Block::Line(vec![line.into()])));
        }
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    fn exit_code(&self) -> u8 {
        let failed = self.channels.iter().any(|channel| channel.error.is_some());
        if failed { ErrorKind::Failed.exit_code() } else { 0 }
    }
}
