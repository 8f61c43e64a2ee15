//! An image reference: registry, path, tag, digest; short for people, whole for registries.
//! Reads what is written in a file or on the command line, by the rules of Docker (distribution/reference, normalize.go).
//! Never asks whether there is such an image.

use std::fmt;
use std::str::FromStr;

use super::ImageError;

/// The registry of names that name none.
const HUB: &str = "docker.io";
/// Where the Hub keeps names of one word.
const OFFICIAL: &str = "library/";
/// The names no registry has: they come from recipes and bundles.
const OURS: &str = "aictl/";
/// The longest name a registry takes.
const LONGEST_NAME: usize = 255;
/// The longest tag.
const LONGEST_TAG: usize = 128;

/// A parsed reference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl Reference {
    /// Host and port of the registry: `docker.io`, `localhost:5000`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The path within the registry: `library/redis`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag, if one is written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one is written.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// As people write it: `redis:7`, without the default registry and without a default tag.
    pub fn familiar(&self) -> String {
        let name = match self.path.strip_prefix(OFFICIAL) {
            Some(rest) if self.domain == HUB && !rest.contains('/') => rest.to_owned(),
            _ if self.domain == HUB => self.path.clone(),
            _ => format!("{}/{}", self.domain, self.path),
        };
        name + &self.version()
    }

    /// As registries and containerd know it: `docker.io/library/redis:7`; a name without tag and digest gets `latest`.
    pub fn canonical(&self) -> String {
        let version = if self.tag.is_none() && self.digest.is_none() { ":latest".to_owned() } else { self.version() };
        format!("{}/{}{version}", self.domain, self.path)
    }

    /// The image of one digest, without a tag: `docker.io/library/redis@sha256:…`.
    pub fn pinned(&self, digest: &str) -> String {
        format!("{}/{}@{digest}", self.domain, self.path)
    }

    /// Whether no registry is asked for it: the names of recipes.
    pub fn is_ours(&self) -> bool {
        self.domain == HUB && self.path.starts_with(OURS)
    }

    /// The same image at a mirror (`host:port`, with or without a path): where mirrors of the registry keep it, and for
    /// the Hub's official images also under their short name, as copies of them are often kept.
    pub fn at_mirror(&self, mirror: &str) -> Vec<String> {
        let mirror = mirror.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
        let version = if self.tag.is_none() && self.digest.is_none() { ":latest".to_owned() } else { self.version() };
        let mut names = vec![format!("{mirror}/{}{version}", self.path)];
        if let Some(short) = self.path.strip_prefix(OFFICIAL).filter(|_| self.domain == HUB) {
            names.push(format!("{mirror}/{short}{version}"));
        }
        names
    }

    fn version(&self) -> String {
        let tag = self.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = self.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
        tag + &digest
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.familiar())
    }
}

impl FromStr for Reference {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Self, ImageError> {
        parse(text).map_err(|reason| ImageError::InvalidReference { reference: text.to_owned(), reason })
    }
}

fn parse(text: &str) -> Result<Reference, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err("64 hexadecimal digits are an image id, not a name".to_owned());
    }
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(check_digest(digest)?)),
        None => (text, None),
    };
    let (domain, rest) = split_domain(name);
    let after_path = rest.rfind('/').map_or(0, |at| at + 1);
    let (path, tag) = match rest[after_path..].split_once(':') {
        Some((last, tag)) => (format!("{}{last}", &rest[..after_path]), Some(check_tag(tag)?)),
        None => (rest.to_owned(), None),
    };
    check_domain(domain)?;
    check_path(&path)?;
    let path = if domain == HUB && !path.contains('/') { format!("{OFFICIAL}{path}") } else { path };
    if domain.len() + 1 + path.len() > LONGEST_NAME {
        return Err(format!("the name is longer than {LONGEST_NAME} characters"));
    }
    Ok(Reference { domain: domain.to_owned(), path, tag, digest })
}

/// The first part is a registry when it looks like a host: a dot, a port, upper case, or `localhost`.
fn split_domain(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':']) || first == "localhost" || first != first.to_ascii_lowercase() =>
        {
            (if first == "index.docker.io" { HUB } else { first }, rest)
        }
        _ => (HUB, name),
    }
}

fn check_domain(domain: &str) -> Result<(), String> {
    let (host, port) = match domain.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, after)) if address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':') => ("v6", after),
        Some(_) => return Err(format!("invalid registry address `{domain}`")),
        None => domain.find(':').map_or((domain, ""), |colon| domain.split_at(colon)),
    };
    if !port.is_empty() && port.strip_prefix(':').is_none_or(|p| p.parse::<u16>().is_err()) {
        return Err(format!("invalid port in `{domain}`"));
    }
    let good = |part: &str| {
        let ends = !part.is_empty() && !part.starts_with('-') && !part.ends_with('-');
        ends && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if host.split('.').all(good) { Ok(()) } else { Err(format!("invalid registry address `{domain}`")) }
}

fn check_path(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("it has no name".to_owned());
    }
    if path.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err("image names must be lowercase".to_owned());
    }
    for part in path.split('/') {
        if part.is_empty() {
            return Err("empty component between two `/`".to_owned());
        }
        if let Some(bad) = part.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_' | '-')) {
            return Err(format!("invalid character `{bad}` in an image name"));
        }
        if !separators_stand_between(part) {
            return Err(format!(
                "misplaced separator in `{part}`: `.`, `_`, `__` and `-` must be between letters or digits"
            ));
        }
    }
    Ok(())
}

/// One dot, one or two underscores, or any number of dashes, each between letters or digits.
fn separators_stand_between(part: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    let runs: Vec<&str> = part.split(alphanumeric).filter(|run| !run.is_empty()).collect();
    let ends = part.starts_with(alphanumeric) && part.ends_with(alphanumeric);
    ends && runs.iter().all(|run| matches!(*run, "." | "_" | "__") || run.bytes().all(|b| b == b'-'))
}

fn check_tag(tag: &str) -> Result<String, String> {
    if tag.is_empty() {
        return Err("the tag after `:` is empty".to_owned());
    }
    if tag.len() > LONGEST_TAG {
        return Err(format!("the tag is longer than {LONGEST_TAG} characters"));
    }
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if tag.starts_with(['.', '-']) || !tag.chars().all(good) {
        return Err(format!(
            "invalid tag `{tag}`: it must consist of letters, digits, `_`, `.` and `-` and not start with `.` or `-`"
        ));
    }
    Ok(tag.to_owned())
}

fn check_digest(digest: &str) -> Result<String, String> {
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return Err(format!("invalid digest `{digest}`, expected one such as sha256:…"));
    };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return Err(format!("unsupported digest algorithm `{algorithm}`")),
    };
    if hex.len() != length || !hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Err(format!("a {algorithm} digest must have {length} hex digits"));
    }
    Ok(digest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn every_name_has_a_short_and_a_whole_form() {
        let digested = format!("redis:7@{DIGEST}");
        for (written, familiar, canonical) in [
            ("redis", "redis", "docker.io/library/redis:latest"),
            ("redis:7-alpine", "redis:7-alpine", "docker.io/library/redis:7-alpine"),
            ("docker.io/library/redis:7", "redis:7", "docker.io/library/redis:7"),
            ("index.docker.io/library/redis", "redis", "docker.io/library/redis:latest"),
            ("docker.io/redis", "redis", "docker.io/library/redis:latest"),
            ("qdrant/qdrant:v1.7.0", "qdrant/qdrant:v1.7.0", "docker.io/qdrant/qdrant:v1.7.0"),
            ("aictl/base:bookworm", "aictl/base:bookworm", "docker.io/aictl/base:bookworm"),
            ("localhost/a", "localhost/a", "localhost/a:latest"),
            ("localhost:5000/a:1", "localhost:5000/a:1", "localhost:5000/a:1"),
            ("ghcr.io/a/b/c_d__e--f.g:x", "ghcr.io/a/b/c_d__e--f.g:x", "ghcr.io/a/b/c_d__e--f.g:x"),
            ("[::1]:5000/a", "[::1]:5000/a", "[::1]:5000/a:latest"),
            ("HOST/a", "HOST/a", "HOST/a:latest"),
            (&digested, &digested, &format!("docker.io/library/redis:7@{DIGEST}")),
        ] {
            let reference: Reference = written.parse().unwrap();
            assert_eq!((reference.familiar().as_str(), reference.canonical().as_str()), (familiar, canonical));
            assert_eq!(familiar.parse::<Reference>().unwrap(), reference, "{written}");
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_with_the_reason() {
        let long = format!("a/{}", "b".repeat(250));
        for (written, reason) in [
            ("", "it is empty"),
            (&DIGEST[7..], "64 hexadecimal digits are an image id, not a name"),
            ("Redis:7", "image names must be lowercase"),
            ("a//b", "empty component between two `/`"),
            ("a/b c", "invalid character ` ` in an image name"),
            ("redis:", "the tag after `:` is empty"),
            (
                "redis:-1",
                "invalid tag `-1`: it must consist of letters, digits, `_`, `.` and `-` and not start with `.` or `-`",
            ),
            ("redis@sha256:12", "a sha256 digest must have 64 hex digits"),
            ("redis@md5:12", "unsupported digest algorithm `md5`"),
            ("redis@12", "invalid digest `12`, expected one such as sha256:…"),
            ("host:port/a", "invalid port in `host:port`"),
            ("host:99999/a", "invalid port in `host:99999`"),
            ("-a.example/b", "invalid registry address `-a.example`"),
            ("localhost:5000/", "it has no name"),
            ("a..b", "misplaced separator in `a..b`: `.`, `_`, `__` and `-` must be between letters or digits"),
            ("_a", "misplaced separator in `_a`: `.`, `_`, `__` and `-` must be between letters or digits"),
            (&long, "the name is longer than 255 characters"),
        ] {
            let error = written.parse::<Reference>().unwrap_err();
            assert_eq!(error.to_string(), format!("invalid image reference `{written}`: {reason}"));
        }
    }

    #[test]
    fn only_names_of_recipes_are_ours() {
        let ours = |text: &str| text.parse::<Reference>().unwrap().is_ours();
        assert!(ours("aictl/postgres:15") && ours("docker.io/aictl/redis:7"));
        assert!(!ours("postgres:15") && !ours("ghcr.io/aictl/redis:7") && !ours("aictl-lab/tool:1") && !ours("aictl"));
    }

    #[test]
    fn a_mirror_keeps_an_image_under_its_path() {
        let at = |text: &str| text.parse::<Reference>().unwrap().at_mirror("https://mirror.local:5000/hub/");
        assert_eq!(
            at("postgres:15"),
            ["mirror.local:5000/hub/library/postgres:15", "mirror.local:5000/hub/postgres:15"]
        );
        assert_eq!(at("ghcr.io/a/b"), ["mirror.local:5000/hub/a/b:latest"]);
        assert_eq!(at(&format!("a/b@{DIGEST}")), [format!("mirror.local:5000/hub/a/b@{DIGEST}")]);
    }
}
