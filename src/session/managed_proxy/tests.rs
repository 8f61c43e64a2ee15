//! What a managed proxy adds to stacks, and what it leaves alone.

use std::fs;

use crate::compose::{self, LoadArgs, LoadOptions};
use crate::input_file::LocalFiles;
use crate::project::{LoadedProject, ProjectArgs, load_project};

/// The stack of a project, its managed proxy, and the files on disk they come from.
fn loaded(proxy: &str, services: &str) -> Result<(compose::Stack, LoadedProject), String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("aictl.yaml"), format!("environments: {{ prod: {{ proxy: {proxy} }} }}\n")).unwrap();
    fs::write(folder.path().join("compose.yaml"), format!("name: shop\n{services}")).unwrap();
    let args = ProjectArgs { directory: folder.path(), file: None, environment: None, set: &[] };
    let mut project = load_project(&args, &LocalFiles).unwrap();
    let options = LoadOptions { all_resources: true, ..Default::default() };
    let mut args = LoadArgs { working_dir: folder.path().to_owned(), options, ..Default::default() };
    if let Some(managed) = super::append(&project, &mut args).map_err(|error| error.messages().join(": "))? {
        super::resolve(&mut project, managed);
    }
    let stack = compose::load(&args, &LocalFiles).map_err(|error| error.to_string())?.stack;
    Ok((stack, project))
}

fn published(stack: &compose::Stack, service: &str) -> Vec<String> {
    let ports = stack.services[service].ports.iter();
    let mut all: Vec<String> =
        ports.map(|port| format!("{}:{}:{}", port.host_ip, port.published, port.target)).collect();
    all.sort();
    all
}

const SERVICES: &str = "
services:
  web: { image: me/web, ports: ['127.0.0.1:8080:3000', '8081:3001'], networks: [front] }
  api: { image: me/api, ports: ['8000:8000'], networks: [front, back] }
  db: { image: 'postgres:15', ports: ['5432:5432'], networks: [back] }
  dns: { image: me/dns, ports: ['5300:5300/udp'] }
  random: { image: me/random, ports: ['9000'] }
  range: { image: me/range, ports: ['7000-7002:7000'] }
  grpc: { image: me/grpc, ports: ['50051:50051'] }
  tls: { image: me/tls, ports: ['443:443'] }
  typed: { image: me/typed, ports: [{ target: 70, published: '70', app_protocol: gopher }] }
  files: { image: me/files, ports: ['8090:80'], volumes: ['data:/data'] }
  named: { image: me/named, ports: ['8091:80'], container_name: named }
  many: { image: me/many, ports: ['8092:80'], scale: 0 }
  twin: { image: me/twin, ports: ['127.0.0.2:8000:80'] }
  ui: { image: me/redis-ui, ports: ['8093:80'] }
  cache: { image: me/redis, ports: ['7379:7379'] }
  quiet: { image: me/quiet }
  extra: { image: me/extra, ports: ['8094:80'], profiles: [''] }
networks: { front: {}, back: {} }
volumes: { data: {} }
";

#[test]
fn http_ports_of_services_that_can_run_twice_move_and_all_others_say_why_not() {
    let (stack, project) = loaded("{ managed: true }", SERVICES).unwrap();
    let listeners = project.managed_proxy.listeners.iter();
    let listeners: Vec<String> = listeners.map(|to| format!("{} -> {}:{}", to.listen, to.service, to.port)).collect();
    assert_eq!(listeners, ["8000 -> api:8000", "8093 -> ui:80", "8080 -> web:3000", "8081 -> web:3001"]);
    assert_eq!(published(&stack, "aictl-proxy"), ["127.0.0.1:8080:8080", ":8000:8000", ":8081:8081", ":8093:8093"]);
    for service in ["web", "api", "ui"] {
        assert!(published(&stack, service).is_empty(), "{service}");
    }
    let networks: Vec<&String> = stack.services["aictl-proxy"].networks.keys().collect();
    assert_eq!(networks, ["back", "default", "front"]);
    let kept: Vec<String> = project.managed_proxy.kept.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    insta::assert_snapshot!(kept.join("\n"), @r"
    aictl-proxy: it is the proxy
    cache: me/redis is not an HTTP service
    db: postgres:15 is not an HTTP service
    dns: its port 5300/udp is not TCP
    extra: it belongs to a profile
    files: it has a writable volume at /data
    grpc: its port 50051 is not an HTTP port
    many: it has 0 replicas
    named: it has a container_name
    quiet: it publishes no port
    random: its port 9000 has no fixed port on the host
    range: its host ports 7000-7002 are a range
    tls: its port 443 is a TLS port
    twin: its host port 8000 also leads to port 8000 of api
    typed: its port 70 has the application protocol gopher
    ");
    for service in ["db", "dns", "random", "range", "grpc", "tls", "typed", "files", "named", "twin", "cache"] {
        assert_eq!(stack.services[service].ports.len(), 1, "{service}");
    }
}

#[test]
fn routes_of_the_project_file_win_and_every_port_of_their_services_must_lead_somewhere() {
    let routes = "{ managed: true, routes: [{ path: /, service: web, port: 3000 }, { path: /x, service: web, port: 3001 }, { path: /api, service: api, port: 8000 }] }";
    let (stack, project) = loaded(routes, SERVICES).unwrap();
    assert_eq!(published(&stack, "aictl-proxy"), ["127.0.0.1:8080:8080", ":8000:8000", ":8081:8081"]);
    assert!(project.managed_proxy.listeners.is_empty() && published(&stack, "ui").len() == 1);
    for (route, said) in [
        ("web, port: 3000", "no route leads to its published port 3001"),
        ("dns, port: 5300", "its port 5300/udp is not TCP"),
        ("range, port: 7000", "its host ports 7000-7002 are a range"),
        ("random, port: 9000", "its port 9000 has no fixed port on the host"),
        ("quiet, port: 80", "has no port to take over: no routed service publishes a port"),
        ("wbe, port: 80", "service `wbe` is not defined in the compose files; did you mean `web`?"),
    ] {
        let routes = format!("{{ managed: true, routes: [{{ path: /, service: {route} }}] }}");
        let error = loaded(&routes, SERVICES).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn names_of_the_proxy_that_are_taken_and_stacks_without_such_a_port_are_refused() {
    let web = "  web: { image: me/web, ports: ['8080:80'] }\n";
    for (files, said) in [
        (format!("services:\n{web}  aictl-proxy: {{ image: x, profiles: [p] }}\n"), "define the service `aictl-proxy`"),
        (format!("services:\n{web}volumes: {{ aictl_proxy: {{}} }}\n"), "define the volume `aictl_proxy`"),
        (
            format!("services:\n{web}volumes: {{ x: {{ name: shop_aictl_proxy }} }}\n"),
            "define the volume `aictl_proxy`",
        ),
        (
            "services: { db: { image: 'postgres:15', ports: ['5432:5432'] } }\n".to_owned(),
            "postgres:15 is not an HTTP service",
        ),
    ] {
        let error = loaded("{ managed: true }", &files).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
}
