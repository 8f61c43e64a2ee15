//! Detects values that are too common to redact everywhere, such as `admin` or `8080`.

/// Shorter values also occur in ordinary text.
const SHORTEST: usize = 4;
/// Numbers with fewer digits may be ports or counts.
const SHORTEST_NUMBER: usize = 6;

/// Common words that are used as passwords in development files.
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

/// Words for yes, no and nothing; never a secret.
const SWITCHES: &[&str] = &["true", "false", "yes", "no", "on", "off", "null", "none", "enabled", "disabled", "0", "1"];

/// Whether a value is a switch or means nothing.
pub(super) fn is_switch(value: &str) -> bool {
    SWITCHES.contains(&value.trim().to_ascii_lowercase().as_str())
}

/// Whether a value is too common to redact everywhere.
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
