//! Paths: made clean, joined, and resolved where a compose key holds one.
//! Reads a canonical tree, a base directory and the home directory; rewrites relative paths.
//! Never checks that a path exists, except to follow links of watched paths.

use std::path::Path;

use super::value::{Node, Value};
use crate::input_file::Files;

/// The shortest equal path, as Go's `path.Clean` gives it.
pub(crate) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if matches!(parts.last(), Some(last) if *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

/// The parts joined and made clean; empty parts are left out.
pub(crate) fn join(base: &str, path: &str) -> String {
    match (base.is_empty(), path.is_empty()) {
        (true, true) => String::new(),
        (true, false) => clean(path),
        (false, true) => clean(base),
        (false, false) => clean(&format!("{base}/{path}")),
    }
}

/// The directory of a path.
pub(crate) fn parent(path: &str) -> String {
    path.rfind('/').map_or_else(|| ".".to_owned(), |at| clean(if at == 0 { "/" } else { &path[..at] }))
}

/// `target` as seen from `base`; both absolute or both relative, else the target itself.
pub(crate) fn relative(base: &str, target: &str) -> String {
    let (base, target) = (clean(base), clean(target));
    if base.starts_with('/') != target.starts_with('/') {
        return target;
    }
    let split = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
    };
    let (from, to) = (split(&base), split(&target));
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = vec!["..".to_owned(); from.len() - shared];
    let parts = [up, to[shared..].to_vec()].concat();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// Resolves the paths of a tree.
pub(crate) struct Resolver<'a> {
    /// Directory relative paths start at; may itself be relative.
    pub base: &'a str,
    /// The user's home directory, for `~`.
    pub home: Option<&'a str>,
    /// Directory a relative base starts at, to follow links.
    pub cwd: &'a Path,
    /// Where links are followed.
    pub disk: &'a dyn Files,
}

impl Resolver<'_> {
    /// Rewrites every path of a canonical tree.
    pub(crate) fn resolve(&self, root: &mut Node) {
        self.walk(root, &mut Vec::new());
    }

    fn walk<'n>(&self, node: &'n mut Node, path: &mut Vec<&'n str>) {
        if self.rewrite(node, path) {
            return;
        }
        match &mut node.value {
            Value::Map(map) => {
                for (key, child) in map {
                    path.push(key);
                    self.walk(child, path);
                    path.pop();
                }
            }
            Value::List(list) => {
                path.push("[]");
                list.iter_mut().for_each(|child| self.walk(child, path));
                path.pop();
            }
            _ => {}
        }
    }

    /// Rewrites a node that holds a path; true when there is nothing to look for below it.
    fn rewrite(&self, node: &mut Node, path: &[&str]) -> bool {
        match path {
            ["services" | "jobs", _, "build", "context"]
            | ["services" | "jobs", _, "build", "additional_contexts", _] => self.text(node, |path| self.context(path)),
            ["services" | "jobs", _, "build", "ssh", _] | ["configs" | "secrets", _, "file"] => {
                self.text(node, |path| self.unix(path));
            }
            ["services" | "jobs", _, "env_file", _, "path"]
            | ["services" | "jobs", _, "label_file", _]
            | ["services" | "jobs", _, "extends", "file"]
            | ["services", _, "pre_start", _, "env_file", _, "path"]
            | ["services", _, "pre_start", _, "label_file", _] => self.text(node, |path| self.absolute(path)),
            ["services", _, "develop", "watch", _, "path"] => self.text(node, |path| self.linked(path)),
            ["services" | "jobs", _, "volumes", _] | ["services", _, "pre_start", _, "volumes", _] => self.mount(node),
            ["volumes", _] => self.volume(node),
            _ => return false,
        }
        true
    }

    fn text(&self, node: &mut Node, resolve: impl Fn(&str) -> String) {
        if let Value::Str(text) = &mut node.value {
            *text = resolve(text);
        }
    }

    fn expanded(&self, path: &str) -> String {
        match (path.strip_prefix('~'), self.home) {
            (Some(rest), Some(home)) => join(home, rest),
            _ => path.to_owned(),
        }
    }

    fn absolute(&self, path: &str) -> String {
        let path = self.expanded(path);
        if path.is_empty() || path.starts_with('/') { path } else { join(self.base, &path) }
    }

    fn unix(&self, path: &str) -> String {
        let path = self.expanded(path);
        if path.starts_with('/') || is_windows_absolute(&path) { path } else { join(self.base, &path) }
    }

    fn context(&self, context: &str) -> String {
        const REMOTE: [&str; 6] = ["https://", "http://", "git://", "ssh://", "github.com/", "git@"];
        let remote = context.contains("://")
            || context.starts_with("service:")
            || REMOTE.iter().any(|prefix| context.starts_with(prefix));
        if remote { context.to_owned() } else { self.absolute(context) }
    }

    /// A watched path whose first link is replaced by what it points to; later links stay, as Compose leaves them.
    fn linked(&self, path: &str) -> String {
        let path = self.absolute(path);
        for (at, _) in path.match_indices('/').chain([(path.len(), "")]).filter(|(at, _)| *at > 0) {
            let known = self.cwd.join(&path[..at]);
            if self.disk.is_link(&known) {
                let Ok(real) = self.disk.real_path(&known) else { break };
                return format!("{}{}", real.to_string_lossy(), &path[at..]);
            }
        }
        path
    }

    fn mount(&self, node: &mut Node) {
        if node.get("type").and_then(Node::as_str) == Some("bind")
            && let Some(source) = node.get_mut("source")
        {
            self.text(source, |path| self.unix(path));
        }
    }

    /// A local volume that is a bind in disguise.
    fn volume(&self, node: &mut Node) {
        if node.get("driver").and_then(Node::as_str) != Some("local") {
            return;
        }
        let Some(options) = node.get_mut("driver_opts") else { return };
        if options.get("o").and_then(Node::as_str) == Some("bind")
            && let Some(device) = options.get_mut("device")
        {
            self.text(device, |path| self.unix(path));
        }
    }
}

/// Whether a path is absolute on Windows: a drive or a share, then a separator.
fn is_windows_absolute(path: &str) -> bool {
    let bytes = path.as_bytes();
    let separator = |at: usize| matches!(bytes.get(at), Some(b'\\' | b'/'));
    (bytes.get(1) == Some(&b':') && separator(2)) || (separator(0) && separator(1) && bytes.len() > 2)
}

#[cfg(test)]
mod tests {
    use super::{clean, join, parent, relative};

    #[test]
    fn paths_are_cleaned_joined_and_related() {
        assert_eq!(clean("/a/./b/../c//"), "/a/c");
        assert_eq!(clean("../x/.."), "..");
        assert_eq!(clean(""), ".");
        assert_eq!(join("/a", "./b"), "/a/b");
        assert_eq!(join(".", "b"), "b");
        assert_eq!(parent("/a/b.yaml"), "/a");
        assert_eq!(parent("b.yaml"), ".");
        assert_eq!(relative("/a/b", "/a/c/d"), "../c/d");
        assert_eq!(relative("/a", "/a"), ".");
    }
}
