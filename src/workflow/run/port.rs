//! `aictl port`: where a port of a service can be reached from outside.
//! Reads the engine, and the files when there are any.
//! Never connects to it.

use clap::Args;
use serde::Serialize;

use crate::error::Result;
use crate::plan::{ObservedInstance, ObservedPort};
use crate::session::load::load_named;
use crate::session::report::{Block, Report, to_json};
use crate::session::select;
use crate::session::{Context, WorkflowError};

/// Print the public address of a port
#[derive(Debug, Clone, Default, Args)]
pub struct PortArgs {
    /// Service
    pub service: String,
    /// Container port, such as 80 or 53/udp; all published ports by default
    #[arg(value_name = "PORT")]
    pub private_port: Option<String>,
    /// Protocol (tcp, udp or sctp)
    #[arg(long, default_value = "tcp", requires = "private_port")]
    pub protocol: String,
    /// Index of the container if the service has several
    #[arg(long, value_name = "N")]
    pub index: Option<u32>,
}

#[derive(Debug, Serialize)]
pub struct PortReport {
    ports: Vec<ObservedPort>,
    #[serde(skip)]
    one: bool,
}

/// Shows the address.
pub async fn run(context: &Context, args: PortArgs) -> Result<PortReport> {
    let wanted = args.private_port.as_deref().map(|text| private(text, &args.protocol)).transpose()?;
    let loaded = load_named(context)?;
    let target = loaded.connect(context).await?;
    let observed = target.observe(&loaded.narrow_scope()).await?;
    let container = select::running(loaded.stack.as_ref(), &observed, &args.service, args.index)?;
    let ports = published(container, wanted.as_ref());
    if let (true, Some((port, protocol))) = (ports.is_empty(), &wanted) {
        return Err(WorkflowError::NotPublished { service: args.service, port: format!("{port}/{protocol}") }.into());
    }
    Ok(PortReport { ports, one: wanted.is_some() })
}

fn private(text: &str, protocol: &str) -> Result<(u16, String)> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, protocol));
    match number.parse() {
        Ok(number) => Ok((number, protocol.to_lowercase())),
        Err(_) => Err(WorkflowError::usage(format!("invalid port `{text}`")).into()),
    }
}

/// Published ports, IPv4 addresses first.
fn published(container: &ObservedInstance, wanted: Option<&(u16, String)>) -> Vec<ObservedPort> {
    let is_wanted =
        |p: &&ObservedPort| wanted.is_none_or(|(port, protocol)| p.target == *port && p.protocol == *protocol);
    let mut ports: Vec<ObservedPort> =
        container.ports.iter().filter(|p| p.published != 0).filter(is_wanted).cloned().collect();
    ports.sort_by_key(|p| (p.target, p.protocol.clone(), p.host.contains(':'), p.published));
    ports.dedup();
    ports
}

/// `0.0.0.0:8080`, `[::]:8080`.
fn address(port: &ObservedPort) -> String {
    let host = if port.host.is_empty() { "0.0.0.0" } else { &port.host };
    if host.contains(':') { format!("[{host}]:{}", port.published) } else { format!("{host}:{}", port.published) }
}

impl Report for PortReport {
    fn blocks(&self) -> Vec<Block> {
        // One address answers the question; a script that takes the output must not get two.
        if self.one {
            return self.ports.iter().take(1).map(|p| Block::Line(vec![address(p).into()])).collect();
        }
        let line =
            |p: &ObservedPort| Block::Line(vec![format!("{}/{} -> {}", p.target, p.protocol, address(p)).into()]);
        self.ports.iter().map(line).collect()
    }

    fn json(&self) -> serde_json::Value {
        to_json(&self.ports)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(host: &str, published: u16, target: u16, protocol: &str) -> ObservedPort {
        ObservedPort { target, protocol: protocol.into(), host: host.into(), published }
    }

    #[test]
    fn the_wanted_port_is_found_ipv4_first() {
        let ports = vec![
            port("::", 8080, 80, "tcp"),
            port("0.0.0.0", 8080, 80, "tcp"),
            port("127.0.0.1", 5353, 53, "udp"),
            port("", 0, 9000, "tcp"),
        ];
        let container = ObservedInstance { ports, ..Default::default() };
        let shown = |wanted: Option<(u16, &str)>| {
            let wanted = wanted.map(|(port, protocol)| (port, protocol.to_owned()));
            published(&container, wanted.as_ref()).iter().map(address).collect::<Vec<_>>()
        };
        assert_eq!(shown(Some((80, "tcp"))), ["0.0.0.0:8080", "[::]:8080"]);
        assert_eq!(shown(Some((53, "udp"))), ["127.0.0.1:5353"]);
        assert!(shown(Some((9000, "tcp"))).is_empty());
        assert_eq!(shown(None).len(), 3);
    }

    #[test]
    fn a_port_may_name_its_protocol() {
        assert_eq!(private("53/UDP", "tcp").unwrap(), (53, "udp".to_owned()));
        assert_eq!(private("80", "tcp").unwrap(), (80, "tcp".to_owned()));
        assert!(private("http", "tcp").is_err() && private("70000", "tcp").is_err());
    }
}
