//! What must be true of a running stack, as the project file says it.
//! Plain data: each check has a name and exactly one way to look; it also names its services.
//! Never looks: `probe` does.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::backup_check::BackupCheck;
use super::command_line::CommandLine;
use super::quantity::Period;

/// One check: a name and exactly one of `http`, `tcp`, `tls`, `exec`, `sql`, `redis`, `prometheus`, `state`,
/// `log` and `backup`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Name of the check.
    pub name: String,
    /// A URL whose host is a service: `http://api:8000/health`; a host with a dot is a public one.
    #[serde(default)]
    pub http: Option<HttpCheck>,
    /// A service and port that accept a connection: `postgres:5432`.
    #[serde(default)]
    pub tcp: Option<TcpCheck>,
    /// The certificate of a TLS port.
    #[serde(default)]
    pub tls: Option<TlsCheck>,
    /// A command inside a service that exits 0.
    #[serde(default)]
    pub exec: Option<ExecCheck>,
    /// A query in a PostgreSQL service.
    #[serde(default)]
    pub sql: Option<SqlCheck>,
    /// A command to a Redis service.
    #[serde(default)]
    pub redis: Option<RedisCheck>,
    /// A query to Prometheus.
    #[serde(default)]
    pub prometheus: Option<PrometheusCheck>,
    /// The state of a service's containers.
    #[serde(default)]
    pub state: Option<StateCheck>,
    /// A pattern in the log of a service since its containers started.
    #[serde(default)]
    pub log: Option<LogCheck>,
    /// The age of the newest backup set, as `status` shows it; not checked by `deploy` and `backup restore`.
    #[serde(default)]
    pub backup: Option<BackupCheck>,
    /// Expected response.
    #[serde(default)]
    pub expect: Expectation,
    /// Timeout of one attempt; default: 5 seconds.
    #[serde(default)]
    pub timeout: Option<Period>,
    /// Maximum retries of `smoke-test`; default: retry until its timeout.
    #[serde(default)]
    pub retries: Option<u32>,
}

/// A URL whose host is a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct HttpCheck {
    /// `http://SERVICE:PORT/path`.
    pub url: String,
}

/// A service and port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TcpCheck {
    /// `SERVICE:PORT`.
    pub address: String,
}

/// The certificate of a TLS port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsCheck {
    /// `SERVICE:PORT`, or a public `HOST:PORT`.
    pub address: String,
    /// Expected host name of the certificate.
    #[serde(default)]
    pub server_name: Option<String>,
    /// Minimum remaining validity in days; default: 14.
    #[serde(default)]
    pub days: Option<u32>,
    /// Require a trusted certificate chain.
    #[serde(default)]
    pub verify: bool,
}

/// A command inside a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecCheck {
    /// The service it runs in.
    pub service: String,
    /// Program and arguments.
    pub command: CommandLine,
}

/// A query in a PostgreSQL service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlCheck {
    /// The PostgreSQL service.
    pub service: String,
    /// The database; default: the one of the user.
    #[serde(default)]
    pub database: Option<String>,
    /// The query; its first value is the response, at least one row is required.
    pub query: String,
}

/// A command to a Redis service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedisCheck {
    /// The Redis service.
    pub service: String,
    /// The command; default: `PING`.
    #[serde(default)]
    pub command: CommandLine,
}

/// A query to Prometheus: targets, rules or metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PrometheusCheck {
    /// The Prometheus service; default: the one with a Prometheus image.
    pub service: Option<String>,
    /// Expected state of all targets.
    pub targets: Option<TargetsState>,
    /// `loaded`, or the rules that must be loaded by name.
    pub rules: Option<RulesState>,
    /// A metric that must exist.
    pub metric: Option<String>,
    /// A query in PromQL whose result must not be empty.
    pub query: Option<String>,
}

/// The state of Prometheus' targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetsState {
    /// All targets are up.
    Up,
}

/// The state of Prometheus' rules.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RulesState {
    /// All configured rules are loaded and none fails.
    All(RulesWord),
    /// These rules are loaded.
    Named(Vec<String>),
}

/// All rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RulesWord {
    /// All configured rules are loaded and none fails.
    Loaded,
}

/// The state of a service's containers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateCheck {
    /// The service.
    pub service: String,
    /// Expected state of each container; default: `running`.
    #[serde(default)]
    pub is: ExpectedState,
}

/// The state a container must be in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExpectedState {
    /// Running, healthy if it has a health check, and not restarting.
    #[default]
    Running,
    /// Exited with code 0.
    Completed,
}

/// A pattern in a service's log since its containers started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogCheck {
    /// The service.
    pub service: String,
    /// Regular expression that a line must match.
    #[serde(default)]
    pub present: Option<String>,
    /// Regular expression that no line may match.
    #[serde(default)]
    pub absent: Option<String>,
}

/// Expected response; omitted keys are not checked.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expectation {
    /// HTTP status; default: any below 400.
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// The whole response body, trimmed.
    pub equals: Option<String>,
    /// Text the response contains.
    pub contains: Option<String>,
    /// Regular expression the response matches.
    pub matches: Option<String>,
    /// Values of the JSON response by pointer: `/status: ok`.
    pub json: IndexMap<String, serde_json::Value>,
    /// Headers of the response.
    pub headers: IndexMap<String, String>,
    /// Exit code of a command.
    #[schemars(range(min = 0, max = 255))]
    pub exit_code: Option<i32>,
}

/// The parts of a check's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpParts<'a> {
    /// `https`.
    pub secure: bool,
    /// Host without port; an IPv6 address keeps its brackets.
    pub host: &'a str,
    /// Port; default: the one of the scheme.
    pub port: u16,
    /// Path and query, at least `/`.
    pub path: &'a str,
}

impl HttpCheck {
    /// The parts, when the URL has them.
    pub fn parts(&self) -> Option<HttpParts<'_>> {
        let (scheme, rest) = self.url.split_once("://")?;
        let secure = match scheme {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let default = if secure { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port_of(port)?),
            _ => (authority, default),
        };
        let sound = !host.is_empty() && !host.contains(['@', ' ', '#']) && !path.contains([' ', '#']);
        sound.then_some(HttpParts { secure, host, port, path: if path.is_empty() { "/" } else { path } })
    }
}

/// Nothing listens on port 0.
fn port_of(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port != 0)
}

/// `HOST:PORT` taken apart.
pub fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    Some((host, port_of(port)?)).filter(|(host, _)| !host.is_empty() && !host.contains(['/', ' ', '@']))
}

/// Whether a host is no service: services have no dots in their names where they are spoken of in checks.
pub fn is_public(host: &str) -> bool {
    host.contains('.') || host.starts_with('[') || host == "localhost"
}

impl Check {
    /// Its way to look: the key in the project file.
    pub fn way(&self) -> &'static str {
        self.ways().into_iter().find(|(_, said)| *said).map_or("", |(name, _)| name)
    }

    /// Every way with whether it was said.
    pub(super) fn ways(&self) -> [(&'static str, bool); 10] {
        [
            ("http", self.http.is_some()),
            ("tcp", self.tcp.is_some()),
            ("tls", self.tls.is_some()),
            ("exec", self.exec.is_some()),
            ("sql", self.sql.is_some()),
            ("redis", self.redis.is_some()),
            ("prometheus", self.prometheus.is_some()),
            ("state", self.state.is_some()),
            ("log", self.log.is_some()),
            ("backup", self.backup.is_some()),
        ]
    }

    /// Whether it needs a running process to answer.
    pub fn needs_running(&self) -> bool {
        self.state.is_none() && self.log.is_none() && self.backup.is_none()
    }

    /// The service it names and the key of that name; none for a public host and for Prometheus by its image.
    pub fn service(&self) -> Option<(&'static [&'static str], &str)> {
        let of_host = |path, host: &'_ str| (!is_public(host)).then_some(path);
        if let Some(parts) = self.http.as_ref().and_then(HttpCheck::parts) {
            return of_host(&["http"][..], parts.host).map(|path| (path, parts.host));
        }
        if let Some((host, _)) = self.tcp.as_ref().and_then(|tcp| host_and_port(&tcp.address)) {
            return of_host(&["tcp"][..], host).map(|path| (path, host));
        }
        if let Some((host, _)) = self.tls.as_ref().and_then(|tls| host_and_port(&tls.address)) {
            return of_host(&["tls", "address"][..], host).map(|path| (path, host));
        }
        let named = [
            (&["exec", "service"][..], self.exec.as_ref().map(|c| &c.service)),
            (&["sql", "service"][..], self.sql.as_ref().map(|c| &c.service)),
            (&["redis", "service"][..], self.redis.as_ref().map(|c| &c.service)),
            (&["prometheus", "service"][..], self.prometheus.as_ref().and_then(|c| c.service.as_ref())),
            (&["state", "service"][..], self.state.as_ref().map(|c| &c.service)),
            (&["log", "service"][..], self.log.as_ref().map(|c| &c.service)),
        ];
        named.into_iter().find_map(|(path, service)| Some((path, service?.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_come_apart() {
        let parts = |url: &str| {
            let check = HttpCheck { url: url.to_owned() };
            check.parts().map(|p| (p.secure, p.host.to_owned(), p.port, p.path.to_owned()))
        };
        let expected = |secure, host: &str, port, path: &str| Some((secure, host.to_owned(), port, path.to_owned()));
        assert_eq!(parts("http://api:8000/health?deep=1"), expected(false, "api", 8000, "/health?deep=1"));
        assert_eq!(parts("https://1c_integration"), expected(true, "1c_integration", 443, "/"));
        assert_eq!(parts("https://[::1]:8443/"), expected(true, "[::1]", 8443, "/"));
        assert_eq!(parts("http://[::1]/"), expected(false, "[::1]", 80, "/"));
        for wrong in ["api:8000", "ftp://api", "http://", "http://api:port/", "http://me:pw@api/", "http://a b/"] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_check_names_its_service_unless_the_host_is_public() {
        let check = |text: &str| serde_yaml_ng::from_str::<Check>(text).unwrap();
        for (text, path, service) in [
            ("{ name: a, http: 'http://api:8000/' }", "http", Some("api")),
            ("{ name: a, http: 'https://example.com/' }", "http", None),
            ("{ name: a, tls: { address: 'nginx:443' } }", "tls", Some("nginx")),
            ("{ name: a, sql: { service: db, query: select 1 } }", "sql", Some("db")),
            ("{ name: a, prometheus: { targets: up } }", "prometheus", None),
            ("{ name: a, log: { service: api, absent: panic } }", "log", Some("api")),
        ] {
            let check = check(text);
            assert_eq!((check.way(), check.service().map(|(_, name)| name)), (path, service), "{text}");
        }
    }
}
