//! `aictl open`: the address of a service's page, in the browser where there is one.
//! Reads the engine, and the files when there are any; returns the address and whether a browser took it.
//! Never opens anything in a pipe or without a display, and never guesses between two services.

use clap::Args;
use serde::Serialize;

use crate::error::Result;
use crate::host::browser;
use crate::plan::{Observed, ObservedInstance, ObservedPort};
use crate::session::load::{LoadedStack, load_named};
use crate::session::report::{Block, Report, to_json};
use crate::session::select;
use crate::session::urls::address;
use crate::session::{Context, WorkflowError};

/// Services that are a project's face, best first.
const FACES: [&str; 8] = ["nginx", "proxy", "frontend", "web", "ui", "app", "gateway", "api"];

/// Open the web page of a service in the browser
///
/// Opens the published port of the service. The address is only printed when there is no display, when the output is not
/// a terminal, or with --print. Without a service, the proxy, the only service with a page, or the first of nginx, proxy,
/// frontend, web, ui, app, gateway and api is opened.
#[derive(Debug, Clone, Default, Args)]
pub struct OpenArgs {
    /// Service
    pub service: Option<String>,
    /// Container port, if the service has several or none known to serve a page
    #[arg(long, value_name = "PORT", requires = "service")]
    pub port: Option<u16>,
    /// Print the address without opening it
    #[arg(long)]
    pub print: bool,
}

/// What was opened.
#[derive(Debug, Serialize)]
pub struct OpenReport {
    service: String,
    url: String,
    /// Whether a browser took it.
    opened: bool,
    /// The program that was given the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<&'static str>,
}

/// Opens the page.
pub async fn run(context: &Context, args: OpenArgs) -> Result<OpenReport> {
    let loaded = load_named(context)?;
    let target = loaded.connect(context).await?;
    let observed = target.observe(&loaded.narrow_scope()).await?;
    let (service, url) = match &args.service {
        Some(service) => {
            let container = select::running(loaded.stack.as_ref(), &observed, service, None)?;
            (service.clone(), page(&observed, container, args.port)?)
        }
        None => face(&loaded, &observed)?,
    };
    let programs = browser::openers(&context.variables);
    let quiet = args.print || context.options.dry_run || !context.console.is_terminal() || programs.is_empty();
    if quiet {
        return Ok(OpenReport { service, url, opened: false, with: None });
    }
    let with = match browser::open(&url, &programs).await {
        Ok(program) => Some(program),
        Err(why) => {
            context.reporter.warn(format!("could not open a browser: {why}"));
            None
        }
    };
    Ok(OpenReport { service, url, opened: with.is_some(), with })
}

/// The page of a container: of the named port, else of the first that is known to be one.
fn page(observed: &Observed, container: &ObservedInstance, port: Option<u16>) -> Result<String> {
    let published = |p: &&ObservedPort| p.published != 0 && p.protocol != "udp";
    let mut addresses = container.ports.iter().filter(published).map(|p| (p.target, address(&observed.engine, p)));
    let found = match port {
        None => addresses.map(|(_, address)| address).find(|address| is_page(address)),
        // Somebody who names a port knows what answers there.
        Some(port) => addresses.find(|(target, _)| *target == port).map(|(_, address)| with_scheme(address)),
    };
    let port = port.map(|port| port.to_string());
    found.ok_or_else(|| WorkflowError::NoPage { service: container.service.clone(), port }.into())
}

fn is_page(address: &str) -> bool {
    address.starts_with("http://") || address.starts_with("https://")
}

fn with_scheme(address: String) -> String {
    if is_page(&address) { address } else { format!("http://{address}") }
}

/// The project's page.
fn face(loaded: &LoadedStack, observed: &Observed) -> Result<(String, String)> {
    let pages: Vec<(String, String)> = select::containers(observed, &[])
        .into_iter()
        .filter(|container| container.state.is_up())
        .filter_map(|container| Some((container.service.clone(), page(observed, container, None).ok()?)))
        .collect();
    let proxy = loaded.project.environment.proxy.as_ref().map(|proxy| proxy.service.as_str());
    let known = proxy.into_iter().chain(FACES);
    let mut named = known.filter_map(|name| pages.iter().find(|(service, _)| service == name));
    if let Some(page) = named.next() {
        return Ok(page.clone());
    }
    let mut services: Vec<String> = pages.iter().map(|(service, _)| service.clone()).collect();
    services.dedup();
    match (services.as_slice(), pages.into_iter().next()) {
        ([_], Some(page)) => Ok(page),
        (_, None) => Err(WorkflowError::NoPages { project: loaded.name.clone() }.into()),
        (several, Some(_)) => Err(WorkflowError::Usage {
            message: format!("several services have a page: {}", several.join(", ")),
            hint: Some(format!("`aictl open {}` opens one", several[0])),
        }
        .into()),
    }
}

impl Report for OpenReport {
    fn blocks(&self) -> Vec<Block> {
        vec![Block::Line(vec![self.url.as_str().into()])]
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::InstanceState;
    use crate::project::LoadedProject;

    fn container(service: &str, ports: &[(u16, u16)]) -> ObservedInstance {
        let port = |(published, target): &(u16, u16)| ObservedPort {
            target: *target,
            protocol: "tcp".into(),
            host: "127.0.0.1".into(),
            published: *published,
        };
        let ports = ports.iter().map(port).collect();
        ObservedInstance { service: service.into(), state: InstanceState::Running, ports, ..Default::default() }
    }

    fn face_of(instances: Vec<ObservedInstance>) -> std::result::Result<String, String> {
        let observed = Observed { instances, ..Default::default() };
        let project = LoadedProject::default();
        let loaded = LoadedStack { name: "shop".into(), stack: None, project, env_files: Vec::new(), source: None };
        face(&loaded, &observed).map(|(_, url)| url).map_err(|error| error.to_string())
    }

    #[test]
    fn a_page_is_a_port_known_for_it_or_one_that_was_named() {
        let observed = Observed::default();
        let database = container("db", &[(5432, 5432), (0, 9187)]);
        assert!(page(&observed, &database, None).unwrap_err().to_string().contains("`db` does not publish a web page"));
        assert_eq!(page(&observed, &database, Some(5432)).unwrap(), "http://localhost:5432");
        assert!(page(&observed, &database, Some(9187)).is_err(), "it is not published");
        let api = container("api", &[(5432, 5432), (18000, 8000)]);
        assert_eq!(page(&observed, &api, None).unwrap(), "http://localhost:18000");
    }

    #[test]
    fn the_project_s_face_is_known_by_name_or_by_being_the_only_page() {
        let grafana = || container("grafana", &[(3001, 3000)]);
        assert_eq!(face_of(vec![grafana(), container("db", &[(5432, 5432)])]).unwrap(), "http://localhost:3001");
        let both = vec![container("api", &[(8000, 8000)]), container("frontend", &[(3000, 8080)]), grafana()];
        assert_eq!(face_of(both).unwrap(), "http://localhost:3000");
        let several = face_of(vec![grafana(), container("kibana", &[(5601, 5601)])]).unwrap_err();
        assert_eq!(several, "several services have a page: grafana, kibana");
        let stopped = ObservedInstance { state: InstanceState::Exited, ..grafana() };
        assert_eq!(face_of(vec![stopped]).unwrap_err(), "no running service of shop publishes a web page");
    }
}
