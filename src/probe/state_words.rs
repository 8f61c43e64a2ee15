//! Text for the state of a container.

use crate::plan::{InstanceState, ObservedInstance, restarts_in_words};

/// The state in words: `exited with 3`, `running, unhealthy: …`.
pub(super) fn described(container: &ObservedInstance) -> String {
    let mut words = match (container.state, container.exit_code) {
        (InstanceState::Exited | InstanceState::Dead, Some(code)) => format!("exited with {code}"),
        (InstanceState::Restarting, _) if container.restarts > 0 => {
            format!("restarting, {}", restarts_in_words(container))
        }
        (state, _) => state.word().to_owned(),
    };
    if container.oom_killed {
        words.push_str(", out of memory");
    }
    if let Some(error) = container.error.as_ref().filter(|error| !error.is_empty()) {
        words.push_str(&format!(": {error}"));
    }
    words
}
