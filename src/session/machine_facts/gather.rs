//! Collects the facts the verdicts need: from the machine, from the engine, from the project's files.
//! Reads through the context and the modules; what cannot be read becomes a reason.
//! Never judges, and never waits long for anything.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::engine_location::EngineLocation;
use super::{ports, stack};
use crate::error::Result;
use crate::host::facts::{
    AccessFacts, ClockFacts, DiskFact, DnsFacts, ENGINE_DATA, Facts, Limited, MachineFacts, Seen, StackFacts,
};
use crate::host::{SystemRoot, disk_space, is_writable, look_up, mode, presence};
use crate::plan::{EngineInfo, Observed};
use crate::project::LoadedProject;
use crate::session::endpoint::endpoint;
use crate::session::load::LoadedStack;
use crate::session::{Context, Endpoint};
use crate::target::{Target, TargetError};

/// An engine under load may need this long to say what it is.
const ENGINE_PATIENCE: Duration = Duration::from_secs(20);
type Answer<T> = std::result::Result<T, TargetError>;

const DEFAULT_DATA_ROOT: &str = "/var/lib/docker";

/// An engine that answered: the connection, what it says, and how far its clock is ahead.
struct Answered {
    target: Arc<dyn Target>,
    info: EngineInfo,
    ahead: Seen<f64>,
}

/// All facts.
pub async fn observe_facts(context: &Context, project: &LoadedProject) -> Result<Facts> {
    let endpoint = match endpoint(context, project) {
        Ok(endpoint) => Ok(endpoint),
        // What the surroundings say wrongly is a finding; what aictl.yaml says wrongly has its place there.
        Err(error) => Err(error.downcast_ref::<TargetError>().cloned().ok_or(error)?),
    };
    let (loaded, unreadable) = stack::load(context)?;
    let stack = loaded.as_ref().and_then(|loaded| loaded.stack.as_ref());
    let root = SystemRoot::of_this_machine();
    let answered = match endpoint {
        Ok(endpoint) => engine(&*endpoint).await,
        Err(error) => Err(error),
    };
    let place = EngineLocation::of(&root, answered.as_ref().map(|a| &a.info));
    let observed = observe(loaded.as_ref(), answered.as_ref().ok()).await;
    let info = answered.as_ref().ok().map(|a| &a.info);
    let machine = machine(context, &root, &place, info);
    let target = answered.as_ref().ok().map(|a| &*a.target);
    let source = stack::source_of_images(stack, project, (info, &root));
    Ok(Facts {
        disks: disks(&place, info, &project.directory),
        stack: StackFacts {
            lighter: stack::lighter(project, &machine),
            ..stack::facts(stack, unreadable, (observed.as_ref(), info))
        },
        ports: ports::facts(stack, observed.as_ref(), target, &place).await,
        access: access(context, project),
        clock: ClockFacts {
            ours: OffsetDateTime::now_utc().unix_timestamp(),
            ahead: match &answered {
                Ok(answered) => answered.ahead.clone(),
                Err(_) => Err("the engine is not responding".to_owned()),
            },
        },
        dns: dns(context, &root, source, &place).await,
        presence: presence(&root, &context.variables),
        engine: answered.map(|answered| answered.info),
        machine,
    })
}

async fn engine(endpoint: &dyn Endpoint) -> Answer<Answered> {
    let late = || TargetError::Unreachable {
        address: endpoint.address().to_owned(),
        reason: format!("timed out after {}s", ENGINE_PATIENCE.as_secs()),
    };
    let ask = async {
        let target = endpoint.connect().await?;
        let before = OffsetDateTime::now_utc();
        let info = target.observe_engine().await?;
        let after = OffsetDateTime::now_utc();
        // It read its clock somewhere between the two.
        let ours: OffsetDateTime = before + (after - before) / 2;
        let theirs = OffsetDateTime::parse(&info.host.time, &Rfc3339);
        let ahead = theirs.map(|theirs| skew(ours, theirs));
        Answer::Ok(Answered { target, info, ahead: ahead.map_err(|_| "time not reported by the engine".to_owned()) })
    };
    tokio::time::timeout(ENGINE_PATIENCE, ask).await.unwrap_or_else(|_| Err(late()))
}

fn skew(ours: OffsetDateTime, theirs: OffsetDateTime) -> f64 {
    let ahead: time::Duration = theirs - ours;
    ahead.as_seconds_f64()
}

async fn observe(loaded: Option<&LoadedStack>, engine: Option<&Answered>) -> Option<Observed> {
    let (loaded, engine) = (loaded?, engine?);
    engine.target.observe(&loaded.scope(None)).await.ok()
}

fn machine(context: &Context, root: &SystemRoot, place: &EngineLocation, engine: Option<&EngineInfo>) -> MachineFacts {
    let mut cpus = place.seen(root.cpus());
    let mut memory = place.seen(root.memory());
    if let Some(engine) = engine {
        // The engine knows what it has; a limit of our own control group concerns it only on the same machine.
        let whole = engine.cpus as f64;
        if engine.cpus > 0 && cpus.as_ref().map_or(true, |found| found.amount > whole) {
            cpus = Ok(Limited { amount: whole, by: None });
        }
        if engine.memory > 0 && memory.as_ref().map_or(true, |found| found.amount > engine.memory) {
            memory = Ok(Limited { amount: engine.memory, by: None });
        }
    }
    MachineFacts {
        os: root.os_release(),
        is_root: root.user_id() == Some(0),
        user: context.owner.user.clone(),
        cpus,
        memory,
        available: place.seen(root.available_memory()),
        kernel: if place.same_kernel { Ok(root.kernel()) } else { Err(place.why_not.to_owned()) },
        emulated: root.emulated(),
    }
}

fn disks(place: &EngineLocation, engine: Option<&EngineInfo>, project: &Path) -> Vec<DiskFact> {
    let data = engine.map(|engine| engine.host.data_root.as_str()).filter(|path| !path.is_empty());
    let data = data.unwrap_or(DEFAULT_DATA_ROOT);
    let space = if place.same_machine { disk_space(Path::new(data)) } else { Err(place.why_not.to_owned()) };
    vec![
        DiskFact { holds: ENGINE_DATA, path: data.to_owned(), space },
        DiskFact { holds: "project", path: project.display().to_string(), space: disk_space(project) },
    ]
}

fn access(context: &Context, project: &LoadedProject) -> AccessFacts {
    let given = context.options.env_files.iter().map(|file| context.cwd.join(file));
    let mut files: Vec<_> = given.collect();
    if files.is_empty() {
        files.extend(project.environment.env_file.iter().map(|file| project.directory.join(file)));
    }
    if files.is_empty() {
        files.push(project.directory.join(".env"));
    }
    AccessFacts {
        project: project.directory.display().to_string(),
        project_writable: is_writable(&project.directory),
        env_files: files.iter().filter_map(|file| Some((file.display().to_string(), mode(file)?))).collect(),
    }
}

async fn dns(context: &Context, root: &SystemRoot, name: Option<String>, place: &EngineLocation) -> DnsFacts {
    let host = match &name {
        _ if !place.local => Err(place.why_not.to_owned()),
        Some(name) => Ok(look_up(root, name).await),
        None => Err("no registry or package source is configured".to_owned()),
    };
    let variables = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
    let proxied = variables.iter().any(|name| context.variables.get(*name).is_some_and(|value| !value.is_empty()));
    DnsFacts { name: name.unwrap_or_default(), host, proxied }
}
