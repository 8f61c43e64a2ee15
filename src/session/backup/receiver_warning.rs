//! Says which services' WAL is not received, although aictl.yaml wants it.

use super::receiver::not_receiving;
use crate::event::Event;
use crate::plan::Observed;
use crate::session::Context;
use crate::session::load::{LoadedStack, load_stack};

/// Warns of receivers that do not run; the server keeps the WAL for them up to its limit only.
pub fn warn_not_receiving(context: &Context, loaded: &LoadedStack, observed: &Observed) {
    let policy = loaded.project.project.as_ref().and_then(|file| file.backup.as_ref());
    let (Some(policy), Some(stack)) = (policy, &loaded.stack) else { return };
    for service in not_receiving(stack, observed, policy) {
        let message = format!("the WAL of {service} is not received: later times cannot be restored");
        let hint = Some("start the receiver with `aictl backup create`".to_owned());
        context.reporter.report(Event::Warning { message, hint });
    }
}

/// The same of the project, where it can be looked at.
pub async fn warn_not_receiving_of_project(context: &Context) {
    let Ok(loaded) = load_stack(context) else { return };
    let physical = |policy: &crate::project::BackupPolicy| policy.include.values().any(|data| data.physical);
    if !loaded.project.project.as_ref().and_then(|file| file.backup.as_ref()).is_some_and(physical) {
        return;
    }
    let Ok(target) = loaded.connect(context).await else { return };
    if let Ok(observed) = target.observe(&loaded.scope(None)).await {
        warn_not_receiving(context, &loaded, &observed);
    }
}
