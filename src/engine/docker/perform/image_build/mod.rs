//! Building an image: BuildKit inside the engine, the classic builder where there is none.
//! Builds the image of a service; reports the steps and returns the image's id.
//! Never keeps the context in memory and never pushes.

mod context;
mod ignore;
mod output;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder, BuilderVersion};
use futures_util::StreamExt;

use super::{Progress, created, image};
use crate::compose::model::Build;
use crate::engine::docker::{DockerEngine, credentials, error_mapping, images};
use crate::plan::Outcome;
use crate::target::TargetError;
use context::Context;
use output::Output;

/// A build may say nothing for as long as its longest step takes.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// What is to be built.
pub(super) struct BuildRequest<'a> {
    pub(super) service: &'a str,
    pub(super) image: &'a str,
    pub(super) build: &'a Build,
    pub(super) platform: &'a Option<String>,
    pub(super) no_cache: bool,
    pub(super) pull: bool,
}

pub(super) async fn build(
    engine: &DockerEngine,
    request: &BuildRequest<'_>,
    progress: Progress<'_>,
) -> Result<Outcome, TargetError> {
    refuse_unsupported(request)?;
    let mut builder = if engine.environment.get("DOCKER_BUILDKIT").is_some_and(|word| word == "0") {
        BuilderVersion::BuilderV1
    } else {
        BuilderVersion::BuilderBuildKit
    };
    loop {
        let mut output = Output::new(progress);
        match run(engine, request, builder, &mut output).await {
            Ok(()) => break,
            Err(error) if builder == BuilderVersion::BuilderBuildKit && has_no_buildkit(&error) => {
                builder = BuilderVersion::BuilderV1;
            }
            Err(error) => return Err(build_error(request, error, output)),
        }
    }
    for tag in &request.build.tags {
        image::tag(&engine.connection, request.image, tag).await?;
    }
    let image = images::image(&engine.connection, request.image).await?;
    Ok(Outcome { warnings: left_out(request.build), ..created(image.id) })
}

async fn run(
    engine: &DockerEngine,
    request: &BuildRequest<'_>,
    builder: BuilderVersion,
    output: &mut Output<'_>,
) -> Result<(), TargetError> {
    let connection = &engine.connection;
    let doing = format!("building {}", request.image);
    let failed =
        |reason: String| TargetError::BuildFailed { service: request.service.to_owned(), reason, log: Vec::new() };
    let mut options = options(request, builder);
    let body = if is_remote(&request.build.context) {
        options.remote = Some(request.build.context.clone());
        bollard::body_full(bytes::Bytes::new())
    } else {
        let context = Context::open(request.build).map_err(failed)?;
        options.dockerfile.clone_from(&context.dockerfile);
        bollard::body_try_stream(context.stream())
    };
    let known = credentials::all(&engine.environment).await;
    let known: HashMap<String, DockerCredentials> = known.into_iter().map(as_bollard).collect();
    let api = connection.patient(PATIENCE);
    let mut steps = api.build_image(options, Some(known), Some(body));
    while let Some(step) = steps.next().await {
        let step = step.map_err(|e| error_mapping::map(connection, &doing, e))?;
        output.take(step);
    }
    match output.error() {
        Some(error) => Err(failed(error)),
        None => Ok(()),
    }
}

fn options(request: &BuildRequest<'_>, builder: BuilderVersion) -> BuildImageOptions {
    let build = request.build;
    let mut options = BuildImageOptionsBuilder::default()
        .t(request.image)
        .target(&build.target)
        .nocache(request.no_cache || build.no_cache)
        .rm(true)
        .forcerm(true)
        .version(builder)
        .dockerfile(if build.dockerfile.is_empty() { "Dockerfile" } else { &build.dockerfile });
    if builder == BuilderVersion::BuilderBuildKit {
        options = options.session(&session());
    }
    if request.pull || build.pull {
        options = options.pull("1");
    }
    if !build.network.is_empty() {
        options = options.networkmode(&build.network);
    }
    if let Some(platform) = request.platform.as_ref().or(build.platforms.first()) {
        options = options.platform(platform);
    }
    if let Some(host) = build.extra_hosts.entries(":").first() {
        options = options.extrahosts(host);
    }
    if !build.cache_from.is_empty() {
        options = options.cachefrom(&build.cache_from);
    }
    if let Ok(size @ 1..) = i32::try_from(build.shm_size.0) {
        options = options.shmsize(size);
    }
    let labels: HashMap<String, String> = build.labels.clone().into_iter().collect();
    options.buildargs(&arguments(build)).labels(&labels).build()
}

/// Arguments without a value are the engine's own.
fn arguments(build: &Build) -> HashMap<String, String> {
    let mut arguments: HashMap<String, String> =
        build.args.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect();
    if build.cache_to.iter().any(|target| target.contains("type=inline")) {
        arguments.insert("BUILDKIT_INLINE_CACHE".to_owned(), "1".to_owned());
    }
    arguments
}

/// A name no other build has, on whatever machine it runs.
fn session() -> String {
    static SESSIONS: AtomicU64 = AtomicU64::new(0);
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let number = SESSIONS.fetch_add(1, Ordering::Relaxed);
    format!("aictl-{}-{:x}-{number}", std::process::id(), time.as_nanos())
}

fn as_bollard(found: credentials::Credentials) -> (String, DockerCredentials) {
    let credentials = DockerCredentials {
        username: Some(found.username).filter(|t| !t.is_empty()),
        password: Some(found.password).filter(|t| !t.is_empty()),
        identitytoken: Some(found.identity_token).filter(|t| !t.is_empty()),
        serveraddress: Some(found.server.clone()),
        ..DockerCredentials::default()
    };
    (found.server, credentials)
}

/// A repository or archive the engine fetches itself.
fn is_remote(context: &str) -> bool {
    ["http://", "https://", "git://", "ssh://", "git@", "github.com/"].iter().any(|start| context.starts_with(start))
}

fn has_no_buildkit(error: &TargetError) -> bool {
    let text = error.to_string().to_ascii_lowercase();
    text.contains("buildkit") && (text.contains("not support") || text.contains("not enabled"))
}

/// What would give another image than the one asked for.
fn refuse_unsupported(request: &BuildRequest<'_>) -> Result<(), TargetError> {
    let build = request.build;
    let reasons = [
        (build.platforms.len() > 1, "an image for several platforms at once"),
        (!build.secrets.is_empty(), "build.secrets"),
        (!build.ssh.is_empty(), "build.ssh"),
        (!build.additional_contexts.is_empty(), "build.additional_contexts"),
        (build.extra_hosts.0.len() > 1, "more than one entry in build.extra_hosts"),
        (!build.entitlements.is_empty() || build.privileged, "build.entitlements and build.privileged"),
    ];
    let unsupported = reasons.into_iter().find(|(present, _)| *present);
    unsupported.map_or(Ok(()), |(_, feature)| {
        Err(TargetError::BuildFailed {
            service: request.service.to_owned(),
            reason: format!("{feature} cannot be built by the engine itself; build it with `docker buildx bake`"),
            log: Vec::new(),
        })
    })
}

/// What changes how the image is built, not what it is.
fn left_out(build: &Build) -> Vec<String> {
    let cache = build.cache_to.iter().any(|target| !target.contains("type=inline"));
    let names = [
        (cache, "cache_to"),
        (!build.no_cache_filter.is_empty(), "no_cache_filter"),
        (!build.provenance.is_empty() && build.provenance != "false", "provenance"),
        (!build.sbom.is_empty() && build.sbom != "false", "sbom"),
        (!build.isolation.is_empty(), "isolation"),
        (!build.ulimits.is_empty(), "ulimits"),
    ];
    names.into_iter().filter(|(present, _)| *present).map(|(_, name)| format!("build.{name} was not applied")).collect()
}

fn build_error(request: &BuildRequest<'_>, error: TargetError, output: Output<'_>) -> TargetError {
    let reason = match error {
        TargetError::BuildFailed { reason, .. } => reason,
        TargetError::Refused { message, .. } => message,
        other => return other,
    };
    if error_mapping::is_disk_full(&reason) {
        return TargetError::DiskFull { operation: format!("building {}", request.image), reason };
    }
    TargetError::BuildFailed { service: request.service.to_owned(), reason, log: output.last_lines() }
}
