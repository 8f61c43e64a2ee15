//! Decides whether a connection URL says what was meant: scheme, host, port, and nothing in it that must be encoded.
//! Reads the name of the variable and its value; returns what is wrong in words that tell nothing of the value.
//! Never connects, and never repairs.

/// Schemes that name a file or nothing instead of a host.
const WITHOUT_HOST: &[&str] = &["sqlite", "file", "unix", "duckdb", "memory"];

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
    let value = value.strip_prefix("jdbc:").unwrap_or(value);
    if value.is_empty() || value.starts_with('/') || is_words(value) {
        return None;
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
    encoding_fault(rest).or_else(|| authority_fault(rest)).map(str::to_owned)
}

/// `host=db user=app`, as libpq reads it.
fn is_words(value: &str) -> bool {
    !value.contains("://") && value.split_whitespace().all(|word| word.contains('=')) && value.contains('=')
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
