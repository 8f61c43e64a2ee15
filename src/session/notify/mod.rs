//! Sends messages to the channels of aictl.yaml, without secrets and within a deadline.
//! A channel that fails is a warning and never changes the exit code.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Map, Value};

use crate::compose::load_environment;
use crate::input_file::LocalFiles;
use crate::notify::{ChannelKind, Configured, Limits, Message, channels, secrets};
use crate::project::{LoadedProject, NotifyConfig, NotifyOn};
use crate::session::Context;
use crate::session::load::{LoadedStack, own_args};

/// Time that remains after Ctrl-C: the operator waits for the prompt.
const AFTER_INTERRUPT: Duration = Duration::from_secs(5);

/// Sending is mentioned after this long.
const SILENCE: Duration = Duration::from_secs(2);

/// Bytes of a failure that are shown.
const LONGEST_REASON: usize = 400;

/// The channels of a project.
pub struct Notifier<'a> {
    context: &'a Context,
    /// Results that are sent.
    pub on: NotifyOn,
    /// The channels.
    pub channels: Vec<Configured>,
}

/// What became of a message.
pub struct Delivery {
    /// The channel.
    pub kind: ChannelKind,
    /// Why it was not sent, without secrets.
    pub result: Result<(), String>,
}

impl<'a> Notifier<'a> {
    /// The channels of the project; none where it has none.
    pub fn load(context: &'a Context, loaded: &LoadedStack) -> Option<Self> {
        let config = config(&loaded.project)?;
        let environment = match &loaded.stack {
            Some(stack) => stack.environment.clone(),
            None => environment(context, &loaded.project),
        };
        context.redactor.learn(&secrets(config, &environment));
        let channels = channels(config, &environment);
        Some(Self { context, on: config.on.unwrap_or_default(), channels })
    }

    /// The channels that take the result of a change; a warning for each that cannot be used. None for a dry run.
    pub fn of(context: &'a Context, loaded: &LoadedStack) -> Option<Self> {
        let mut notifier = Self::load(context, loaded).filter(|_| !context.options.dry_run)?;
        notifier.channels.retain(|configured| {
            let fault = configured.channel.as_ref().err();
            fault.iter().for_each(|fault| notifier.context.reporter.warn(not_sent(configured.kind, fault)));
            fault.is_none()
        });
        Some(notifier)
    }

    /// Sends the result of a change to the channels that want to know it.
    pub async fn announce(&self, message: &Message, well: bool) {
        let wanted = match self.on {
            NotifyOn::Always => true,
            NotifyOn::Success => well,
            NotifyOn::Failure => !well,
        };
        if !wanted {
            return;
        }
        let kinds: Vec<ChannelKind> = self.channels.iter().map(|configured| configured.kind).collect();
        for Delivery { kind, result } in self.send(message, &kinds).await {
            if let Err(reason) = result {
                self.context.reporter.warn(not_sent(kind, &reason));
            }
        }
    }

    /// Sends a message to these channels at once; the first Ctrl-C ends it.
    pub async fn send(&self, message: &Message, kinds: &[ChannelKind]) -> Vec<Delivery> {
        let message = self.redacted(message);
        let limits = self.limits();
        let chosen = self.channels.iter().filter(|configured| kinds.contains(&configured.kind));
        let sent = chosen.map(|configured| async {
            let result = match &configured.channel {
                Ok(channel) => tokio::select! {
                    sent = channel.send(&message, &limits) => sent.map_err(|error| error.to_string()),
                    () = self.interrupted() => Err("interrupted".to_owned()),
                },
                Err(error) => Err(error.to_string()),
            };
            Delivery { kind: configured.kind, result: result.map_err(|reason| self.shown(&reason)) }
        });
        let sending = join_all(sent);
        tokio::pin!(sending);
        tokio::select! {
            deliveries = &mut sending => return deliveries,
            () = tokio::time::sleep(SILENCE) => {}
        }
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        self.context.reporter.note(format!("sending notifications: {}", names.join(", ")));
        sending.await
    }

    /// The message as it is sent: without secrets.
    pub fn redacted(&self, message: &Message) -> Message {
        let redacted = |text: &String| self.context.redactor.redact(text).into_owned();
        Message {
            subject: redacted(&message.subject),
            facts: message.facts.iter().map(redacted).collect(),
            error: message.error.iter().map(redacted).collect(),
            event: self.context.redactor.redact_json(&message.event),
        }
    }

    /// A text for the terminal, without secrets and not too long.
    pub fn shown(&self, text: &str) -> String {
        self.context.redactor.redact_beginning(text, LONGEST_REASON)
    }

    fn limits(&self) -> Limits {
        let limits = self.context.options.timeout.map_or(Limits::default(), |total| Limits::default().within(total));
        if *self.context.interrupt.borrow() { limits.within(AFTER_INTERRUPT) } else { limits }
    }

    /// Ends at the first Ctrl-C from now on.
    async fn interrupted(&self) {
        if *self.context.interrupt.borrow() {
            std::future::pending::<()>().await;
        }
        self.context.interrupted().await;
    }
}

fn not_sent(kind: ChannelKind, reason: &dyn std::fmt::Display) -> String {
    format!("the result was not sent to {}: {reason}", kind.name())
}

/// The channels in the project file.
pub fn config(project: &LoadedProject) -> Option<&NotifyConfig> {
    project.project.as_ref()?.notify.as_ref().filter(|notify| notify.has_channel())
}

/// The variables of the project; those of the process alone where its files cannot be read.
fn environment(context: &Context, project: &LoadedProject) -> BTreeMap<String, String> {
    let args = own_args(context, project).ok();
    let loaded = args.and_then(|args| load_environment(&args, &LocalFiles).ok());
    loaded.unwrap_or_else(|| context.variables.clone())
}

/// What every event has: what happened, where, who did it, and when.
pub fn event(context: &Context, loaded: &LoadedStack, name: &str) -> Map<String, Value> {
    let of = |(key, value): (&str, Value)| (key.to_owned(), value);
    let environment = loaded.project.environment_name.clone();
    Map::from_iter([
        of(("event", name.into())),
        of(("project", loaded.name.clone().into())),
        of(("environment", environment.map_or(Value::Null, Value::from))),
        of(("user", context.owner.user.clone().into())),
        of(("host", context.owner.host.clone().into())),
        of(("time", (context.now)().into())),
    ])
}

/// `shop (prod): deploy succeeded`.
pub fn subject(loaded: &LoadedStack, words: &str) -> String {
    match &loaded.project.environment_name {
        Some(environment) => format!("{} ({environment}): {words}", loaded.name),
        None => format!("{}: {words}", loaded.name),
    }
}

/// `ann on build-1`.
pub fn operator(context: &Context) -> String {
    format!("{} on {}", context.owner.user, context.owner.host)
}
