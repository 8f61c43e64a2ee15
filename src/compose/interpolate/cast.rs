//! Texts that must be numbers or booleans at their place.
//! Reads a path and a text, returns the typed value.
//! Never casts where Compose does not: there the schema refuses the text.

use crate::compose::value::Value;

/// What a text must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cast {
    Integer,
    Float,
    Float32,
    Boolean,
}

/// The cast that applies at a path; list items are `[]`.
pub(super) fn at(path: &[&str]) -> Option<Cast> {
    match path {
        ["networks", _, "external" | "internal" | "attachable" | "enable_ipv4" | "enable_ipv6"]
        | ["volumes" | "secrets" | "configs", _, "external"] => Some(Cast::Boolean),
        ["services", _, "pre_start", _, rest @ ..] => container(rest),
        ["services", _, rest @ ..] => container(rest).or_else(|| workload(rest)).or_else(|| service(rest)),
        ["jobs", _, rest @ ..] => container(rest).or_else(|| workload(rest)),
        _ => None,
    }
}

fn container(path: &[&str]) -> Option<Cast> {
    Some(match path {
        ["cpu_count" | "cpu_period" | "cpu_quota" | "cpu_rt_period" | "cpu_rt_runtime" | "cpu_shares"]
        | ["oom_score_adj" | "pids_limit"]
        | ["ulimits", _]
        | ["ulimits", _, "hard" | "soft"] => Cast::Integer,
        ["cpu_percent"] => Cast::Float,
        ["cpus"] => Cast::Float32,
        ["init" | "oom_kill_disable" | "privileged" | "read_only"]
        | ["volumes", "[]", "read_only"]
        | ["volumes", "[]", "volume", "nocopy"] => Cast::Boolean,
        _ => return None,
    })
}

fn workload(path: &[&str]) -> Option<Cast> {
    Some(match path {
        ["depends_on", _, "required" | "restart"] | ["healthcheck", "disable"] | ["stdin_open" | "tty"] => {
            Cast::Boolean
        }
        ["healthcheck", "retries"] | ["ports", "[]", "target"] => Cast::Integer,
        _ => return None,
    })
}

fn service(path: &[&str]) -> Option<Cast> {
    Some(match path {
        ["scale"]
        | ["deploy", "replicas"]
        | ["deploy", "update_config" | "rollback_config", "parallelism"]
        | ["deploy", "restart_policy", "max_attempts"]
        | ["deploy", "placement", "max_replicas_per_node"] => Cast::Integer,
        ["deploy", "update_config" | "rollback_config", "max_failure_ratio"] => Cast::Float,
        _ => return None,
    })
}

impl Cast {
    /// The typed value; the error says what was expected.
    pub(crate) fn apply(self, text: &str) -> Result<Value, String> {
        let refused = |wanted: &str| Err(format!("must be {wanted}, got {text:?}"));
        match self {
            Self::Integer => text.parse().map(Value::Int).or_else(|_| refused("an integer")),
            Self::Float => text.parse().map(Value::Float).or_else(|_| refused("a number")),
            Self::Float32 => match text.parse::<f32>() {
                // Through its shortest text: the value stays what was written.
                Ok(value) => Ok(Value::Float(format!("{value}").parse().unwrap_or_default())),
                Err(_) => refused("a number"),
            },
            Self::Boolean => match text.to_lowercase().as_str() {
                "true" | "y" | "yes" | "on" => Ok(Value::Bool(true)),
                "false" | "n" | "no" | "off" => Ok(Value::Bool(false)),
                _ => refused("true or false"),
            },
        }
    }
}
