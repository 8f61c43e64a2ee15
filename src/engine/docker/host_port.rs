//! A host port that a container publishes, and whether an error message of the engine names it.

/// Address, number and protocol of a host port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPort {
    pub(super) address: String,
    pub(super) number: u16,
    pub(super) protocol: String,
}

impl HostPort {
    /// Whether the text contains `:NUMBER`; the words around it differ between engine versions.
    pub(super) fn is_named_in(&self, text: &str) -> bool {
        let wanted = format!(":{}", self.number);
        text.match_indices(&wanted).any(|(at, _)| !text[at + wanted.len()..].starts_with(|c: char| c.is_ascii_digit()))
    }
}

/// `127.0.0.1:8080`.
impl std::fmt::Display for HostPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let v6 = self.address.contains(':');
        if v6 { write!(f, "[{}]:{}", self.address, self.number) } else { write!(f, "{}:{}", self.address, self.number) }
    }
}
