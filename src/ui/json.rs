//! The reporter for programs: one JSON object a line for every event.
//! Reads events, writes objects whose field `event` says which one it is.
//! Never leaves an event out.

use std::sync::Arc;

use serde_json::{Value, json};

use super::screen::Screen;
use crate::event::{Event, Reporter};
use crate::secret::Redactor;

/// JSON lines.
pub(super) struct Json {
    screen: Arc<Screen>,
    redactor: Arc<Redactor>,
}

impl Json {
    pub(super) fn new(screen: Arc<Screen>, redactor: Arc<Redactor>) -> Self {
        Self { screen, redactor }
    }
}

impl Reporter for Json {
    fn report(&self, event: Event) {
        self.screen.write(&format!("{}\n", self.redactor.redact_json(&object(&event))));
    }
}

fn object(event: &Event) -> Value {
    match event {
        Event::StepStarted { key, verb, subject, cause } => {
            json!({ "event": "step-started", "step": key, "verb": verb, "subject": subject, "cause": cause })
        }
        Event::StepProgressed { key, message, done, total } => {
            json!({ "event": "step-progressed", "step": key, "message": message, "done": done, "total": total })
        }
        Event::StepOutput { key, line } => json!({ "event": "step-output", "step": key, "line": line }),
        Event::StepFinished { key, verb, subject, detail, took } => json!({
            "event": "step-finished", "step": key, "verb": verb, "subject": subject, "detail": detail,
            "seconds": took.as_secs_f64(),
        }),
        Event::StepFailed { key, verb, subject, message, took } => json!({
            "event": "step-failed", "step": key, "verb": verb, "subject": subject, "message": message,
            "seconds": took.as_secs_f64(),
        }),
        Event::StepDropped { key } => json!({ "event": "step-dropped", "step": key }),
        Event::Warning { message, hint } => json!({ "event": "warning", "message": message, "hint": hint }),
        Event::Note { message } => json!({ "event": "note", "message": message }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ui::screen::tests::Memory;

    #[test]
    fn every_event_is_one_line_of_json() {
        let memory = Memory::default();
        let json = Json::new(Arc::new(Screen::new(Box::new(memory.clone()))), Arc::default());
        let subject = || "image web".to_owned();
        json.report(Event::StepStarted { key: 3, verb: "pull", subject: subject(), cause: "missing".into() });
        json.report(Event::StepProgressed { key: 3, message: "layer".into(), done: Some(1), total: None });
        json.report(Event::StepOutput { key: 3, line: "a\"b".into() });
        let took = Duration::from_millis(1500);
        json.report(Event::StepFinished { key: 3, verb: "Pulled", subject: subject(), detail: None, took });
        json.report(Event::Warning { message: "careful".into(), hint: Some("run `aictl status`".into()) });
        insta::assert_snapshot!(memory.text(), @r#"
        {"event":"step-started","step":3,"verb":"pull","subject":"image web","cause":"missing"}
        {"event":"step-progressed","step":3,"message":"layer","done":1,"total":null}
        {"event":"step-output","step":3,"line":"a\"b"}
        {"event":"step-finished","step":3,"verb":"Pulled","subject":"image web","detail":null,"seconds":1.5}
        {"event":"warning","message":"careful","hint":"run `aictl status`"}
        "#);
    }
}
