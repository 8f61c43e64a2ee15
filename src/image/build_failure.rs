//! What the last lines of a failed build say went wrong, where it is a known trouble with a known remedy.
//! Reads log lines of apt, mmdebstrap, debootstrap and pip; returns the trouble.
//! Never guesses: lines it does not know are left to the reader.

/// A known trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A package source's name cannot be resolved.
    NoNames { host: String },
    /// A package source does not answer.
    MirrorDown { url: String },
    /// The disk is full.
    DiskFull,
}

/// How package tools say that a name cannot be resolved.
const UNRESOLVED: [&str; 4] = [
    "could not resolve",
    "temporary failure resolving",
    "temporary failure in name resolution",
    "name or service not known",
];

/// How package tools say that a source does not answer.
const UNANSWERED: [&str; 9] = [
    "could not connect",
    "unable to connect",
    "cannot initiate the connection",
    "connection failed",
    "connection timed out",
    "connection refused",
    "failed to fetch",
    "failed to establish a new connection",
    "invalid release file",
];

/// The problem in the lines, the first one that is recognised.
pub fn trouble_in(lines: &[String]) -> Option<Trouble> {
    if lines.iter().any(|line| line.to_ascii_lowercase().contains("no space left on device")) {
        return Some(Trouble::DiskFull);
    }
    // A source that cannot be resolved "fails to fetch" as well.
    if let Some(source) = source_of(&UNRESOLVED, lines) {
        let host = source.split_once("://").map_or(source.as_str(), |(_, host)| host);
        return Some(Trouble::NoNames { host: host.to_owned() });
    }
    source_of(&UNANSWERED, lines).map(|url| Trouble::MirrorDown { url })
}

/// The source that lines with one of these words complain of.
fn source_of(words: &[&str], lines: &[String]) -> Option<String> {
    let speaks = |line: &&String| {
        let lower = line.to_ascii_lowercase();
        words.iter().any(|words| lower.contains(words))
    };
    let complaints: Vec<&String> = lines.iter().filter(speaks).collect();
    let named = complaints.iter().find_map(|line| source_in(line));
    // The complaint may stand on another line than the address.
    let near = || lines.iter().find_map(|line| source_in(line));
    if complaints.is_empty() { None } else { named.or_else(near) }
}

/// The source a line names: scheme and host of an address, or a host in quotes as apt writes it.
fn source_in(line: &str) -> Option<String> {
    for scheme in ["http://", "https://"] {
        if let Some((_, rest)) = line.split_once(scheme) {
            let host = rest.split(['/', ' ', '\'', '"', ')', ';']).next().unwrap_or_default();
            return Some(format!("{scheme}{host}"));
        }
    }
    for before in ["resolve '", "resolving '", "host='"] {
        if let Some((_, rest)) = line.split_once(before) {
            return rest.split('\'').next().map(str::to_owned);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<Trouble> {
        trouble_in(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_source_that_does_not_answer_is_named() {
        let down = |url: &str| Some(Trouble::MirrorDown { url: url.to_owned() });
        for (log, url) in [
            (
                "Err:1 http://deb.example.org/debian bookworm InRelease\n  Could not connect to 127.0.0.1:9",
                "http://deb.example.org",
            ),
            ("E: Failed to fetch http://deb.example.org/debian/x.deb  404", "http://deb.example.org"),
            (
                "WARNING: Retrying: HTTPSConnectionPool(host='index.example.org', port=443): Failed to establish a new connection",
                "index.example.org",
            ),
            ("E: Invalid Release file, no entry for main; http://m.example/debian", "http://m.example"),
        ] {
            assert_eq!(found(log), down(url), "{log}");
        }
    }

    #[test]
    fn a_name_that_cannot_be_resolved_is_told_before_what_could_not_be_fetched() {
        let unresolved = Some(Trouble::NoNames { host: "deb.example.org".to_owned() });
        for log in [
            "W: Temporary failure resolving 'deb.example.org'",
            "W: Failed to fetch http://deb.example.org/debian/dists/bookworm/InRelease  Temporary failure resolving 'deb.example.org'",
            "NewConnectionError(host='deb.example.org'): Failed to establish a new connection: [Errno -2] Name or service not known",
        ] {
            assert_eq!(found(log), unresolved, "{log}");
        }
    }

    #[test]
    fn other_failures_are_left_to_the_reader() {
        assert_eq!(found("E: Unable to locate package nosuch\nsee http://example.org"), None);
        assert_eq!(found("tar: write error: No space left on device"), Some(Trouble::DiskFull));
    }
}
