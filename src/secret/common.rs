//! Which values are everybody's words: to strike them wherever they stand would say more than it hides.
//! Reads one value; returns whether it can be told from ordinary text.
//! Never looks at the text it stands in.

/// Shorter values would strike innocent text.
const SHORTEST: usize = 4;
/// Digits alone are ports and counts until they are this many.
const SHORTEST_NUMBER: usize = 6;

/// Words that are somebody's password in a development file and everybody's word in a message, ours among them.
#[rustfmt::skip]
const COMMON: &[&str] = &[
    "aborted", "absent", "admin", "administrator", "app", "backend", "build", "canceled", "cancelled", "cause",
    "changeme", "check", "checks", "compose", "config", "configs", "container", "containers", "created", "database",
    "dead", "default", "detail", "dev", "development", "disabled", "done", "down", "elastic", "enabled", "engine",
    "environment", "errors", "example", "exited", "failed", "false", "file", "files", "finding", "findings",
    "frontend", "grafana", "green", "guest", "health", "healthy", "hello", "hint", "host", "http", "https", "image",
    "images", "info", "kind", "latest", "local", "localhost", "lock", "main", "minio", "mongo", "mysql", "name",
    "network", "networks", "nginx", "none", "null", "operation", "password", "paused", "pending", "plan", "ports",
    "postgres", "postgresql", "prod", "production", "project", "public", "pull", "pulled", "qdrant", "rabbitmq",
    "ready", "reason", "redis", "release", "removed", "required", "restart", "restarting", "result", "root",
    "running", "secret", "secrets", "service", "services", "skipped", "source", "staging", "start", "started",
    "starting", "state", "status", "step", "steps", "stop", "stopped", "string", "subject", "target", "test",
    "testing", "token", "true", "unhealthy", "update", "updated", "user", "username", "value", "verb", "version",
    "volume", "volumes", "wait", "waiting", "warning", "warnings", "worker",
];

/// Words for yes, no and nothing: no secret anywhere.
const SWITCHES: &[&str] = &["true", "false", "yes", "no", "on", "off", "null", "none", "enabled", "disabled", "0", "1"];

/// Whether a value switches something, or says nothing.
pub(super) fn is_switch(value: &str) -> bool {
    SWITCHES.contains(&value.trim().to_ascii_lowercase().as_str())
}

/// Whether striking this value from text says more than it hides.
pub(super) fn is_telling(value: &str) -> bool {
    let trimmed = value.trim();
    if trimmed.chars().count() < SHORTEST {
        return false;
    }
    if trimmed.bytes().all(|b| b.is_ascii_digit()) && trimmed.len() < SHORTEST_NUMBER {
        return false;
    }
    COMMON.binary_search(&trimmed.to_ascii_lowercase().as_str()).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_common_words_is_sorted_for_the_search() {
        assert!(COMMON.is_sorted());
    }
}
