//! What the types cannot say: names that must exist, keys that exclude each other, limits between values.
//! Reads the typed project and the tree it came from; returns every problem with its place.
//! Never knows the services of the compose files: `LoadedProject::unknown_services` gets them.

use super::check_rules::examine_checks;
use super::document::Node;
use super::findings::Findings;
use super::model::{Environment, Project, ProxyConfig, RegistryConfig, Requirements, Resources};
use super::notify::examine_notify;
use super::shape::Misfit;
use super::ssh_address::{SshAddress, after_ssh_scheme};
use super::target::{DockerTarget, DockerTls, TargetConfig};
use super::trust::BackupPolicy;
use crate::error::nearest;

/// Everything that is wrong with the project as a whole.
pub(super) fn validate(project: &Project, root: &Node) -> Vec<Misfit> {
    let mut found = Findings::new(root);
    names(project, &mut found);
    for (name, environment) in &project.environments {
        examine_environment(name, environment, &mut found);
        migrations(name, (project, environment), &mut found);
        let place = ["environments", name, "checks"];
        examine_checks(&place, &project.checks, &environment.checks, &mut found);
    }
    tasks(project, &mut found);
    quickstart(project, &mut found);
    examine_checks(&["checks"], &[], &project.checks, &mut found);
    secrets(project, &mut found);
    if let Some(registry) = &project.registry {
        examine_registry(registry, &mut found);
    }
    if let Some(backup) = &project.backup {
        examine_backup(backup, &mut found);
    }
    if let Some(notify) = &project.notify {
        examine_notify(notify, &mut found);
    }
    if project.watch.as_ref().and_then(|watch| watch.interval).is_some_and(|interval| interval.0.as_secs() == 0) {
        found.add(&["watch", "interval"], "interval must be at least one second");
    }
    found.into_misfits()
}

fn names(project: &Project, found: &mut Findings<'_>) {
    if let Some(name) = &project.name {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(legal) || name.starts_with(['-', '_']) {
            let message = format!(
                "invalid project name `{name}`: it must consist of lowercase letters, digits, `-` and `_` and start with a letter or digit"
            );
            found.add(&["name"], message);
        }
    }
    for name in project.environments.keys() {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !name.chars().all(legal) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            let message = "invalid environment name: it must consist of letters, digits, `.`, `_` and `-` and start with a letter or digit";
            found.add(&["environments", name], message);
        }
    }
    let known = || project.environments.keys().map(String::as_str);
    if let Some(name) = project.default_environment.as_deref().filter(|name| !known().any(|known| known == *name)) {
        let message = format!("environment `{name}` is not defined");
        found.add_near(&["default_environment"], message, nearest(name, known()));
    }
}

fn examine_environment(name: &str, environment: &Environment, found: &mut Findings<'_>) {
    let at = |key: &'static str| ["environments", name, key];
    match &environment.target {
        Some(TargetConfig::Kubernetes(clusters)) => {
            if clusters.is_empty() {
                found.add(&at("target"), "no cluster is named");
            }
            if environment.chart.is_none() {
                found.add(&["environments", name], "`chart` is required on Kubernetes");
            }
            if environment.proxy.is_some() {
                found.add(&at("proxy"), "not supported on Kubernetes; use the ingress of the chart");
            }
        }
        Some(TargetConfig::Docker(engine)) => examine_engine(name, engine, found),
        None => {}
    }
    let on_a_cluster = matches!(environment.target, Some(TargetConfig::Kubernetes(_)));
    for (key, given) in [("chart", environment.chart.is_some()), ("namespace", environment.namespace.is_some())] {
        if given && !on_a_cluster {
            found.add(&at(key), "needs a Kubernetes `target`");
        }
    }
    if let Some(requirements) = &environment.requirements {
        examine_requirements(name, requirements, found);
    }
    if let Some(proxy) = &environment.proxy {
        examine_proxy(name, proxy, found);
    }
}

/// What is checked without looking at the machine; the way to the engine is looked for when it is needed.
fn examine_engine(name: &str, engine: &DockerTarget, found: &mut Findings<'_>) {
    let base = ["environments", name, "target", "docker"];
    let mut add = |keys: &[&str], message: &str| found.add(&[&base[..], keys].concat(), message);
    for (key, value) in [("host", &engine.host), ("context", &engine.context)] {
        if is_blank(value) {
            add(&[key], "is empty");
        }
    }
    if engine.host.is_some() && engine.context.is_some() {
        add(&[], "takes `host` or `context`, not both");
    }
    let ssh = engine.host.as_deref().and_then(after_ssh_scheme);
    if let Some(Err(fault)) = ssh.map(SshAddress::parse) {
        add(&["host"], &fault.to_string());
    }
    let Some(tls) = &engine.tls else { return };
    match (&engine.host, &engine.context) {
        (None, None) => add(&["tls"], "needs a `host`"),
        (None, Some(_)) => add(&["tls"], "a context brings its own; needs a `host`"),
        (Some(host), _) => {
            let scheme = host.split_once("://").map_or("tcp", |(scheme, _)| scheme.trim());
            if !matches!(scheme, "tcp" | "https") {
                add(&["tls"], &format!("is for tcp:// and not for {scheme}://"));
            }
        }
    }
    examine_tls_files(tls, &mut |keys, message| add(keys, message));
}

fn examine_tls_files(tls: &DockerTls, add: &mut dyn FnMut(&[&str], &str)) {
    let files = match tls {
        DockerTls::Directory(folder) if folder.trim().is_empty() => return add(&["tls"], "is empty"),
        DockerTls::Directory(_) => return,
        DockerTls::Files(files) => files,
    };
    for (key, value) in [("ca", &files.ca), ("cert", &files.cert), ("key", &files.key)] {
        if is_blank(value) {
            add(&["tls", key], "is empty");
        }
    }
    if files.cert.is_some() != files.key.is_some() {
        add(&["tls"], "takes `cert` and `key` together");
    }
    if files.verify == Some(false) && files.ca.is_some() {
        add(&["tls", "ca"], "has no effect with `verify: false`");
    }
}

fn is_blank(value: &Option<String>) -> bool {
    value.as_ref().is_some_and(|value| value.trim().is_empty())
}

fn examine_requirements(name: &str, requirements: &Requirements, found: &mut Findings<'_>) {
    let Requirements { minimum, recommended, .. } = requirements;
    let exceeds =
        |pick: fn(&Resources) -> Option<f64>| pick(minimum).zip(pick(recommended)).is_some_and(|(a, b)| a > b);
    let pairs: [(&str, bool); 3] = [
        ("cpus", exceeds(|r| r.cpus)),
        ("memory", exceeds(|r| r.memory.map(|size| size.0 as f64))),
        ("disk", exceeds(|r| r.disk.map(|size| size.0 as f64))),
    ];
    for (key, _) in pairs.iter().filter(|(_, exceeds)| *exceeds) {
        let path = ["environments", name, "requirements", "recommended", key];
        found.add(&path, "is less than the minimum");
    }
}

fn examine_proxy(name: &str, proxy: &ProxyConfig, found: &mut Findings<'_>) {
    let base = ["environments", name, "proxy"];
    let named = !proxy.service.trim().is_empty();
    match (proxy.managed, named) {
        (true, true) => {
            found.add(&[base[0], base[1], base[2], "managed"], "takes `service` or `managed: true`, not both")
        }
        (false, false) => found.add(&base, "requires `service` or `managed: true`"),
        _ => {}
    }
    if proxy.managed && proxy.tls.is_some() {
        let message = "is not supported with `managed: true`; name a proxy `service` of the compose files";
        found.add(&[base[0], base[1], base[2], "tls"], message);
    }
    if let Some(tls) = &proxy.tls
        && tls.letsencrypt.is_some() == tls.files.is_some()
    {
        found.add(&[base[0], base[1], base[2], "tls"], "takes exactly one of `letsencrypt` and `files`");
    }
    if let Some(files) = proxy.tls.as_ref().and_then(|tls| tls.files.as_ref()) {
        for (key, path) in [("certificate", &files.certificate), ("key", &files.key)] {
            if !path.starts_with('/') || !is_plain_path(path) {
                let message = "must be an absolute path inside the container of the proxy";
                found.add(&[base[0], base[1], base[2], "tls", "files", key], message);
            }
        }
    }
    for index in 0..proxy.routes.len() {
        examine_route(name, (proxy, index), found);
    }
}

fn examine_route(name: &str, (proxy, index): (&ProxyConfig, usize), found: &mut Findings<'_>) {
    let (route, earlier) = (&proxy.routes[index], &proxy.routes[..index]);
    let number = index.to_string();
    let at = |key: &'static str| ["environments", name, "proxy", "routes", number.as_str(), key];
    if !route.path.starts_with('/') {
        found.add(&at("path"), format!("`{}` must start with `/`", route.path));
    } else if !is_plain_path(&route.path) {
        found.add(&at("path"), "must consist of letters, digits and `/._~%+@:,=-`");
    }
    if earlier.iter().any(|earlier| earlier.path == route.path) {
        found.add(&at("path"), format!("duplicate route `{}`", route.path));
    }
    if route.service == proxy.service && !proxy.managed {
        found.add(&at("service"), "the proxy cannot be its own target");
    }
    let twin = earlier.iter().find(|earlier| earlier.service == route.service);
    if twin.is_some_and(|earlier| earlier.strategy != route.strategy) {
        found.add(&at("strategy"), format!("the routes of `{}` have different strategies", route.service));
    }
}

fn migrations(name: &str, (project, environment): (&Project, &Environment), found: &mut Findings<'_>) {
    for task in environment.deploy.migrate.iter().filter(|task| !project.tasks.contains_key(*task)) {
        let near = nearest(task, project.tasks.keys().map(String::as_str));
        found.add_near(&["environments", name, "deploy", "migrate"], format!("task `{task}` is not defined"), near);
    }
}

/// A path as nginx reads it without quotes.
fn is_plain_path(path: &str) -> bool {
    path.chars().all(|c| c.is_ascii_alphanumeric() || "/._~%+@:,=-".contains(c))
}

fn tasks(project: &Project, found: &mut Findings<'_>) {
    for (name, task) in &project.tasks {
        if task.command.0.is_empty() {
            found.add(&["tasks", name, "command"], "is empty");
        }
    }
}

fn quickstart(project: &Project, found: &mut Findings<'_>) {
    let wanted = &project.quickstart;
    let environment = wanted.environment.iter().filter(|name| !project.environments.contains_key(*name));
    for name in environment {
        found.add(&["quickstart", "environment"], format!("environment `{name}` is not defined"));
    }
    for (index, name) in wanted.tasks.iter().flatten().enumerate() {
        if !project.tasks.contains_key(name) {
            found.add(&["quickstart", "tasks", &index.to_string()], format!("task `{name}` is not defined"));
        }
    }
}

fn secrets(project: &Project, found: &mut Findings<'_>) {
    for (name, secret) in &project.secrets {
        if secret.generate.is_some() && secret.required {
            found.add(&["secrets", name], "`generate` and `required` are mutually exclusive");
        }
        if secret.generate.is_none() && secret.bytes.is_some() {
            found.add(&["secrets", name, "bytes"], "requires `generate`");
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(legal) || name.starts_with(|c: char| c.is_ascii_digit()) {
            found.add(&["secrets", name], "is not a valid variable name");
        }
    }
}

fn examine_registry(registry: &RegistryConfig, found: &mut Findings<'_>) {
    if let Some(fault) = registry_fault(&registry.url) {
        found.add(&["registry", "url"], fault);
    }
    for (index, mirror) in registry.mirrors.iter().enumerate() {
        if let Some(fault) = registry_fault(mirror) {
            found.add(&["registry", "mirrors", &index.to_string()], fault);
        }
    }
}

/// What keeps this from being the beginning of an image's name: host, port and path.
fn registry_fault(url: &str) -> Option<String> {
    if let Some((_, rest)) = url.split_once("://") {
        return Some(format!("must not have a scheme; write `{}`", rest.trim_end_matches('/')));
    }
    let (authority, path) = url.split_once('/').map_or((url, None), |(authority, path)| (authority, Some(path)));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let sound = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == ':');
    let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => sound(host) && !host.contains(['[', ']']),
    };
    let port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0));
    let path = path.is_none_or(|path| path.split('/').all(sound));
    (!host || !port || !path).then(|| format!("`{url}` is not `HOST[:PORT][/PATH]`"))
}

fn examine_backup(backup: &BackupPolicy, found: &mut Findings<'_>) {
    let password = &backup.password;
    let sources = [password.env.is_some(), password.file.is_some(), password.command.is_some()];
    if sources.iter().filter(|source| **source).count() != 1 {
        found.add(&["backup", "password"], "takes exactly one of `env`, `file` and `command`");
    }
    if let Some(drill) = &backup.drill {
        super::drill::examine_drill(drill, found);
    }
    let keep = &backup.keep;
    let rules = [keep.last, keep.hourly, keep.daily, keep.weekly, keep.monthly, keep.yearly];
    if backup.schedule.is_some() && keep.within.is_none() && rules.iter().all(|count| *count == 0) {
        found.add(&["backup"], "`schedule` requires `keep`: without it the repository grows without bound");
    }
}
