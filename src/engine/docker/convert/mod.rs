//! A container to be created, translated into the engine's create request field by field, as Compose 5.6 does it.
//! Reads a `ContainerSpec` and the engine's API version; returns the request and what could not be applied.
//! Never talks to the engine: what has to be looked up (links) is handed in.

mod body;
mod mounts;
mod network;
mod resources;
mod surroundings;

use serde_json::{Value, json};

use body::Body;
pub(super) use mounts::parent;
pub(super) use network::endpoint;
pub(super) use surroundings::Surroundings;
use surroundings::refused;

use crate::compose::model::Healthcheck;
use crate::input_file::{Files, LocalFiles};
use crate::plan::labels;
use crate::plan::{ContainerSpec, EngineInfo};
use crate::target::TargetError;

/// A create request.
#[derive(Debug)]
pub(super) struct CreateRequest {
    /// The body.
    pub(super) body: Value,
    /// What the engine cannot do and was left out.
    pub(super) warnings: Vec<String>,
}

/// The engine's create request for a container.
pub(super) fn create_request(spec: &ContainerSpec, around: &Surroundings<'_>) -> Result<CreateRequest, TargetError> {
    let mut warnings = Vec::new();
    let mut body = process(spec);
    if let Some(check) = &spec.service.healthcheck {
        body.value("Healthcheck", healthcheck(check, around.engine, &mut warnings));
    }
    if let Some(mac) = network::container_mac(spec, around.engine)? {
        body.value("MacAddress", mac);
    }
    body.value("HostConfig", host_config(spec, around)?);
    if let Some(networking) = network::networking(spec, around) {
        body.value("NetworkingConfig", networking);
    }
    Ok(CreateRequest { body: body.finish(), warnings })
}

fn process(spec: &ContainerSpec) -> Body {
    let service = &spec.service;
    let mut body = Body::default();
    body.text("Hostname", &service.hostname);
    body.text("Domainname", &service.domainname);
    body.text("User", &service.user);
    body.value("ExposedPorts", network::exposed_ports(service));
    // An attached one-off container gets our standard input once and a terminal only when we have one.
    let attached = spec.interactive.is_some();
    body.flag("Tty", spec.interactive.unwrap_or(service.tty));
    body.flag("OpenStdin", attached || service.stdin_open);
    body.flag("StdinOnce", attached);
    body.flag("AttachStdin", attached);
    body.value("AttachStdout", true);
    body.value("AttachStderr", true);
    if let Some(command) = service.command.as_slice() {
        body.value("Cmd", command);
    }
    if let Some(entrypoint) = service.entrypoint.as_slice() {
        body.value("Entrypoint", entrypoint);
    }
    body.text("Image", &spec.image);
    body.text("WorkingDir", &service.working_dir);
    body.flag("NetworkDisabled", service.network_mode == "disabled");
    body.map("Labels", &spec.labels);
    body.text("StopSignal", &service.stop_signal);
    let environment: Vec<Value> = service.environment.iter().map(variable).collect();
    body.values("Env", environment);
    if let Some(grace) = service.stop_grace_period {
        body.value("StopTimeout", grace.to_std().as_secs());
    }
    body
}

/// A variable without a value is taken out of what the image sets.
fn variable((key, value): (&String, &Option<String>)) -> Value {
    value.as_ref().map_or_else(|| json!(key), |value| json!(format!("{key}={value}")))
}

fn healthcheck(check: &Healthcheck, engine: &EngineInfo, warnings: &mut Vec<String>) -> Value {
    let mut body = Body::default();
    if check.disable {
        body.value("Test", json!(["NONE"]));
        return body.finish();
    }
    body.list("Test", &check.test);
    body.number("Interval", check.interval.map_or(0, |d| d.0));
    body.number("Timeout", check.timeout.map_or(0, |d| d.0));
    body.number("StartPeriod", check.start_period.map_or(0, |d| d.0));
    body.number("Retries", check.retries.map_or(0, |n| i64::try_from(n).unwrap_or(i64::MAX)));
    if let Some(interval) = check.start_interval {
        if engine.api_at_least(1, 44) {
            body.number("StartInterval", interval.0);
        } else {
            warnings.push(format!(
                "healthcheck.start_interval needs API 1.44, but the engine has API {}",
                engine.api_version
            ));
        }
    }
    body.finish()
}

fn host_config(spec: &ContainerSpec, around: &Surroundings<'_>) -> Result<Value, TargetError> {
    let service = &spec.service;
    let mut body = Body::default();
    resources::resources(service, &mut body);
    mounts::mounts(spec, around.engine, &mut body)?;
    security(spec, &mut body)?;
    body.flag("AutoRemove", spec.auto_remove);
    body.map("Annotations", &service.annotations);
    body.list("CapAdd", &capabilities(&service.cap_add));
    body.list("CapDrop", &capabilities(&service.cap_drop));
    body.text("NetworkMode", &network::network_mode(spec));
    if let Some(init) = service.init {
        body.value("Init", init);
    }
    namespaces(spec, &mut body);
    body.flag("ReadonlyRootfs", service.read_only);
    body.value("RestartPolicy", restart_policy(spec));
    body.number("ShmSize", service.shm_size.0);
    body.map("Sysctls", &service.sysctls);
    body.value("PortBindings", network::port_bindings(service));
    body.text("VolumeDriver", &service.volume_driver);
    body.list("VolumesFrom", &spec.volumes_from);
    body.list("Dns", network::dns_servers(spec)?);
    body.list("DnsSearch", &service.dns_search);
    body.list("DnsOptions", &service.dns_opt);
    body.list("ExtraHosts", &service.extra_hosts.entries(":"));
    body.map("StorageOpt", &service.storage_opt);
    body.flag("Privileged", service.privileged);
    body.text("Isolation", &service.isolation);
    body.text("Runtime", &service.runtime);
    body.list("GroupAdd", &service.group_add);
    body.list("Links", around.links);
    body.number("OomScoreAdj", service.oom_score_adj);
    if let Some(logging) = &service.logging {
        body.value("LogConfig", json!({ "Type": logging.driver, "Config": logging.options }));
    }
    Ok(body.finish())
}

/// In the engine's own spelling, `CAP_NET_ADMIN`, whichever the file has.
fn capabilities(names: &[String]) -> Vec<String> {
    let spelled = |name: &String| {
        let name = name.to_ascii_uppercase();
        if name == "ALL" || name.starts_with("CAP_") { name } else { format!("CAP_{name}") }
    };
    names.iter().map(spelled).collect()
}

fn namespaces(spec: &ContainerSpec, body: &mut Body) {
    body.text("IpcMode", spec.ipc.as_deref().unwrap_or(&spec.service.ipc));
    body.text("PidMode", spec.pid.as_deref().unwrap_or(&spec.service.pid));
    body.text("CgroupnsMode", &spec.service.cgroup);
    body.text("UsernsMode", &spec.service.userns_mode);
    body.text("UTSMode", &spec.service.uts);
}

/// `restart`, overridden by `deploy.restart_policy`; a one-off container is never restarted.
fn restart_policy(spec: &ContainerSpec) -> Value {
    let service = &spec.service;
    let (word, attempts) = match service.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref()) {
        Some(policy) => (policy.condition.as_str(), policy.max_attempts.unwrap_or(0)),
        None => match service.restart.split_once(':') {
            Some((word, attempts)) => (word, attempts.parse().unwrap_or(0)),
            None => (service.restart.as_str(), 0),
        },
    };
    let name = match word {
        "none" | "no" => "no",
        "any" | "always" => "always",
        other => other,
    };
    json!({ "Name": name, "MaximumRetryCount": attempts })
}

/// Security options; a seccomp profile is a file of the project and travels inside the request.
fn security(spec: &ContainerSpec, body: &mut Body) -> Result<(), TargetError> {
    let mut options = Vec::new();
    for option in &spec.service.security_opt {
        if option == "systempaths=unconfined" {
            body.value("MaskedPaths", json!([]));
            body.value("ReadonlyPaths", json!([]));
            continue;
        }
        let split = option.split_once('=').or_else(|| option.split_once(':'));
        match split {
            Some(("seccomp", profile)) if profile != "unconfined" && profile != "builtin" => {
                options.push(format!("seccomp={}", seccomp(spec, profile)?));
            }
            None if option != "no-new-privileges" => {
                return Err(refused(spec, format!("invalid security_opt `{option}`")));
            }
            _ => options.push(option.clone()),
        }
    }
    body.list("SecurityOpt", &options);
    Ok(())
}

fn seccomp(spec: &ContainerSpec, profile: &str) -> Result<String, TargetError> {
    let folder = spec.labels.get(labels::WORKING_DIR).map(String::as_str).unwrap_or_default();
    let path = std::path::Path::new(folder).join(profile);
    let said = |e: String| refused(spec, format!("seccomp profile {}: {e}", path.display()));
    let text = LocalFiles.read(&path).map_err(|e| said(e.to_string()))?;
    let value: Value = serde_json::from_slice(&text).map_err(|e| said(e.to_string()))?;
    Ok(value.to_string())
}

#[cfg(test)]
mod tests;
