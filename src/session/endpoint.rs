//! Locates the targets of an environment.
//! Docker contexts and TLS files are read; nothing is connected to.
//! Never falls back to another engine, and never picks one of several targets.

use crate::error::Result;
use crate::project::{DockerTarget, LoadedProject, Problem, ProjectError, TargetConfig};
use crate::session::{Context, Endpoint, Endpoints};
use crate::target::{AddressPart, TargetError};

/// The target of the environment; an error if there are several.
pub fn endpoint(context: &Context, project: &LoadedProject) -> Result<Box<dyn Endpoint>> {
    endpoints(context, project)?.only().map_err(|names| several(project, &names))
}

/// Whether the environment names its engine.
pub fn names_engine(project: &LoadedProject) -> bool {
    matches!(&project.environment.target, Some(TargetConfig::Docker(docker)) if docker.names_engine())
}

/// The target of the environment, where the engine that variables name is used as well.
pub fn destination(context: &Context, project: &LoadedProject) -> Result<Box<dyn Endpoint>> {
    located(context, project)?.only().map_err(|names| several(project, &names))
}

/// The targets of the environment; the default engine if it has none.
///
/// What cannot be honoured is an error with its place in aictl.yaml. Variables that would lead elsewhere are named.
pub fn endpoints(context: &Context, project: &LoadedProject) -> Result<Endpoints> {
    let found = located(context, project)?;
    if matches!(project.environment.target, Some(TargetConfig::Kubernetes(_))) && !context.options.profiles.is_empty() {
        context
            .reporter
            .warn("--profile has no effect on Kubernetes: the values of the chart choose what runs".to_owned());
    }
    let Some(TargetConfig::Docker(docker)) = &project.environment.target else { return Ok(found) };
    if !docker.names_engine() {
        return Ok(found);
    }
    for variable in overridden(context, docker) {
        let environment = project.environment_name.as_deref().unwrap_or_default();
        context
            .reporter
            .warn(format!("{variable} is not used: environment `{environment}` of aictl.yaml names its engine"));
    }
    Ok(found)
}

fn located(context: &Context, project: &LoadedProject) -> Result<Endpoints> {
    let named = match &project.environment.target {
        Some(TargetConfig::Docker(docker)) if !docker.names_engine() => return Ok(context.connector.locate(None)?),
        None => return Ok(context.connector.locate(None)?),
        Some(named) => named,
    };
    let home = context.variables.get("HOME").map(String::as_str);
    let mut absolute = named.clone().in_directory(&project.directory, home);
    if let TargetConfig::Kubernetes(clusters) = &mut absolute {
        clusters.iter_mut().for_each(|cluster| cluster.namespace.clone_from(&project.environment.namespace));
    }
    context.connector.locate(Some(&absolute)).map_err(|error| placed(project, named, error))
}

fn several(project: &LoadedProject, names: &[String]) -> crate::error::Error {
    let message =
        format!("this command works on one target; the environment has {}: {}", names.len(), names.join(", "));
    refusal(project.problem_of_environment(&["target", "kubernetes"], message, None))
        .with_hint("name an environment of one target: `aictl --env NAME status`")
}

/// The same error with its place in aictl.yaml.
fn placed(project: &LoadedProject, named: &TargetConfig, error: TargetError) -> crate::error::Error {
    let named = match named {
        TargetConfig::Docker(docker) => docker,
        TargetConfig::Kubernetes(_) => {
            let (message, nearest) = match error {
                TargetError::BadCluster { reason, nearest } => (reason, nearest),
                error => (error.to_string(), None),
            };
            return refusal(project.problem_of_environment(&["target", "kubernetes"], message, nearest));
        }
    };
    let TargetError::BadAddress { part, address, reason, nearest } = &error else { return error.into() };
    let key = match part {
        AddressPart::Tls if named.tls.is_some() => "tls",
        _ if named.context.is_some() => "context",
        _ => "host",
    };
    let message = format!("`{address}`: {reason}");
    let mut placed = refusal(project.problem_of_environment(&["target", "docker", key], message, nearest.clone()));
    if key == "context" {
        placed = placed.with_hint("`docker context ls` lists the contexts");
    }
    placed
}

fn refusal(problem: Problem) -> crate::error::Error {
    ProjectError::Target(Box::new(problem)).into()
}

/// Variables that name an engine, or the way to one, other than the environment does.
fn overridden(context: &Context, named: &DockerTarget) -> Vec<&'static str> {
    let set = |name: &str| context.variables.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let mut found = Vec::new();
    found.extend(set("DOCKER_HOST").filter(|host| named.host.as_deref() != Some(*host)).map(|_| "DOCKER_HOST"));
    found
        .extend(set("DOCKER_CONTEXT").filter(|name| named.context.as_deref() != Some(*name)).map(|_| "DOCKER_CONTEXT"));
    if named.tls.is_some() {
        found.extend(
            ["DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CERT_PATH"].into_iter().filter(|name| set(name).is_some()),
        );
    }
    found
}
