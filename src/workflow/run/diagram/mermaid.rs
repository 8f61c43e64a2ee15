//! The graph as a Mermaid flowchart.
//! Reads the graph; returns its text, ids made of letters and numbers whatever the names hold.
//! Never puts a name anywhere but between quotes.

use super::escape::{mermaid, one_line};
use super::graph::Graph;
use crate::compose::model::Condition;

/// Classes carry colour; each label says the state in words too.
const CLASSES: &str = "    classDef healthy fill:#e3f4e5,stroke:#2e7d32,color:#111
    classDef running fill:#e3f4e5,stroke:#2e7d32,color:#111
    classDef ended fill:#eeeeee,stroke:#757575,color:#111
    classDef missing fill:#fff4d6,stroke:#b26a00,color:#111
    classDef stopped fill:#fff4d6,stroke:#b26a00,color:#111
    classDef starting fill:#fff4d6,stroke:#b26a00,color:#111
    classDef unhealthy fill:#fde3e1,stroke:#b3261e,color:#111
    classDef failed fill:#fde3e1,stroke:#b3261e,color:#111
    classDef unknown fill:#eeeeee,stroke:#757575,color:#111
    classDef network fill:#e4eefc,stroke:#1f5fa8,color:#111
";

/// The flowchart.
pub(super) fn draw(graph: &Graph) -> String {
    let mut lines = vec!["flowchart TD".to_owned()];
    if let Some(why) = &graph.state_unknown {
        // Braces would be read as a directive.
        lines.push(format!("    %% state unknown: {}", one_line(why).replace(['{', '}'], "")));
    }
    for (index, service) in graph.services.iter().enumerate() {
        let parts = [service.name.as_str(), service.state.word()].into_iter();
        let label: Vec<String> = parts.chain(service.ports.iter().map(String::as_str)).map(mermaid).collect();
        lines.push(format!("    s{index}[\"{}\"]:::{}", label.join("<br/>"), service.state.word()));
    }
    for (index, network) in graph.networks.iter().enumerate() {
        lines.push(format!("    n{index}([\"{}\"]):::network", mermaid(&network.label())));
    }
    for service in 0..graph.services.len() {
        for (needed, condition) in graph.waits_for(service) {
            lines.push(format!("    s{service} {} s{needed}", arrow(condition)));
        }
    }
    for (index, service) in graph.services.iter().enumerate() {
        let joined = graph.networks.iter().enumerate().filter(|(_, network)| service.networks.contains(&network.name));
        lines.extend(joined.map(|(network, _)| format!("    s{index} -.- n{network}")));
    }
    format!("{}\n{CLASSES}", lines.join("\n"))
}

const fn arrow(condition: Condition) -> &'static str {
    match condition {
        Condition::ServiceStarted => "-->",
        Condition::ServiceHealthy => "-->|healthy|",
        Condition::ServiceCompletedSuccessfully => "-->|ended|",
    }
}
