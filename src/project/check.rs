//! What must be true of a running stack, as the project file says it.
//! Plain data: each check has a name and exactly one way to look; it also says which services it speaks of.
//! Never looks: `probe` does.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::model::CommandLine;
use super::quantity::Period;

/// One check: a name and exactly one of `http`, `tcp`, `tls`, `exec`, `sql`, `redis`, `prometheus`, `state` and `log`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What is true when it passes, in words.
    pub name: String,
    /// A URL whose host is a service: `http://api:8000/health`; a host with a dot is a public one.
    #[serde(default)]
    pub http: Option<HttpCheck>,
    /// A service and port that accept a connection: `postgres:5432`.
    #[serde(default)]
    pub tcp: Option<TcpCheck>,
    /// A certificate that is valid for some days to come.
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
    /// A question to Prometheus.
    #[serde(default)]
    pub prometheus: Option<PrometheusCheck>,
    /// The state of a service's containers.
    #[serde(default)]
    pub state: Option<StateCheck>,
    /// A pattern in a service's log of its containers' present run.
    #[serde(default)]
    pub log: Option<LogCheck>,
    /// What the answer must be.
    #[serde(default)]
    pub expect: Expectation,
    /// How long one answer may take; 5 seconds when not said.
    #[serde(default)]
    pub timeout: Option<Period>,
    /// How often `smoke-test` looks again after a failure; until its deadline when not said.
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

/// The certificate shown at a port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsCheck {
    /// `SERVICE:PORT`, or a public `HOST:PORT`.
    pub address: String,
    /// The name the certificate must be for.
    #[serde(default)]
    pub server_name: Option<String>,
    /// How many days it must still be valid; 14 when not said.
    #[serde(default)]
    pub days: Option<u32>,
    /// Refuse a certificate whose chain ends in no authority this machine knows.
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
    /// The database, instead of the user's own.
    #[serde(default)]
    pub database: Option<String>,
    /// The query; its first value is the answer, and there must be one.
    pub query: String,
}

/// A command to a Redis service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedisCheck {
    /// The Redis service.
    pub service: String,
    /// The command: `PING` when not said.
    #[serde(default)]
    pub command: CommandLine,
}

/// A question to Prometheus: its targets, its rules, or what it has measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PrometheusCheck {
    /// The Prometheus service; the one with such an image when not said.
    pub service: Option<String>,
    /// The state every target must be in.
    pub targets: Option<TargetsState>,
    /// `loaded`, or the rules that must be loaded by name.
    pub rules: Option<RulesState>,
    /// A metric that must have been measured.
    pub metric: Option<String>,
    /// A query in PromQL whose result must not be empty.
    pub query: Option<String>,
}

/// The state of Prometheus' targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetsState {
    /// Every target answers.
    Up,
}

/// The state of Prometheus' rules.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RulesState {
    /// There are rules where the configuration names files, and none of them fails.
    All(RulesWord),
    /// These rules are loaded.
    Named(Vec<String>),
}

/// The word for all rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RulesWord {
    /// There are rules where the configuration names files, and none of them fails.
    Loaded,
}

/// The state of a service's containers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateCheck {
    /// The service.
    pub service: String,
    /// The state each container must be in; `running` when not said.
    #[serde(default)]
    pub is: ExpectedState,
}

/// The state a container must be in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExpectedState {
    /// It runs, is healthy where it has a health check, and does not restart.
    #[default]
    Running,
    /// It has ended with exit code 0.
    Completed,
}

/// A pattern in a service's log since its containers started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogCheck {
    /// The service.
    pub service: String,
    /// Regular expression some line matches.
    #[serde(default)]
    pub present: Option<String>,
    /// Regular expression no line matches.
    #[serde(default)]
    pub absent: Option<String>,
}

/// What the answer must be; what is not said is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expectation {
    /// HTTP status; any below 400 when not said.
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<u16>,
    /// The whole answer, without blanks around it.
    pub equals: Option<String>,
    /// Text the answer holds.
    pub contains: Option<String>,
    /// Regular expression the answer matches.
    pub matches: Option<String>,
    /// Values of the answer's JSON by pointer: `/status: ok`.
    pub json: IndexMap<String, serde_json::Value>,
    /// Headers of the answer.
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
    /// Port, the scheme's own when not said.
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
    pub(super) fn ways(&self) -> [(&'static str, bool); 9] {
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
        ]
    }

    /// The service it speaks of and the key that names it; none for a public host and for Prometheus by its image.
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
