//! Keys and options that are read and change nothing: blocks whose verbs do not exist yet, `--set` without a template.
//! Reads the tree of the project file and the options; returns each by name, for a warning.
//! Never holds a value, which may be secret.

use serde_json::{Map, Value};

use super::document::{Content, Node};
use super::load::LoadedProject;
use crate::error::nearest;

/// Stands for the chosen environment.
const ENVIRONMENT: &str = "*";

/// Keys that have no effect yet. What one of them names is examined like everything else.
const KEYS: &[&[&str]] = &[
    &["environments", ENVIRONMENT, "proxy", "tls", "letsencrypt"],
    &["registry", "url"],
    &["backup", "schedule"],
    &["watch"],
];

/// How files name themselves templates.
const TEMPLATE: &str = ".tera";

impl LoadedProject {
    /// The keys of the file that have no effect yet, as `environments.prod.deploy`; other environments left out.
    pub fn keys_without_effect(&self) -> Vec<String> {
        let name = self.environment_name.as_deref().unwrap_or_default();
        let path = |keys: &&[&str]| -> Vec<String> {
            keys.iter().map(|key| if *key == ENVIRONMENT { name } else { key }.to_owned()).collect()
        };
        let paths = KEYS.iter().map(path);
        paths
            .filter(|path| self.tree.as_ref().is_some_and(|tree| is_set(tree, path)))
            .map(|path| path.join("."))
            .collect()
    }

    /// What is odd about `--set` arguments: nothing that could read them, or a name no value has. `files` says that
    /// compose files were named on the command line, which are never templates.
    pub fn odd_settings(&self, set: &[String], files: bool) -> Vec<String> {
        let paths = set.iter().map(|argument| argument.split('=').next().unwrap_or_default());
        let values = self.environment.chart.iter().flat_map(|chart| &chart.values);
        if files || !self.environment.compose.iter().chain(values).any(|file| file.ends_with(TEMPLATE)) {
            return paths.map(|path| format!("`--set {path}` has no effect: no compose file is a template")).collect();
        }
        let mut declared = self.project.as_ref().map(|project| project.values.clone()).unwrap_or_default();
        super::values::merge_values(&mut declared, &self.environment.values);
        let known = leaves(&declared);
        let unknown = paths.filter(|path| lookup(&declared, path).is_none());
        let said = |path: &str| {
            let near = nearest(path, known.iter().map(String::as_str));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            format!("`--set {path}`: aictl.yaml has no value of this name{near}")
        };
        unknown.map(said).collect()
    }
}

/// Whether the path has a value that asks for something: not null, and not switched off by `false`.
fn is_set(tree: &Node, path: &[String]) -> bool {
    let found = path.iter().try_fold(tree, |node, key| node.get(key));
    let is_off = |node: &Node| matches!(&node.content, Content::Scalar { text, .. } if text == "false");
    found.is_some_and(|node| !node.is_null() && !is_off(node))
}

fn lookup<'v>(values: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    let mut keys = path.split('.');
    let first = values.get(keys.next()?)?;
    keys.try_fold(first, |value, key| value.get(key))
}

/// The values by their whole names.
fn leaves(values: &Map<String, Value>) -> Vec<String> {
    let below = |(key, value): (&String, &Value)| match value {
        Value::Object(map) => leaves(map).into_iter().map(|rest| format!("{key}.{rest}")).collect(),
        _ => vec![key.clone()],
    };
    values.iter().flat_map(below).collect()
}

#[cfg(test)]
mod tests {
    use crate::input_file::LocalFiles;
    use crate::project::{PROJECT_FILE, ProjectArgs, load_project};

    fn loaded(text: &str, environment: &str) -> crate::project::LoadedProject {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(PROJECT_FILE), text).unwrap();
        let args = ProjectArgs { directory: folder.path(), file: None, environment: Some(environment), set: &[] };
        load_project(&args, &LocalFiles).unwrap()
    }

    #[test]
    fn blocks_without_effect_are_named_for_the_chosen_environment_only() {
        let text = "environments:
  a: { proxy: { service: n, tls: { letsencrypt: { email: x } } }, deploy: { backup: true } }
  b: { deploy: { backup: false }, proxy: { service: n } }
registry: { url: r, mirrors: [m] }
watch: { interval: 30s }
";
        let always = ["registry.url", "watch"].map(str::to_owned);
        let of_a = ["environments.a.proxy.tls.letsencrypt"].map(str::to_owned);
        assert_eq!(loaded(text, "a").keys_without_effect(), [&of_a[..], &always].concat());
        assert_eq!(loaded(text, "b").keys_without_effect(), always);
    }

    #[test]
    fn a_set_that_nothing_reads_is_odd() {
        let text = "values: { api: { port: 1 }, name: x }
environments:
  a: { compose: c.yaml.tera, values: { api: { host: h } } }
  b: { compose: c.yaml }
  c: { target: { kubernetes: [{ context: c }] }, chart: { path: c, values: [v.yaml.tera] } }
";
        let odd = |environment: &str, set: &[&str], files: bool| {
            let set: Vec<String> = set.iter().map(|argument| (*argument).to_owned()).collect();
            loaded(text, environment).odd_settings(&set, files)
        };
        assert_eq!(odd("a", &["api.port=2", "api.host=x", "api=y", "name=z"], false), Vec::<String>::new());
        assert_eq!(odd("c", &["name=z"], false), Vec::<String>::new());
        let unknown = "`--set api.prt`: aictl.yaml has no value of this name; did you mean `api.port`?";
        assert_eq!(odd("a", &["api.prt=s3cret"], false), [unknown]);
        let nothing = "`--set name` has no effect: no compose file is a template";
        assert_eq!(odd("b", &["name=s3cret"], false), [nothing]);
        assert_eq!(odd("a", &["name=s3cret"], true), [nothing]);
    }
}
