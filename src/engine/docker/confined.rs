//! The limits of the containers that aictl runs for itself.
//! Returns parts of requests; never talks to the engine.

use serde_json::{Map, Value, json};

/// The host configuration of a container that may write nothing, gain no privilege and keep no log; `more` adds to it.
pub(super) fn confined((memory_mib, processes): (u64, u32), more: Value) -> Value {
    let mut config = Map::new();
    let limits = json!({
        "ReadonlyRootfs": true,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Memory": memory_mib * 1024 * 1024,
        "PidsLimit": processes,
        "LogConfig": { "Type": "none" },
    });
    for part in [limits, more] {
        if let Value::Object(part) = part {
            config.extend(part);
        }
    }
    Value::Object(config)
}
