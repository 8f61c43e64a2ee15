//! The message about the result of a deploy or rollback.

use std::time::Duration;

use serde_json::json;

use super::Shipment;
use crate::error::{Error, ErrorKind};
use crate::event::human;
use crate::execute::ExecuteError;
use crate::notify::Message;
use crate::release::ReleaseCause;
use crate::session::Context;
use crate::session::load::LoadedStack;
use crate::session::notify::{event, operator, subject};

/// A deploy or rollback that ended.
pub(super) struct ShipResult<'a> {
    pub(super) shipment: &'a Shipment,
    pub(super) error: Option<&'a Error>,
    pub(super) revision: u32,
    /// The revision that served before.
    pub(super) was: Option<u32>,
    pub(super) took: Duration,
}

impl ShipResult<'_> {
    /// The message.
    pub(super) fn message(&self, context: &Context, loaded: &LoadedStack) -> Message {
        let operation = self.shipment.operation;
        let (result, words) = self.result();
        let show = context.options.addressed(&format!("see `aictl show {}`", self.revision));
        let mut facts = vec![self.releases()];
        facts.extend(self.serves().map(str::to_owned));
        facts.extend(self.shipment.message.as_ref().map(|message| format!("message: {message}")));
        facts.push(format!("by {}, took {}", operator(context), human::duration(self.took)));
        facts.push(show);
        let messages = self.error.map(Error::messages).unwrap_or_default();
        let mut event = event(context, loaded, operation);
        let mut add = |key: &str, value: serde_json::Value| event.insert(key.to_owned(), value);
        add("result", result.into());
        add("release", self.revision.into());
        add("was", json!(self.was));
        add("restored", json!(self.restored()));
        add("message", json!(self.shipment.message));
        add("seconds", json!((self.took.as_secs_f64() * 10.0).round() / 10.0));
        add("error", self.error.map_or(json!(null), |error| json!({ "kind": error.kind(), "messages": messages })));
        Message {
            subject: subject(loaded, &format!("{operation} {words}")),
            facts,
            error: error_lines(&messages),
            event: event.into(),
        }
    }

    /// The result as a word and in words.
    fn result(&self) -> (&'static str, &'static str) {
        let Some(error) = self.error else { return ("succeeded", "succeeded") };
        match error.downcast_ref::<ExecuteError>() {
            Some(ExecuteError::Baking) => ("baking", "was interrupted during the bake"),
            _ if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Terminated) => {
                ("interrupted", "was interrupted")
            }
            _ => ("failed", "failed"),
        }
    }

    /// What serves after a failure, where that is known.
    fn serves(&self) -> Option<&'static str> {
        let error = self.error?;
        match (error.kind(), error.downcast_ref::<ExecuteError>(), self.was) {
            (_, Some(ExecuteError::Baking), _) => Some("the new release serves and the old one is kept"),
            (ErrorKind::DeployFailed, _, Some(_)) => Some("the previous release still serves"),
            (ErrorKind::DeployFailed, _, None) => Some("what ran before is still running"),
            _ => None,
        }
    }

    fn restored(&self) -> Option<u32> {
        match self.shipment.cause {
            ReleaseCause::Deploy | ReleaseCause::Rotate => None,
            ReleaseCause::Rollback { to } => Some(to),
        }
    }

    fn releases(&self) -> String {
        match (self.restored(), self.was) {
            (Some(to), _) => format!("release {}, same as {to}", self.revision),
            (None, Some(was)) => format!("release {}, was {was}", self.revision),
            (None, None) => format!("release {}", self.revision),
        }
    }
}

/// The first line of each cause, the outermost first.
fn error_lines(messages: &[String]) -> Vec<String> {
    let first = messages.iter().filter_map(|message| message.lines().next());
    let words = ["error"].into_iter().chain(std::iter::repeat("caused by"));
    first.zip(words).map(|(line, word)| format!("{word}: {line}")).collect()
}
