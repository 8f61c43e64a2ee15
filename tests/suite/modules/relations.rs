//! Dependency graph of the source files: import cycles, verbs that use other verbs, engines that use other engines.
//! Names are followed through re-exports to the file that defines them. A parent that only declares and re-exports its
//! children does not depend on them. Method calls and paths built by macros are not detected.

use std::collections::{BTreeMap, BTreeSet};

use super::paths::{self, Import};
use super::source::SourceFile;

/// Maximum number of re-exports followed for a name.
const FARTHEST: usize = 12;

/// The module that is a package of its own.
const TEMPLATES: &str = "gotemplate";

struct Module<'s> {
    source: &'s SourceFile,
    imports: Vec<Import>,
    /// The code without its imports.
    code: String,
}

/// The files of a crate by their module path.
struct Modules<'s> {
    known: BTreeMap<Vec<String>, Module<'s>>,
    /// Every folder, with or without a file of its own.
    folders: BTreeSet<Vec<String>>,
}

/// The type of the file at the path, symbolic links followed.
enum Found {
    Module,
    /// An item defined in the file of this module.
    Item(Vec<String>),
}

/// Import cycles with their files and references.
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

/// References from verbs to other verbs and from engines to other engines, including re-exports.
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
                found.push(format!("{from}: must not use `{name}` of another engine"));
            } else if verbs {
                found.push(format!("{from}: must not use `{name}` of another verb"));
            }
        }
    }
    found.dedup();
    found
}

/// The only verb that may use other verbs.
const QUICKSTART: &str = "begin/quickstart";

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
    let mut text = format!("import cycle of {} files:", circle.len());
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

/// Files reachable from a file; itself only through a cycle.
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
        // Crate roots only declare and re-export modules.
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

    /// Names used by a file with the modules that define them; with `all`, including re-exports.
    fn references(&self, at: &[String], module: &Module, all: bool) -> Vec<(String, Vec<String>)> {
        let mut found = Vec::new();
        for import in &module.imports {
            let said = all || !import.public || paths::words(&module.code, &import.name).next().is_some();
            // An imported module counts where a path goes through it.
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
            // A package of its own, whose root is a folder here.
            "crate" if from.first().is_some_and(|module| module == TEMPLATES) => vec![TEMPLATES.to_owned()],
            "aictl_gotemplate" => vec![TEMPLATES.to_owned()],
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
        let Some((first, rest)) = path.split_first() else { return Some(Found::Module) };
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
