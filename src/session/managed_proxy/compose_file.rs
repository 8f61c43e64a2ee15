//! The text of the compose file of a managed proxy. Compose merges it after the files of the project, as aictl does.

use std::collections::BTreeSet;

use serde_json::json;

use super::ports::Moved;
use crate::compose::model::Stack;
use crate::plan::{MANAGED_PROXY, MANAGED_PROXY_VOLUME, PROXY_FOLDER};

/// The service.
pub const SERVICE: &str = MANAGED_PROXY;
/// The key of its volume.
pub(super) const VOLUME: &str = MANAGED_PROXY_VOLUME;

/// The image by its official name; recipes stand in for it where no registry has it.
const IMAGE: &str = "nginx:stable";

/// The file for the stack of the project's own files. JSON's strings and lists are YAML's.
pub(super) fn text(stack: &Stack, moved: &BTreeSet<Moved>) -> String {
    let services: BTreeSet<&str> = moved.iter().map(|moved| moved.service.as_str()).collect();
    let names = services.iter().copied().collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "# From `proxy: {{ managed: true }}` of aictl.yaml: an nginx that publishes the ports of {names}.\n\
         # `aictl start` and `aictl deploy` write its configuration into its volume.\nservices:\n"
    );
    for service in &services {
        text += &format!("  {}:\n    ports: !reset []\n", json!(service));
    }
    text += &proxy(stack, moved, &services);
    text += &format!("volumes:\n  {VOLUME}: {{}}\n");
    text
}

fn proxy(stack: &Stack, moved: &BTreeSet<Moved>, services: &BTreeSet<&str>) -> String {
    let port = |moved: &Moved| {
        let Moved { host, port, .. } = moved;
        let address = if host.is_empty() { String::new() } else { format!("host_ip: {}, ", json!(host)) };
        format!("      - {{ {address}target: {port}, published: \"{port}\", protocol: tcp }}\n")
    };
    let ports: String = moved.iter().map(port).collect();
    let routed = services.iter().filter_map(|name| stack.services.get(*name));
    let networks: BTreeSet<&String> = routed.flat_map(|service| service.networks.keys()).collect();
    let networks: String = networks.into_iter().map(|key| format!("      {}: {{}}\n", json!(key))).collect();
    let networks = if networks.is_empty() { networks } else { format!("    networks:\n{networks}") };
    let listening = moved.first().map_or(0, |moved| moved.port);
    format!(
        "  {SERVICE}:
    image: {IMAGE}
    restart: unless-stopped
    read_only: true
    tmpfs: [/run, /tmp, /var/cache/nginx]
    cap_drop: [ALL]
    cap_add: [CHOWN, KILL, NET_BIND_SERVICE, SETGID, SETUID]
    security_opt: [\"no-new-privileges:true\"]
    mem_limit: 256m
    logging:
      driver: json-file
      options: {{ max-size: 10m, max-file: \"3\" }}
    # It has its configuration and listens.
    healthcheck:
      test: [CMD-SHELL, \"test -s {PROXY_FOLDER}/aictl.conf && grep -q ':{listening:04X} 00000000:0000 0A' /proc/net/tcp\"]
      interval: 10s
      timeout: 5s
      retries: 3
      start_period: 10s
{networks}    ports:
{ports}    volumes:
      - {{ type: volume, source: {VOLUME}, target: {PROXY_FOLDER} }}
"
    )
}
