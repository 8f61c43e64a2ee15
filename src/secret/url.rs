//! Decides whether a connection URL says what was meant: scheme, host, port, and nothing in it that must be encoded.
//! Returns what is wrong with a value in words that reveal nothing of it.
//! Never connects, and never repairs.

/// Schemes with a file, a socket or nothing in place of a host.
#[rustfmt::skip]
const WITHOUT_HOST: &[&str] = &[
    "cache", "dict", "duckdb", "file", "filesystem", "h2", "ldapi", "libsql", "locmem", "mem", "memory", "null", "npipe",
    "redis-socket", "sqlite", "sqlite3", "unix",
];

/// Schemes that are followed by an address without `//`.
#[rustfmt::skip]
const WITHOUT_SLASHES: &[&str] = &[
    "blob", "cid", "data", "did", "duckdb", "file", "geo", "h2", "mailto", "mem", "memory", "sip", "sips", "sqlite",
    "sqlite3", "sqlserver", "stun", "stuns", "tel", "turn", "turns", "unix", "urn",
];

/// Schemes by the first word of the variable's name.
const SCHEMES: &[(&str, &[&str])] = &[
    ("POSTGRES", &["postgres", "postgresql"]),
    ("POSTGRESQL", &["postgres", "postgresql"]),
    ("REDIS", &["redis", "rediss", "redis+sentinel", "unix", "valkey", "valkeys"]),
    ("RABBITMQ", &["amqp", "amqps"]),
    ("AMQP", &["amqp", "amqps"]),
    ("MONGO", &["mongodb", "mongodb+srv"]),
    ("MONGODB", &["mongodb", "mongodb+srv"]),
    ("MYSQL", &["mysql", "mariadb"]),
    ("QDRANT", &["http", "https", "grpc"]),
    ("ELASTICSEARCH", &["http", "https"]),
];

/// Whether a variable of this name holds a URL.
pub fn is_url_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["URL", "URI", "DSN"].iter().any(|last| name == *last || name.ends_with(&format!("_{last}")))
}

/// What is wrong with a URL, or `None`. An empty value, a path (`/api`) and a DSN of `key=value` words are no URLs and pass.
pub fn malformed_url(name: &str, value: &str) -> Option<String> {
    // Properties of the driver follow a semicolon.
    let value = value.strip_prefix("jdbc:").map_or(value, |rest| rest.split(';').next().unwrap_or(rest));
    if value.is_empty() || value.starts_with(['/', '*', '.']) || is_words(value) || is_without_slashes(value) {
        return None;
    }
    if is_driver_address(value) {
        return None;
    }
    let several = addresses(value);
    if several.len() > 1 {
        return several.iter().find_map(|address| malformed_url(name, address));
    }
    if value.contains(char::is_whitespace) || value.contains(char::is_control) {
        return Some("it contains white space".to_owned());
    }
    let Some((scheme, rest)) = value.split_once("://") else {
        return Some("it has no scheme; it must start with `scheme://`".to_owned());
    };
    if let Some(fault) = scheme_fault(name, scheme) {
        return Some(fault);
    }
    let lower = scheme.to_ascii_lowercase();
    if WITHOUT_HOST.iter().any(|known| lower == *known || lower.starts_with(&format!("{known}+"))) {
        return None;
    }
    if is_socket(&lower, rest) {
        return None;
    }
    encoding_fault(rest).or_else(|| authority_fault(rest)).map(str::to_owned)
}

/// `host=db user=app`, as libpq reads it.
fn is_words(value: &str) -> bool {
    !value.contains("://") && value.split_whitespace().all(|word| word.contains('=')) && value.contains('=')
}

/// `stun:host:3478`, `file:./dev.db`, `sqlite:data/app.db`.
fn is_without_slashes(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once(':') else { return false };
    let lower = scheme.to_ascii_lowercase();
    !rest.is_empty() && !rest.starts_with("//") && WITHOUT_SLASHES.contains(&lower.as_str())
}

/// `user:password@tcp(db:3306)/app` and `user@unix(/run/db.sock)/app`, as Go's MySQL driver reads it.
fn is_driver_address(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("@tcp(").or_else(|| value.split_once("@unix(")) else {
        return ["tcp(", "unix("].iter().any(|begin| value.starts_with(begin)) && value.contains(')');
    };
    rest.contains(')') && !value.contains("://")
}

/// `http://a:9200,http://b:9200`: several addresses with a scheme each.
fn addresses(value: &str) -> Vec<&str> {
    let parts: Vec<&str> = value.split([',', ' ', ';']).filter(|part| !part.is_empty()).collect();
    let each = parts.len() > 1 && parts.iter().all(|part| part.contains("://"));
    if each { parts } else { vec![value] }
}

/// A socket in place of a host: `postgresql:///app?host=/run/postgresql`, `http+unix://%2Frun%2Fdocker.sock`,
/// `postgresql://app@/db`, `mysql://app:pw@unix(/run/db.sock)/app`.
fn is_socket(scheme: &str, rest: &str) -> bool {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (authority, path) = match authority.split_once('?') {
        Some((authority, query)) => (authority, query),
        None => (authority, path),
    };
    let host = authority.rsplit('@').next().unwrap_or_default();
    let local = ["postgres", "postgresql", "mysql", "mariadb", "pgsql", "redis", "amqp"];
    let database = local.iter().any(|known| scheme == *known || scheme.starts_with(&format!("{known}+")));
    scheme.contains("unix")
        || scheme.contains("socket")
        || host.to_ascii_lowercase().starts_with("%2f")
        || host.starts_with("unix(")
        || host.starts_with("tcp(")
        || host.is_empty() && database && (!path.is_empty() || authority.ends_with('@'))
}

fn scheme_fault(name: &str, scheme: &str) -> Option<String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(legal) {
        return Some("its scheme is invalid".to_owned());
    }
    let first = name.split('_').next().unwrap_or_default().to_ascii_uppercase();
    let (_, known) = SCHEMES.iter().find(|(word, _)| *word == first)?;
    let lower = scheme.to_ascii_lowercase();
    let base = lower.split('+').next().unwrap_or_default();
    // `postgresql+asyncpg` names the driver too.
    let fits = known.contains(&lower.as_str()) || known.contains(&base);
    (!fits).then(|| format!("its scheme is not {}", known.join(" or ")))
}

/// A percent sign that encodes nothing, or a character no URL may hold.
fn encoding_fault(rest: &str) -> Option<&'static str> {
    let mut tail = rest;
    while let Some(at) = tail.find('%') {
        tail = &tail[at + 1..];
        let encoded = tail.get(..2).is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        if !encoded {
            return Some("it contains a percent sign that is not an encoding; write %25");
        }
    }
    let illegal = |c: char| "\"<>\\^`{|}".contains(c) || !c.is_ascii();
    rest.contains(illegal).then_some("it contains a character that must be percent-encoded")
}

/// What stands between `//` and the path: user, password, hosts and ports.
fn authority_fault(rest: &str) -> Option<&'static str> {
    const UNENCODED: &str = "a character in its user or password must be percent-encoded";
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    let path = after.split(['?', '#']).next().unwrap_or_default();
    let (userinfo, hosts) = match authority.rsplit_once('@') {
        Some((userinfo, hosts)) => (Some(userinfo), hosts),
        // A slash or question mark inside the password ends the authority too early.
        None if authority.contains(':')
            && (path.contains('@') || after.starts_with(['?', '#']) && after.contains('@')) =>
        {
            return Some(UNENCODED);
        }
        None => (None, authority),
    };
    if let Some(userinfo) = userinfo {
        let password = userinfo.split_once(':').map_or("", |(_, password)| password);
        if userinfo.contains(['@', '[', ']']) || password.contains(':') {
            return Some(UNENCODED);
        }
    }
    hosts.split(',').find_map(host_fault)
}

fn host_fault(address: &str) -> Option<&'static str> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').unwrap_or("?"))),
            None => return Some("its IPv6 address lacks the closing bracket"),
        },
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() {
        return Some("it has no host");
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._:%~".contains(c);
    if !host.chars().all(legal) {
        return Some("its host is neither a name nor an address");
    }
    match port.map(str::parse::<u16>) {
        Some(Err(_) | Ok(0)) => Some("its port is not a number from 1 to 65535"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_urls_are_known() {
        for name in ["DATABASE_URL", "REDIS_URL", "url", "MONGO_URI", "SENTRY_DSN", "VITE_API_URL"] {
            assert!(is_url_name(name), "{name}");
        }
        for name in ["CURL", "URL_PREFIX", "DATABASE_HOST", "SECURITY"] {
            assert!(!is_url_name(name), "{name}");
        }
    }

    #[test]
    fn good_urls_pass() {
        for (name, value) in [
            ("DATABASE_URL", "postgresql+asyncpg://app:p%40ss@db:5432/app?sslmode=require"),
            ("DATABASE_URL", "postgresql://u:p@h1:5432,h2:5433/app"),
            ("DATABASE_URL", "sqlite:///./app.db"),
            ("DATABASE_URL", "host=db user=app password=x"),
            ("DATABASE_URL", "jdbc:postgresql://db:5432/app"),
            ("REDIS_URL", "redis://:only-pass@redis:6379/0"),
            ("REDIS_URL", "rediss://redis"),
            ("QDRANT_URL", "http://[::1]:6333"),
            ("VITE_API_URL", "/api"),
            ("SLACK_WEBHOOK_URL", "https://hooks.example.com/services/T0/B0/x"),
            ("WEBHOOK_URL", "https://example.com/x?mail=a@b"),
            ("WEBHOOK_URL", ""),
            ("DATABASE_URL", "postgresql:///app?host=/var/run/postgresql"),
            ("DATABASE_URL", "postgresql://app:pw@/app?host=/var/run/postgresql"),
            ("DATABASE_URL", "postgresql+psycopg2://app@/app"),
            ("DATABASE_URL", "postgresql://%2Fvar%2Frun%2Fpostgresql/app"),
            ("DATABASE_URL", "mysql://app:pw@unix(/run/mysqld/mysqld.sock)/app"),
            ("DATABASE_DSN", "app:pw@tcp(db:3306)/app?parseTime=true"),
            ("MYSQL_DSN", "tcp(db:3306)/app"),
            ("DATABASE_URL", "file:./dev.db"),
            ("DATABASE_URL", "file:/data/app.db?mode=rwc"),
            ("DATABASE_URL", "sqlite:data/app.db"),
            ("DATABASE_URL", "jdbc:h2:mem:test"),
            ("DATABASE_URL", "jdbc:sqlserver://db:1433;databaseName=app;encrypt=true"),
            ("CACHE_URL", "memory://"),
            ("CACHE_URL", "locmem://unique"),
            ("REDIS_URL", "redis+socket:///run/redis.sock"),
            ("REDIS_URL", "unix:///run/redis.sock?db=0"),
            ("DOCKER_URL", "http+unix://%2Fvar%2Frun%2Fdocker.sock"),
            ("STUN_URL", "stun:stun.l.google.com:19302"),
            ("TURN_URI", "turn:turn.example.com:3478?transport=udp"),
            ("CONTACT_URI", "mailto:ops@example.com"),
            ("MONGO_URL", "mongodb://a:27017,b:27017,c:27017/app?replicaSet=rs0"),
            ("ELASTICSEARCH_URL", "http://a:9200,http://b:9200"),
            ("CORS_URL", "*"),
            ("AMQP_URL", "amqp://guest:guest@mq:5672//"),
        ] {
            assert_eq!(malformed_url(name, value), None, "{value}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        for (name, value, fault) in [
            ("DATABASE_URL", "db:5432/app", "no scheme"),
            ("DATABASE_URL", "postgresql://:5432/app", "has no host"),
            ("DATABASE_URL", "postgresql://db:port/app", "its port"),
            ("DATABASE_URL", "postgresql://db:0/app", "its port"),
            ("DATABASE_URL", "postgresql://db:70000/app", "its port"),
            ("DATABASE_URL", "postgresql://app:s3/cr3t@db:5432/app", "must be percent-encoded"),
            ("DATABASE_URL", "postgresql://app:s3#cr3t@db:5432/app", "must be percent-encoded"),
            ("DATABASE_URL", "postgresql://app:s3?cr3t@db:5432/app", "must be percent-encoded"),
            ("DATABASE_URL", "postgresql://app:s3@cr3t@db:5432/app", "must be percent-encoded"),
            ("DATABASE_URL", "postgresql://app:s3:cr3t@db:5432/app", "must be percent-encoded"),
            ("DATABASE_URL", "postgresql://app:s3%cr3t@db:5432/app", "percent sign"),
            ("DATABASE_URL", "postgresql://app:s3{cr3t@db:5432/app", "must be percent-encoded"),
            ("DATABASE_URL", "postgresql://app:s3 cr3t@db:5432/app", "white space"),
            ("REDIS_URL", "http://redis:6379", "its scheme is not redis"),
            ("POSTGRES_URL", "mysql://db/app", "its scheme is not postgres"),
            ("API_URL", "1http://x", "its scheme"),
            ("API_URL", "http://a_b$/", "neither a name nor an address"),
            ("API_URL", "http://[::1/", "bracket"),
        ] {
            let said = malformed_url(name, value).unwrap_or_default();
            assert!(said.contains(fault), "{value}: {said}");
            assert!(!said.contains("cr3t") && !said.contains("s3"), "{said}");
        }
    }
}
