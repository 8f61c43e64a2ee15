//! Rendered files to documents: split, hooks taken out, in the order in which Helm installs them.

use std::collections::BTreeMap;

use aictl_gotemplate::{Map, Value, from_yaml};

use super::error::ChartError;
use super::glob::path_pattern;
use super::order::by_kind;
use super::yaml::{string, string_map};

const HOOK: &str = "helm.sh/hook";
const WEIGHT: &str = "helm.sh/hook-weight";
const DELETE_POLICY: &str = "helm.sh/hook-delete-policy";
const LOG_POLICY: &str = "helm.sh/hook-output-log-policy";

/// Events of hooks. Helm 2's name for tests is still read.
const EVENTS: &[(&str, &str)] = &[
    ("pre-install", "pre-install"),
    ("post-install", "post-install"),
    ("pre-delete", "pre-delete"),
    ("post-delete", "post-delete"),
    ("pre-upgrade", "pre-upgrade"),
    ("post-upgrade", "post-upgrade"),
    ("pre-rollback", "pre-rollback"),
    ("post-rollback", "post-rollback"),
    ("test", "test"),
    ("test-success", "test"),
];

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    pub api_version: String,
    pub kind: String,
    pub name: String,
    /// Only when the document names one.
    pub namespace: Option<String>,
    /// The template it came from: `chart/templates/x.yaml`.
    pub source: String,
    /// As rendered.
    pub text: String,
    pub hook: Option<Hook>,
}

/// When a hook runs and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    pub events: Vec<String>,
    pub weight: i64,
    pub delete_policies: Vec<String>,
    pub log_policies: Vec<String>,
}

/// A file of crds/, which is not a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrdFile {
    pub source: String,
    pub text: String,
}

/// What a chart gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifests {
    pub crds: Vec<CrdFile>,
    /// In the order of installation.
    pub resources: Vec<Manifest>,
    /// By kind; Helm runs those of an event by weight, then name.
    pub hooks: Vec<Manifest>,
    pub notes: String,
}

impl Manifests {
    /// The text that `helm template` prints.
    pub fn text(&self, include_crds: bool) -> String {
        let crds = self.crds.iter().filter(|_| include_crds).map(|crd| document(&crd.source, &crd.text));
        let resources = self.resources.iter().map(|manifest| document(&manifest.source, &manifest.text));
        let all: String = crds.chain(resources).collect();
        let hooks = self.hooks.iter().map(|hook| document(&hook.source, &hook.text));
        format!("{}\n{}", all.trim(), hooks.collect::<String>())
    }

    /// The documents of some templates, by patterns of their paths within the chart.
    pub fn only(&self, patterns: &[String]) -> Result<Self, ChartError> {
        let mut found = Self { notes: self.notes.clone(), ..Self::default() };
        for pattern in patterns {
            let compiled = path_pattern(pattern);
            let fits = |source: &str| {
                let path = source.split_once('/').map_or(source, |(_, path)| path);
                compiled.as_ref().is_some_and(|pattern| pattern.is_match(path))
            };
            let before = found.crds.len() + found.resources.len() + found.hooks.len();
            found.crds.extend(self.crds.iter().filter(|crd| fits(&crd.source)).cloned());
            found.resources.extend(self.resources.iter().filter(|manifest| fits(&manifest.source)).cloned());
            found.hooks.extend(self.hooks.iter().filter(|hook| fits(&hook.source)).cloned());
            if before == found.crds.len() + found.resources.len() + found.hooks.len() {
                return Err(ChartError::NoSuchTemplate { pattern: pattern.clone() });
            }
        }
        Ok(found)
    }
}

fn document(source: &str, text: &str) -> String {
    format!("---\n# Source: {source}\n{text}\n")
}

/// Sorts rendered files into documents and hooks.
pub fn sorted(rendered: &BTreeMap<String, String>) -> Result<Manifests, ChartError> {
    let mut found = Manifests::default();
    for (source, text) in rendered {
        for (at, document) in split(text).into_iter().enumerate() {
            if let Some(manifest) = manifest(source, document, at + 1)? {
                if manifest.hook.is_some() { &mut found.hooks } else { &mut found.resources }.push(manifest);
            }
        }
    }
    found.resources.sort_by(|a, b| by_kind(&a.kind, &b.kind));
    found.hooks.sort_by(|a, b| by_kind(&a.kind, &b.kind));
    Ok(found)
}

/// The documents of a text. A separator is `---` at the start of a line, whatever follows it.
pub(super) fn split(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let (mut start, mut line) = (0, 0);
    let text = text.trim_start();
    while line <= text.len() {
        if text[line..].starts_with("---") {
            documents.push(&text[start..line]);
            start = text.len() - text[line + 3..].trim_start_matches([' ', '\t']).len();
        }
        match text[line..].find('\n') {
            Some(end) => line += end + 1,
            None => break,
        }
    }
    documents.push(&text[start..]);
    documents.into_iter().map(str::trim_start).filter(|document| !document.is_empty()).collect()
}

/// A document; `None` for a hook of an unknown event, which Helm leaves out.
fn manifest(source: &str, text: &str, document: usize) -> Result<Option<Manifest>, ChartError> {
    let wrong =
        |line: usize, message: String| ChartError::Rendered { file: source.to_owned(), document, line, message };
    let root = match from_yaml(text).map_err(|error| wrong(error.line, error.message))? {
        Value::Map(map) => map,
        Value::Nil | Value::Null => Map::new(),
        other => return Err(wrong(1, format!("expected a map, found {}", other.type_name()))),
    };
    head(&root, source, text).map_err(|message| wrong(1, message))
}

fn head(root: &Map, source: &str, text: &str) -> Result<Option<Manifest>, String> {
    let metadata = match root.get("metadata") {
        None | Some(Value::Nil | Value::Null) => Map::new(),
        Some(Value::Map(map)) => map,
        Some(other) => return Err(format!("`metadata`: expected a map, found {}", other.type_name())),
    };
    let named = |key: &str, value| string(value).map_err(|message| format!("`{key}`: {message}"));
    let annotations =
        string_map(metadata.get("annotations")).map_err(|message| format!("`metadata.annotations`: {message}"))?;
    let annotation = |wanted: &str| annotations.iter().find(|(key, _)| key == wanted).map(|(_, text)| text.as_str());
    let hook = match annotation(HOOK) {
        None => None,
        Some(events) => match hook(events, &annotation) {
            Some(hook) => Some(hook),
            None => return Ok(None),
        },
    };
    Ok(Some(Manifest {
        api_version: named("apiVersion", root.get("apiVersion"))?,
        kind: named("kind", root.get("kind"))?,
        name: named("metadata.name", metadata.get("name"))?,
        namespace: metadata.get("namespace").and_then(|value| value.text().map(str::to_owned)),
        source: source.to_owned(),
        text: text.to_owned(),
        hook,
    }))
}

fn hook<'a>(events: &str, annotation: &impl Fn(&str) -> Option<&'a str>) -> Option<Hook> {
    let words = |text: &str| text.split(',').map(|word| word.trim().to_lowercase()).collect::<Vec<_>>();
    let event = |word: &String| EVENTS.iter().find(|(name, _)| name == word).map(|(_, event)| (*event).to_owned());
    let events = words(events).iter().map(event).collect::<Option<Vec<_>>>()?;
    let policies = |key: &str| annotation(key).map(words).unwrap_or_default();
    let weight = annotation(WEIGHT).and_then(|text| text.parse().ok()).unwrap_or_default();
    Some(Hook { events, weight, delete_policies: policies(DELETE_POLICY), log_policies: policies(LOG_POLICY) })
}
