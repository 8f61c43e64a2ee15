//! Creating and removing networks.
//! Reads the normalised network; returns the engine's id.
//! Never takes over a network of another project.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::query_parameters::InspectNetworkOptions;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{DeclaredName, created, done};
use crate::compose::hash;
use crate::compose::model::{Ipam, Network};
use crate::engine::docker::connection::Connection;
use crate::engine::docker::{error_mapping, observe};
use crate::plan::{Outcome, labels};
use crate::target::TargetError;

/// How long the engine may take to free the endpoints of removed containers.
const LETTING_GO: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "Id")]
    id: String,
    #[serde(rename = "Warning", default)]
    warning: String,
}

pub(super) async fn create(
    connection: &Connection,
    declared: DeclaredName<'_>,
    network: &Network,
) -> Result<Outcome, TargetError> {
    let doing = format!("creating network {}", declared.name);
    let body = request(declared, network);
    let answer: Bytes = connection.post("/networks/create", &body, &doing).await?;
    let answer: Created = serde_json::from_slice(&answer)
        .map_err(|e| TargetError::Broken { operation: doing, message: e.to_string() })?;
    let warnings = Some(answer.warning).filter(|w| !w.is_empty()).into_iter().collect();
    Ok(Outcome { warnings, ..created(answer.id) })
}

fn request(declared: DeclaredName<'_>, network: &Network) -> Value {
    let DeclaredName { project, key, name } = declared;
    let mut labels: BTreeMap<String, String> = network.labels.clone();
    labels.insert(labels::NETWORK.to_owned(), key.to_owned());
    labels.insert(labels::PROJECT.to_owned(), project.to_owned());
    labels.insert(labels::VERSION.to_owned(), labels::COMPATIBLE_WITH.to_owned());
    labels.insert(labels::CONFIG_HASH.to_owned(), hash::network_hash(network));
    let mut body = json!({
        "Name": name,
        // Engines before 23 would create a second network of the same name.
        "CheckDuplicate": true,
        "Labels": labels,
        "Internal": network.internal,
        "Attachable": network.attachable,
    });
    if !network.driver.is_empty() {
        body["Driver"] = json!(network.driver);
    }
    if !network.driver_opts.is_empty() {
        body["Options"] = json!(network.driver_opts);
    }
    if let Some(on) = network.enable_ipv4 {
        body["EnableIPv4"] = json!(on);
    }
    if let Some(on) = network.enable_ipv6 {
        body["EnableIPv6"] = json!(on);
    }
    if let Some(ipam) = address_management(&network.ipam) {
        body["IPAM"] = ipam;
    }
    body
}

fn address_management(ipam: &Ipam) -> Option<Value> {
    if ipam.driver.is_empty() && ipam.config.is_empty() && ipam.options.is_empty() {
        return None;
    }
    let pools: Vec<Value> = ipam
        .config
        .iter()
        .map(|pool| {
            let mut body = json!({ "Subnet": pool.subnet });
            for (key, text) in [("IPRange", &pool.ip_range), ("Gateway", &pool.gateway)] {
                if !text.is_empty() {
                    body[key] = json!(text);
                }
            }
            if !pool.aux_addresses.is_empty() {
                body["AuxiliaryAddresses"] = json!(pool.aux_addresses);
            }
            body
        })
        .collect();
    let driver = if ipam.driver.is_empty() { "default" } else { &ipam.driver };
    Some(json!({ "Driver": driver, "Config": pools, "Options": ipam.options }))
}

/// Removes a network. The engine lets go of an endpoint a moment after its container is gone, so that is waited for;
/// a network that a container of another project uses is kept, as Compose keeps it.
pub(super) async fn remove(connection: &Connection, id: &str, name: &str) -> Result<Outcome, TargetError> {
    let deadline = tokio::time::Instant::now() + LETTING_GO;
    loop {
        let Err(error) = connection.api.remove_network(id).await else { return Ok(done()) };
        match error_mapping::map(connection, &format!("removing network {name}"), error) {
            TargetError::NotFound { .. } => return Ok(done()),
            // 403: the network has active endpoints.
            TargetError::Refused { status: 403, .. } => {
                let users = users(connection, id).await;
                if !users.is_empty() {
                    let kept = format!("network {name} is kept, it is still used by {}", users.join(", "));
                    return Ok(Outcome { warnings: vec![kept], kept: true, ..done() });
                }
                if tokio::time::Instant::now() >= deadline {
                    // Where several containers leave at once, or one while another joins; Compose meets the same.
                    return Err(TargetError::NetworkStuck { name: name.to_owned() });
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            other => return Err(other),
        }
    }
}

/// Names of the running containers on a network; endpoints of containers that are gone do not count.
async fn users(connection: &Connection, id: &str) -> Vec<String> {
    let Ok(network) = connection.api.inspect_network(id, None::<InspectNetworkOptions>).await else {
        return Vec::new();
    };
    let mut users = Vec::new();
    for container in network.containers.unwrap_or_default().into_keys() {
        if let Ok(found) = observe::inspect(connection, &container).await
            && found.state.is_up()
        {
            users.push(found.name);
        }
    }
    users
}
