//! The nginx configuration of the routes, from the template in this binary.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::settings::{DeploySettings, ProxySettings};
use crate::compose::model::Stack;
use crate::error::Result;
use crate::plan::blue_green::{Choice, WantedProxy};
use crate::plan::{GATE_PORT, Observed, PROXY_FOLDER, gate_name};
use crate::project::Listener;
use crate::release::Side;
use crate::session::{Context, WorkflowError, managed_proxy};
use crate::template::{self, Scope, TemplateFile};

const TEMPLATE: &str = include_str!("../../../templates/proxy/aictl.conf.tera");
/// What clients get during maintenance: without `'`, which ends it in the configuration, and without `$`.
const PAGE: &str = include_str!("../../../templates/proxy/maintenance.html.tera");

/// Clients may try again after so many seconds when a service is not there at the end of a hold.
const RETRY_AFTER: u32 = 5;
/// The same during maintenance.
const RETRY_AFTER_MAINTENANCE: u32 = 60;

/// Where a configuration names the secret of the probe header.
const BEFORE_SECRET: &str = "\"~^";

/// A secret for the header of probes, for a proxy that has none yet.
pub(super) fn new_secret(context: &Context) -> Result<String> {
    let mut bytes = [0; 16];
    (context.random)(&mut bytes)
        .map_err(|e| WorkflowError::File { path: "random bytes".to_owned(), reason: e.to_string() })?;
    Ok(hex::encode(bytes))
}

/// What the configuration is made from.
pub(super) struct ProxySource<'a> {
    pub(super) settings: &'a DeploySettings,
    pub(super) proxy: &'a ProxySettings,
    pub(super) stack: &'a Stack,
}

/// The proxy as it is wanted; the secret stays what the configuration in use has.
pub(super) fn wanted_proxy(from: &ProxySource<'_>, observed: &Observed, new_secret: &str) -> Result<WantedProxy> {
    let proxy = from.proxy;
    let found = observed.proxy.as_ref().and_then(|found| secret_of(found.configuration.as_deref()?));
    let secret = found.unwrap_or(new_secret).to_owned();
    let mut paths: BTreeMap<String, Vec<(u16, String)>> = BTreeMap::new();
    for server in servers(proxy) {
        let port = server.plain.first().copied().unwrap_or_default();
        for (path, service, _) in server.routes {
            paths.entry(service).or_default().push((port, path));
        }
    }
    // The fingerprint is that of the configuration without both: equal files have the same one.
    let fingerprint = hex::encode(&Sha256::digest(render(from, "", "")?)[..8]);
    Ok(WantedProxy {
        service: proxy.service.clone(),
        configuration: render(from, &secret, &fingerprint)?,
        fingerprint,
        secret,
        paths,
    })
}

/// The configuration without its secret, which is drawn anew for a proxy that has none yet.
pub(super) fn without_secret(configuration: &str) -> String {
    secret_of(configuration).map_or_else(|| configuration.to_owned(), |secret| configuration.replace(secret, ""))
}

fn secret_of(configuration: &str) -> Option<&str> {
    let (_, rest) = configuration.split_once(BEFORE_SECRET)?;
    let (secret, _) = rest.split_once('-')?;
    (secret.len() == 32 && secret.bytes().all(|b| b.is_ascii_hexdigit())).then_some(secret)
}

/// One server of the configuration.
struct Server {
    plain: Vec<u16>,
    secure: Vec<u16>,
    routes: Vec<(String, String, u16)>,
}

/// One server with the routes, or one for each port of a managed proxy that leads to a service of its own.
fn servers(proxy: &ProxySettings) -> Vec<Server> {
    if proxy.listeners.is_empty() {
        let ProxySettings { plain, secure, routes, .. } = proxy.clone();
        return vec![Server { plain, secure, routes }];
    }
    let server = |to: &Listener| Server {
        plain: vec![to.listen],
        secure: Vec::new(),
        routes: vec![("/".to_owned(), to.service.clone(), to.port)],
    };
    proxy.listeners.iter().map(server).collect()
}

fn render(from: &ProxySource<'_>, secret: &str, fingerprint: &str) -> Result<String> {
    let ProxySource { settings, proxy, stack } = *from;
    let route = |(number, (path, service, port)): (usize, &(String, String, u16))| {
        let both = settings.strategies.get(service).is_some_and(Choice::is_blue_green);
        let declared = stack.services.get(service).cloned().unwrap_or_default();
        let container = |side: Side| declared.container_name(&stack.name, service, side.number());
        let blue = if both { container(Side::Blue) } else { service.clone() };
        json!({
            "number": number, "path": path, "service": service, "port": port, "both": both,
            "blue": blue, "green": container(Side::Green),
        })
    };
    let server = |server: Server| {
        let Server { plain, secure, routes } = server;
        json!({ "plain": plain, "secure": secure, "routes": routes.iter().enumerate().map(route).collect::<Vec<_>>() })
    };
    let (certificate, key) = proxy.files.clone().unwrap_or_default();
    let values = json!({
        "folder": PROXY_FOLDER,
        "gate": gate_name(&stack.name),
        "gate_port": GATE_PORT,
        "retry_after": RETRY_AFTER,
        "retry_after_maintenance": RETRY_AFTER_MAINTENANCE,
        "page": rendered(("maintenance.html", PAGE), &Default::default(), &stack.name)?,
        "secret": secret,
        "fingerprint": fingerprint,
        "managed": proxy.service == managed_proxy::SERVICE,
        "certificate": certificate,
        "key": key,
        "servers": servers(proxy).into_iter().map(server).collect::<Vec<_>>(),
    });
    let Value::Object(values) = values else { return Ok(String::new()) };
    rendered(("aictl.conf", TEMPLATE), &values, &stack.name)
}

fn rendered((name, text): (&str, &str), values: &Map<String, Value>, project: &str) -> Result<String> {
    let source = TemplateFile { name: format!("{name}{}", template::SUFFIX), text: text.to_owned() };
    let rendered = template::render(&[source], &Scope { values, environment: "", project })?;
    Ok(rendered.into_iter().next().map(|file| file.text).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Strategy;

    fn configuration(proxy: &ProxySettings) -> String {
        let mut stack = Stack { name: "shop".into(), ..Default::default() };
        stack.services.insert("api".into(), Default::default());
        stack.services.insert("web".into(), Default::default());
        let choice = |strategy| Choice { strategy, cause: String::new(), overrides: false };
        let strategies = [("api", Strategy::BlueGreen), ("web", Strategy::Recreate)];
        let settings = DeploySettings {
            proxy: Some(proxy.clone()),
            strategies: strategies.map(|(name, strategy)| (name.to_owned(), choice(strategy))).into(),
            keep: 2,
            ..Default::default()
        };
        render(&ProxySource { settings: &settings, proxy, stack: &stack }, &"a".repeat(32), "b5").unwrap()
    }

    #[test]
    fn each_route_names_both_sides_once_and_the_secret_is_found_again() {
        let routes = vec![("/api/".to_owned(), "api".to_owned(), 8000), ("/".to_owned(), "web".to_owned(), 3000)];
        let proxy = ProxySettings { service: "nginx".into(), plain: vec![80], routes, ..Default::default() };
        let text = configuration(&proxy);
        assert!(
            text.contains("if (-f /etc/nginx/conf.d/current/api) { set $aictl_upstream \"shop-api-2\"; }"),
            "{text}"
        );
        assert!(text.contains("proxy_pass http://$aictl_upstream:8000;"), "{text}");
        assert!(text.contains("set $aictl_upstream \"web\";") && !text.contains("shop-web"), "{text}");
        assert!(text.contains("listen 80 default_server;") && !text.contains("ssl"), "{text}");
        assert_eq!(secret_of(&text), Some("a".repeat(32).as_str()));
        for part in [
            "if (-f /etc/nginx/conf.d/hold/all/web) { set $aictl_held \"yes\"; }",
            "error_page 418 = @held_1;",
            "location @released_1 {",
            "set $aictl_gate \"shop-aictl-gate\";",
            "proxy_pass http://$aictl_gate:8080;",
            "<p>shop will be back shortly.</p>",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        // The page is one quoted word of the configuration, of which nginx reads at most a page of memory.
        assert!(!PAGE.contains(['\'', '$']) && PAGE.len() < 3500);
        let to = |listen, service: &str, port| Listener { listen, service: service.to_owned(), port };
        let listeners = vec![to(8080, "api", 8000), to(8081, "web", 3000)];
        let ports = configuration(&ProxySettings { listeners, ..proxy.clone() });
        for (listen, upstream) in [(8080, "proxy_pass http://$aictl_upstream:8000;"), (8081, ":3000;")] {
            let (_, server) = ports.split_once(&format!("listen {listen} default_server;")).unwrap();
            let server = server.split("\nserver {").next().unwrap();
            assert!(server.contains("location / {") && server.contains(upstream), "{ports}");
        }
        assert!(!ports.contains("listen 80 ") && ports.contains("client_max_body_size 64m;"), "{ports}");
        let service = managed_proxy::SERVICE.to_owned();
        let managed = configuration(&ProxySettings { service, ..proxy.clone() });
        assert!(managed.contains("client_max_body_size 0;") && !managed.contains("64m"), "{managed}");
        let files = Some(("/c.pem".to_owned(), "/k.pem".to_owned()));
        let text = configuration(&ProxySettings { secure: vec![443], files, ..proxy });
        assert!(text.contains("listen 443 ssl default_server;") && text.contains("ssl_certificate /c.pem;"), "{text}");
    }
}
