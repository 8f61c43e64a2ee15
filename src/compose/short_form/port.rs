//! The short form of a port: `[[IP:]HOST[-HOST]:]CONTAINER[-CONTAINER][/PROTOCOL]`.
//! Reads a text, returns one entry per container port, in the order Compose lists them.
//! Never checks whether a port is free.

use std::net::IpAddr;

/// One published port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSpec {
    pub host_ip: String,
    pub published: String,
    pub target: u32,
    pub protocol: String,
}

/// The ports of a text; the error says which part is wrong.
pub fn parse(text: &str) -> Result<Vec<PortSpec>, String> {
    let (address, host, container) = parts(text);
    let (container, protocol) = container.split_once('/').unwrap_or((container, ""));
    if container.is_empty() {
        return Err(format!("no port specified: {text}<empty>"));
    }
    let protocol = if protocol.is_empty() { "tcp".to_owned() } else { protocol.to_lowercase() };
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return Err(format!("invalid proto: {protocol}"));
    }
    let host_ip = host_address(&address)?;
    let (start, end) = range(container).ok_or_else(|| format!("invalid containerPort: {container}"))?;
    let published =
        if host.is_empty() { None } else { Some(range(host).ok_or_else(|| format!("invalid hostPort: {host}"))?) };
    if let Some((first, last)) = published
        && end - start != last - first
        && end != start
    {
        return Err(format!("invalid ranges specified for container and host Ports: {container} and {host}"));
    }
    let mut ports: Vec<_> = (start..=end)
        .map(|target| PortSpec {
            host_ip: host_ip.clone(),
            published: published
                .map_or_else(String::new, |(first, last)| host_port((first, last), target - start, start == end)),
            target,
            protocol: protocol.clone(),
        })
        .collect();
    // Compose lists them by the text `PORT/PROTOCOL`.
    ports.sort_by_key(|port| format!("{}/{}", port.target, port.protocol));
    Ok(ports)
}

/// How many ports a text stands for; what cannot be read counts as one.
pub fn count(text: &str) -> usize {
    let (_, _, container) = parts(text);
    let container = container.split_once('/').map_or(container, |(range, _)| range);
    range(container).map_or(1, |(start, end)| (end - start) as usize + 1)
}

fn host_port((first, last): (u32, u32), offset: u32, single: bool) -> String {
    if single && first != last { format!("{first}-{last}") } else { (first + offset).to_string() }
}

fn parts(text: &str) -> (String, &str, &str) {
    let parts: Vec<&str> = text.split(':').collect();
    match parts[..] {
        [container] => (String::new(), "", container),
        [host, container] => (String::new(), host, container),
        [ref address @ .., host, container] => (address.join(":"), host, container),
        [] => (String::new(), "", ""),
    }
}

fn host_address(address: &str) -> Result<String, String> {
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    if !bare.is_empty() && bare.parse::<IpAddr>().is_err() {
        return Err(format!("invalid IP address: {address}"));
    }
    Ok(bare.to_owned())
}

/// A port or a range of them.
pub fn range(text: &str) -> Option<(u32, u32)> {
    let port = |text: &str| {
        let text = text.strip_prefix('+').unwrap_or(text);
        let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
        digits.then(|| text.parse::<u16>().ok()).flatten().map(u32::from)
    };
    let (start, end) = text.split_once('-').unwrap_or((text, text));
    let (start, end) = (port(start)?, port(end)?);
    (start <= end).then_some((start, end))
}

/// What `expose` names: `80`, `8000-8010/udp`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposed {
    first: u32,
    last: u32,
    /// As written, in lowercase; `tcp` where there is none.
    pub protocol: String,
}

impl Exposed {
    /// Its ports.
    pub fn ports(&self) -> std::ops::RangeInclusive<u32> {
        self.first..=self.last
    }
}

/// Reads an entry of `expose`. Compose's `config` prints others too, and refuses them when it makes the container.
pub fn exposed(text: &str) -> Option<Exposed> {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, ""));
    let (first, last) = range(ports).filter(|_| !ports.contains('+'))?;
    let protocol = if protocol.is_empty() { "tcp".to_owned() } else { protocol.to_lowercase() };
    Some(Exposed { first, last, protocol })
}

#[cfg(test)]
mod tests {
    use super::{exposed, parse};

    fn shown(text: &str) -> Vec<String> {
        let ports = parse(text).unwrap();
        ports.into_iter().map(|p| format!("{}|{}|{}|{}", p.host_ip, p.published, p.target, p.protocol)).collect()
    }

    #[test]
    fn every_short_form_is_read() {
        assert_eq!(shown("80"), ["||80|tcp"]);
        assert_eq!(shown("8080:80/udp"), ["|8080|80|udp"]);
        assert_eq!(shown("127.0.0.1:8080:80"), ["127.0.0.1|8080|80|tcp"]);
        assert_eq!(shown("[::1]:8080:80"), ["::1|8080|80|tcp"]);
        assert_eq!(shown("127.0.0.1::80"), ["127.0.0.1||80|tcp"]);
        assert_eq!(shown("9-11"), ["||10|tcp", "||11|tcp", "||9|tcp"]);
        assert_eq!(shown("8000-8001:80-81"), ["|8000|80|tcp", "|8001|81|tcp"]);
        assert_eq!(shown("8000-8009:80"), ["|8000-8009|80|tcp"]);
        assert_eq!(shown("+8000:80"), ["|8000|80|tcp"]);
    }

    #[test]
    fn exposed_ports_are_what_compose_makes_of_them() {
        let shown = |text: &str| exposed(text).map(|e| format!("{:?}/{}", e.ports(), e.protocol));
        for (text, ports) in [("0", "0..=0/tcp"), ("080", "80..=80/tcp"), ("80-82/UDP", "80..=82/udp")] {
            assert_eq!(shown(text).as_deref(), Some(ports), "{text}");
        }
        assert_eq!(shown("80/").as_deref(), Some("80..=80/tcp"));
        for text in ["x", "82-80", "70000", "", "80:90", "80-", "-1", " 80", "+80", "1-2-3", "/tcp"] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(parse("8080:x").unwrap_err(), "invalid containerPort: x");
        assert_eq!(parse("99999:80").unwrap_err(), "invalid hostPort: 99999");
        assert_eq!(parse("1.2.3:80:80").unwrap_err(), "invalid IP address: 1.2.3");
        assert!(parse("80-81:80-85").unwrap_err().starts_with("invalid ranges"));
        assert!(parse("80/http").unwrap_err().starts_with("invalid proto"));
    }
}
