//! What the last lines of a failed build say went wrong, where it is a known trouble with a known remedy.
//! Reads log lines of apt, mmdebstrap, debootstrap and pip; returns the trouble.
//! Never guesses: lines it does not know are left to the reader.

/// A known trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A package source does not answer or cannot be found.
    MirrorDown { url: String },
    /// The disk is full.
    DiskFull,
}

/// How package tools say that a source does not answer.
const UNANSWERED: [&str; 13] = [
    "could not resolve",
    "temporary failure resolving",
    "temporary failure in name resolution",
    "name or service not known",
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

/// The trouble the lines speak of, the first one that is told.
pub fn trouble_in(lines: &[String]) -> Option<Trouble> {
    if lines.iter().any(|line| line.to_ascii_lowercase().contains("no space left on device")) {
        return Some(Trouble::DiskFull);
    }
    let speaks = |line: &&String| {
        let lower = line.to_ascii_lowercase();
        UNANSWERED.iter().any(|words| lower.contains(words))
    };
    let complaints: Vec<&String> = lines.iter().filter(speaks).collect();
    let named = complaints.iter().find_map(|line| source_in(line));
    // The complaint may stand on another line than the address.
    let near = || lines.iter().find_map(|line| source_in(line));
    let url = if complaints.is_empty() { None } else { named.or_else(near) };
    url.map(|url| Trouble::MirrorDown { url })
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
            ("W: Temporary failure resolving 'deb.example.org'", "deb.example.org"),
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
    fn other_failures_are_left_to_the_reader() {
        assert_eq!(found("E: Unable to locate package nosuch\nsee http://example.org"), None);
        assert_eq!(found("tar: write error: No space left on device"), Some(Trouble::DiskFull));
    }
}
