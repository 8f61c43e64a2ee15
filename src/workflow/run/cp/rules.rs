//! Where a copy ends up: the rules of `docker cp` about existing, missing and slashed paths.
//! Reads the words of the command line and what was found; returns a directory and the name inside it.
//! Never looks at a file system or an engine.

use crate::error::Error;
use crate::session::WorkflowError;

/// One side of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CopyEndpoint {
    /// A path on this machine.
    Local(String),
    /// A path in a service.
    Inside { service: String, path: String },
    /// Standard input or output.
    Stream,
}

impl CopyEndpoint {
    /// `SERVICE:PATH` unless it begins like a path; a colon in a local name needs `./` before it.
    pub(super) fn of(text: &str) -> Self {
        match text.split_once(':') {
            _ if text == "-" => Self::Stream,
            Some((service, path)) if !service.is_empty() && !service.starts_with(['.', '/']) => {
                Self::Inside { service: service.to_owned(), path: path.to_owned() }
            }
            _ => Self::Local(text.to_owned()),
        }
    }

    /// Whether it names no path.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Local(path) | Self::Inside { path, .. } => path.is_empty(),
            Self::Stream => false,
        }
    }
}

/// What is copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CopySource {
    /// Its own name.
    pub(super) name: String,
    /// Whether it is a directory.
    pub(super) is_dir: bool,
    /// Whether only what is in it is meant: `dir/.`.
    pub(super) contents: bool,
}

/// The existing directory to write into, and the name the source gets in it; empty when its contents go there directly.
/// `found`: whether the destination exists, and whether it is a directory.
pub(super) fn landing(destination: &str, found: Option<bool>, source: &CopySource) -> Result<(String, String), Error> {
    let wants_directory = destination.ends_with('/') || destination.ends_with("/.");
    match found {
        Some(true) if source.contents => Ok((destination.to_owned(), String::new())),
        Some(true) => Ok((destination.to_owned(), source.name.clone())),
        Some(false) if source.is_dir || wants_directory => Err(not_a_directory(destination)),
        None if !source.is_dir && wants_directory => Err(no_directory(destination)),
        _ => {
            let path = trimmed(destination);
            Ok((parent(path), base(path)))
        }
    }
}

/// A path inside a container begins at its root.
pub(super) fn absolute(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

/// Whether only the contents of a directory are meant.
pub(super) fn means_contents(path: &str) -> bool {
    path == "." || path.ends_with("/.") || path.bytes().all(|b| b == b'/')
}

/// The path without the slashes and dots at its end that say how it is meant.
pub(super) fn trimmed(path: &str) -> &str {
    let mut rest = path;
    loop {
        let shorter = rest.strip_suffix("/.").or_else(|| rest.strip_suffix('/')).unwrap_or(rest);
        if shorter == rest || shorter.is_empty() {
            return if shorter.is_empty() { "/" } else { rest };
        }
        rest = shorter;
    }
}

/// The last part of a trimmed path.
pub(super) fn base(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

fn parent(path: &str) -> String {
    match path.rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((parent, _)) => parent.to_owned(),
        None => ".".to_owned(),
    }
}

/// What a link at `path` means by its target.
pub(super) fn beside(path: &str, target: &str) -> String {
    if target.starts_with('/') { target.to_owned() } else { format!("{}/{target}", parent(path).trim_end_matches('/')) }
}

/// The target of the symbolic link an archive begins with, if it does.
pub(super) fn link_target(head: &[u8]) -> Option<String> {
    let header = tar::Header::from_byte_slice(head.get(..512)?);
    if header.entry_type() != tar::EntryType::Symlink {
        return None;
    }
    Some(header.link_name().ok()??.to_string_lossy().into_owned())
}

/// The destination must be a directory and does not exist.
pub(super) fn no_directory(path: &str) -> Error {
    WorkflowError::File { path: path.to_owned(), reason: "no such directory".to_owned() }.into()
}

fn not_a_directory(path: &str) -> Error {
    WorkflowError::File { path: path.to_owned(), reason: "it is not a directory".to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_a_service_only_when_it_does_not_look_like_a_path() {
        let inside = |service: &str, path: &str| CopyEndpoint::Inside { service: service.into(), path: path.into() };
        assert_eq!(CopyEndpoint::of("api:/etc/hosts"), inside("api", "/etc/hosts"));
        assert_eq!(CopyEndpoint::of("api:"), inside("api", ""));
        for local in ["./a:b", "/tmp/a:b", "../a:b", "file", ":x"] {
            assert_eq!(CopyEndpoint::of(local), CopyEndpoint::Local(local.into()));
        }
        assert_eq!(CopyEndpoint::of("-"), CopyEndpoint::Stream);
    }

    #[test]
    fn destinations_follow_docker_cp() {
        let file = CopySource { name: "f".into(), ..Default::default() };
        let dir = CopySource { name: "d".into(), is_dir: true, contents: false };
        let contents = CopySource { contents: true, ..dir.clone() };
        let cases = [
            ("/dst", Some(true), &file, Ok(("/dst", "f"))),
            ("/dst/", Some(true), &dir, Ok(("/dst/", "d"))),
            ("/dst", Some(true), &contents, Ok(("/dst", ""))),
            ("/dst", Some(false), &file, Ok(("/", "dst"))),
            ("/a/new", None, &file, Ok(("/a", "new"))),
            ("/a/new/", None, &dir, Ok(("/a", "new"))),
            ("new", None, &contents, Ok((".", "new"))),
            ("/dst", Some(false), &dir, Err("/dst: it is not a directory")),
            ("/dst/", Some(false), &file, Err("/dst/: it is not a directory")),
            ("/new/", None, &file, Err("/new/: no such directory")),
        ];
        for (destination, found, source, expected) in cases {
            let landed = landing(destination, found, source).map_err(|e| e.to_string());
            let expected = expected.map(|(d, n)| (d.to_owned(), n.to_owned())).map_err(str::to_owned);
            assert_eq!(landed, expected, "{destination} {found:?} {source:?}");
        }
    }

    #[test]
    fn paths_are_read_by_their_ends() {
        let ends =
            [("/", "/"), ("/a", "/a"), ("/a/", "/a"), ("/a/.", "/a"), ("/a/./", "/a"), ("a//", "a"), ("//", "/")];
        for (path, expected) in ends {
            assert_eq!(trimmed(path), expected, "{path}");
        }
        assert!(means_contents("/a/.") && means_contents("/") && !means_contents("/a/") && !means_contents("/a."));
        assert_eq!(beside("/etc/link", "../x"), "/etc/../x");
        assert_eq!(beside("/link", "x"), "/x");
        assert_eq!(beside("/etc/link", "/x"), "/x");
    }
}
