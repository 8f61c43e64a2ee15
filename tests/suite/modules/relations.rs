//! Which file needs which: the circles among them, verbs that need verbs, engines that need engines.
//! Reads all files of the crate; a name is followed through re-exports to the file that defines it. A parent that declares
//! and hands on its children needs none of them, unless its own code says the name too. Methods name no file: unseen, as are
//! paths that only a macro's caller completes.

use std::collections::{BTreeMap, BTreeSet};

use super::paths::{self, Import};
use super::source::SourceFile;

/// How far a name is followed through re-exports.
const FARTHEST: usize = 12;

struct Module<'s> {
    source: &'s SourceFile,
    imports: Vec<Import>,
    /// The code without its imports.
    code: String,
}

/// The files of a crate by their module path.
struct Modules<'s> {
    known: BTreeMap<Vec<String>, Module<'s>>,
    /// Every folder of them, whether or not it has a file of its own.
    folders: BTreeSet<Vec<String>>,
}

/// What a path leads to.
enum Found {
    Module(Vec<String>),
    /// Something defined in the file of this module.
    Item(Vec<String>),
}

/// Each circle: its files, and the references that make it.
pub fn circles(sources: &[SourceFile]) -> Vec<String> {
    let modules = Modules::new(sources);
    let graph = modules.graph();
    let reach: BTreeMap<&str, BTreeSet<&str>> = graph.keys().map(|file| (*file, reached(&graph, file))).collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for file in graph.keys() {
        if !reach[file].contains(file) || seen.contains(file) {
            continue;
        }
        let circle: Vec<&str> =
            reach[file].iter().copied().filter(|other| reach.get(other).is_some_and(|r| r.contains(file))).collect();
        seen.extend(circle.iter().copied());
        found.push(described(&graph, &circle));
    }
    found
}

/// Verbs that name other verbs, and engines that name other engines, even to hand them on.
pub fn strangers(sources: &[SourceFile]) -> Vec<String> {
    let modules = Modules::new(sources);
    let mut found = Vec::new();
    for (path, module) in &modules.known {
        let from = module.source.name.as_str();
        for (name, to) in modules.references(path, module, true) {
            let Some(other) = modules.known.get(&to) else { continue };
            let to = other.source.name.as_str();
            let engines = engine(from).zip(engine(to)).is_some_and(|(from, to)| from != to);
            let verbs = verb(from).zip(verb(to)).is_some_and(|(from, to)| from != to && from != QUICKSTART);
            if engines {
                found.push(format!("{from}: `{name}` is of another engine"));
            } else if verbs {
                found.push(format!("{from}: `{name}` is of another verb"));
            }
        }
    }
    found.dedup();
    found
}

/// The one verb that is made of others.
const QUICKSTART: &str = "begin/quickstart";

fn rest_of(file: &str) -> &str {
    &file["workflow/".len()..]
}

/// `docker` of `engine/docker/x.rs`.
fn engine(file: &str) -> Option<&str> {
    file.strip_prefix("engine/")?.split_once('/').map(|(engine, _)| engine)
}

/// `run/start` of `workflow/run/start.rs`; what lists the verbs is none.
fn verb(file: &str) -> Option<&str> {
    let rest = file.strip_prefix("workflow/")?.trim_end_matches(".rs");
    let (group, rest) = match rest.split_once('/') {
        Some((group, rest)) => (group.len() + 1, rest),
        None => (0, rest),
    };
    let name = rest.split('/').next().filter(|name| *name != "mod")?;
    Some(&file["workflow/".len()..][..group + name.len()])
}

type Graph<'s> = BTreeMap<&'s str, BTreeMap<&'s str, BTreeSet<String>>>;

fn described(graph: &Graph, circle: &[&str]) -> String {
    let mut text = format!("{} files form a circle:", circle.len());
    for file in circle {
        for (other, names) in &graph[file] {
            if circle.contains(other) {
                let names = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                text.push_str(&format!("\n  {file} -> {other}: {names}"));
            }
        }
    }
    text
}

/// The files one leads to, itself only when it does so through others.
fn reached<'s>(graph: &Graph<'s>, file: &str) -> BTreeSet<&'s str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = vec![file];
    while let Some(next) = open.pop() {
        for other in graph.get(next).into_iter().flat_map(|edges| edges.keys()) {
            if found.insert(*other) {
                open.push(other);
            }
        }
    }
    found
}

impl<'s> Modules<'s> {
    fn new(sources: &'s [SourceFile]) -> Self {
        let module = |source: &'s SourceFile| {
            let (imports, code) = paths::imports(&source.code);
            (module_path(&source.name), Module { source, imports, code })
        };
        // The roots of the crates declare modules and hand them on.
        let is_root = |source: &&SourceFile| matches!(source.name.as_str(), "lib.rs" | "main.rs" | "model.rs");
        let files = sources.iter().filter(|source| !is_root(source) && !source.is_test);
        let known: BTreeMap<_, _> = files.map(module).collect();
        let folders = known.keys().flat_map(|path| (1..path.len()).map(|length| path[..length].to_vec())).collect();
        Self { known, folders }
    }

    fn graph(&self) -> Graph<'s> {
        let mut graph = Graph::new();
        for (path, module) in &self.known {
            let edges = graph.entry(&module.source.name).or_default();
            for (name, to) in self.references(path, module, false) {
                if let Some(other) = self.known.get(&to).filter(|_| to != *path) {
                    edges.entry(&other.source.name).or_default().insert(name);
                }
            }
        }
        graph
    }

    /// The names a file says, each with the module that defines it; with `all` also those it only hands on.
    fn references(&self, at: &[String], module: &Module, all: bool) -> Vec<(String, Vec<String>)> {
        let mut found = Vec::new();
        for import in &module.imports {
            let said = all || !import.public || paths::words(&module.code, &import.name).next().is_some();
            // An imported module is needed where a path through it stands.
            if let Some(Found::Item(to)) = self.follow(at, &import.path, 0).filter(|_| said) {
                found.push((import.path.join("::"), to));
            }
        }
        for (_, path) in paths::inline(&module.code) {
            if let Some(Found::Item(to)) = self.follow(at, &path, 0) {
                found.push((path.join("::"), to));
            }
        }
        found
    }

    fn follow(&self, from: &[String], path: &[String], depth: usize) -> Option<Found> {
        if depth > FARTHEST {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let start = match first.as_str() {
            "crate" | "aictl_model" => Vec::new(),
            "self" => from.to_vec(),
            "super" => from.split_last()?.1.to_vec(),
            _ => return self.step(from, path, depth, false),
        };
        self.step(&start, rest, depth, true)
    }

    /// Goes on from a module that was named. At the beginning of a path a name that is neither module nor import is a
    /// library or a type of the same file.
    fn step(&self, at: &[String], path: &[String], depth: usize, named: bool) -> Option<Found> {
        let Some((first, rest)) = path.split_first() else { return Some(Found::Module(at.to_vec())) };
        if first == "super" {
            return self.step(at.split_last()?.1, rest, depth, true);
        }
        let child: Vec<String> = at.iter().chain([first]).cloned().collect();
        if self.is_module(&child) {
            return self.step(&child, rest, depth, true);
        }
        let module = self.known.get(at)?;
        if let Some(import) = module.imports.iter().find(|import| import.name == *first) {
            let path: Vec<String> = import.path.iter().chain(rest).cloned().collect();
            // `use tokio;` must not lead to itself.
            return if path[0] == *first && path.len() == rest.len() + 1 {
                None
            } else {
                self.follow(at, &path, depth + 1)
            };
        }
        if named && !is_defined(&module.code, first) {
            let globs = module.imports.iter().filter(|import| import.name == "*");
            let through = |import: &Import| {
                let path: Vec<String> = import.path[..import.path.len() - 1].iter().chain(path).cloned().collect();
                self.follow(at, &path, depth + 1)
            };
            if let Some(found) = globs.filter_map(through).next() {
                return Some(found);
            }
        }
        named.then(|| Found::Item(at.to_vec()))
    }

    fn is_module(&self, path: &[String]) -> bool {
        self.known.contains_key(path) || self.folders.contains(path)
    }
}

fn is_defined(code: &str, name: &str) -> bool {
    paths::words(code, name).any(|at| {
        let before = code[..at].trim_end();
        ["fn", "struct", "enum", "trait", "type", "const", "static", "macro_rules!"]
            .iter()
            .any(|word| before.ends_with(word))
    })
}

fn module_path(name: &str) -> Vec<String> {
    let name = name.trim_end_matches(".rs");
    let name = name.strip_suffix("/mod").unwrap_or(name);
    name.split('/').map(str::to_owned).collect()
}
