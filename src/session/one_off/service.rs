//! A service as one of its one-off containers is made: with the command line's wishes, without what only makes sense
//! for the service itself. Follows docker/compose (pkg/compose/run.go).
//! Reads the declared service and the arguments; never talks to an engine.

use sha2::{Digest, Sha256};

use super::request::{Job, OneOffRequest};
use crate::compose::model::{Mapping, Service, ServicePort, ServiceVolume, ShellCommand, VolumeBind, VolumeOptions};
use crate::compose::short_form::{port, volume};
use crate::error::Result;
use crate::session::{Context, WorkflowError};

/// Tells one one-off from the others: twelve hexadecimal digits.
pub(super) fn slug(context: &Context) -> String {
    let seed = format!("{} {} {}", (context.now)(), context.owner.pid, context.owner.boot_id);
    hex::encode(Sha256::digest(seed))[..12].to_owned()
}

/// The service to make the container from.
pub(super) fn service(
    context: &Context,
    declared: Service,
    (request, job): (&OneOffRequest, &Job),
    name: String,
) -> Result<Service> {
    let mut service = Service { container_name: name, scale: None, restart: String::new(), ..declared };
    if let Some(deploy) = service.deploy.as_mut() {
        deploy.restart_policy = None;
        deploy.replicas = None;
    }
    // Two containers cannot publish the same ports.
    if !request.options.service_ports {
        service.ports.clear();
    }
    process(context, &mut service, (request, job))?;
    for text in &request.options.publish {
        let ports = port::parse(text).map_err(|reason| wrong("--publish", text, &reason))?;
        service.ports.extend(ports.into_iter().map(published));
    }
    for text in &request.options.volumes {
        service.volumes.push(mount(context, text)?);
    }
    pairs(&mut service.labels, "--label", &request.options.labels)?;
    service.cap_add.extend(request.options.cap_add.iter().cloned());
    service.cap_drop.extend(request.options.cap_drop.iter().cloned());
    Ok(service)
}

fn process(context: &Context, service: &mut Service, (request, job): (&OneOffRequest, &Job)) -> Result<()> {
    if let Some(entrypoint) = &request.options.entrypoint {
        let words = shlex::split(entrypoint).ok_or_else(|| wrong("--entrypoint", entrypoint, "unterminated quote"))?;
        service.entrypoint = ShellCommand(Some(words));
        // The service's command was meant for the service's entrypoint.
        service.command = ShellCommand(Some(Vec::new()));
    }
    if !job.command.is_empty() {
        service.command = ShellCommand(Some(job.command.clone()));
    }
    if let Some(user) = &job.user {
        service.user.clone_from(user);
    }
    if let Some(directory) = &job.workdir {
        service.working_dir.clone_from(directory);
    }
    for text in &request.options.variables {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (text.as_str(), context.variables.get(text).cloned()),
        };
        service.environment.insert(key.to_owned(), value);
    }
    Ok(())
}

fn published(spec: port::PortSpec) -> ServicePort {
    ServicePort {
        mode: "ingress".to_owned(),
        host_ip: spec.host_ip,
        target: spec.target,
        published: spec.published,
        protocol: spec.protocol,
        ..Default::default()
    }
}

/// A path is one of the directory the command was typed in.
fn mount(context: &Context, text: &str) -> Result<ServiceVolume> {
    let spec = volume::parse(text).map_err(|reason| wrong("--volume", text, &reason))?;
    let mut mount = ServiceVolume { target: spec.target, read_only: spec.read_only, ..Default::default() };
    if spec.bind {
        let home = context.variables.get("HOME").map(String::as_str).unwrap_or_default();
        let path = match spec.source.strip_prefix('~') {
            Some(rest) => std::path::PathBuf::from(format!("{home}{rest}")),
            None => context.cwd.join(&spec.source),
        };
        mount.r#type = "bind".to_owned();
        // Dots and doubled slashes would reach the engine as they are.
        mount.source = path.components().collect::<std::path::PathBuf>().display().to_string();
        let (selinux, propagation) = (spec.selinux, spec.propagation);
        mount.bind = Some(VolumeBind { selinux, propagation, ..Default::default() });
    } else {
        mount.r#type = "volume".to_owned();
        mount.source = spec.source;
        mount.volume = Some(VolumeOptions { nocopy: spec.nocopy, ..Default::default() });
    }
    Ok(mount)
}

fn pairs(map: &mut Mapping, flag: &str, given: &[String]) -> Result<()> {
    for text in given {
        let (key, value) = text.split_once('=').ok_or_else(|| wrong(flag, text, "it is not KEY=VALUE"))?;
        map.insert(key.to_owned(), value.to_owned());
    }
    Ok(())
}

fn wrong(flag: &str, text: &str, reason: &str) -> crate::error::Error {
    WorkflowError::usage(format!("`{flag} {text}`: {reason}")).into()
}
