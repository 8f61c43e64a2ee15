//! Chart.yaml and, for charts of the first version, requirements.yaml.

use std::collections::BTreeSet;

use aictl_gotemplate::{Map, MapKind, Value, Version};

use super::yaml::{string, string_map, strings};

/// What Chart.yaml says.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    pub name: String,
    pub version: String,
    pub api_version: String,
    pub app_version: String,
    pub description: String,
    pub home: String,
    pub icon: String,
    pub condition: String,
    pub tags: String,
    pub kube_version: String,
    /// `application`, `library` or nothing.
    pub kind: String,
    pub deprecated: bool,
    pub sources: Vec<String>,
    pub keywords: Vec<String>,
    /// Name, e-mail address and URL.
    pub maintainers: Vec<[String; 3]>,
    pub annotations: Vec<(String, String)>,
    /// `None` when there is no such key: then nothing is switched off.
    pub dependencies: Option<Vec<Dependency>>,
}

/// A chart that this one needs.
#[derive(Debug, Clone, Default)]
pub struct Dependency {
    /// Its alias once dependencies are processed.
    pub name: String,
    pub version: String,
    pub repository: String,
    pub condition: String,
    pub tags: Vec<String>,
    pub enabled: bool,
    pub import_values: Vec<Import>,
    pub alias: String,
}

/// Values of a subchart that its parent takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub child: String,
    pub parent: String,
}

impl Metadata {
    /// Takes over every key the map has; the rest stays.
    pub fn read(&mut self, map: &Map) -> Result<(), String> {
        for (key, text) in self.texts() {
            if let Some(value) = map.get(key) {
                *text = sanitized(&named(key, string(Some(value)))?);
            }
        }
        let list = |key: &str| -> Result<Vec<String>, String> {
            Ok(named(key, strings(map.get(key)))?.iter().map(|text| sanitized(text)).collect())
        };
        if map.get("sources").is_some() {
            self.sources = list("sources")?;
        }
        if map.get("keywords").is_some() {
            self.keywords = list("keywords")?;
        }
        match map.get("deprecated") {
            None | Some(Value::Null | Value::Nil) => {}
            Some(Value::Bool(value)) => self.deprecated = value,
            Some(_) => return Err("`deprecated` is not a boolean".into()),
        }
        if let Some(value) = map.get("annotations") {
            self.annotations = named("annotations", string_map(Some(value)))?;
        }
        if let Some(value) = map.get("maintainers") {
            self.maintainers = each(&value, "maintainers", maintainer)?;
        }
        if let Some(value) = map.get("dependencies")
            && !value.is_nil()
        {
            self.dependencies = Some(each(&value, "dependencies", dependency)?);
        }
        Ok(())
    }

    fn texts(&mut self) -> [(&'static str, &mut String); 11] {
        [
            ("name", &mut self.name),
            ("version", &mut self.version),
            ("apiVersion", &mut self.api_version),
            ("appVersion", &mut self.app_version),
            ("description", &mut self.description),
            ("home", &mut self.home),
            ("icon", &mut self.icon),
            ("condition", &mut self.condition),
            ("tags", &mut self.tags),
            ("kubeVersion", &mut self.kube_version),
            ("type", &mut self.kind),
        ]
    }

    /// What Helm refuses.
    pub fn check(&self) -> Result<(), String> {
        for (key, text) in [("apiVersion", &self.api_version), ("name", &self.name), ("version", &self.version)] {
            if text.is_empty() {
                return Err(format!("`{key}` is missing"));
            }
        }
        if self.name == "." || self.name == ".." || self.name.contains('/') {
            return Err(format!("invalid name `{}`", self.name));
        }
        if Version::parse(&self.version).is_err() {
            return Err(format!("invalid version `{}`", self.version));
        }
        if !matches!(self.kind.as_str(), "" | "application" | "library") {
            return Err(format!("invalid type `{}`: application or library", self.kind));
        }
        let mut seen = BTreeSet::new();
        for dependency in self.dependencies.iter().flatten() {
            let alias = &dependency.alias;
            if !alias.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
                return Err(format!("dependency `{}` has an invalid alias `{alias}`", dependency.name));
            }
            let key = if alias.is_empty() { &dependency.name } else { alias };
            if !seen.insert(key) {
                return Err(format!("more than one dependency with name or alias `{key}`"));
            }
        }
        Ok(())
    }

    /// Whether nothing but definitions can come from it.
    pub fn is_library(&self) -> bool {
        self.kind.eq_ignore_ascii_case("library")
    }

    /// `.Chart`, as Helm 4 gives it.
    pub fn as_map(&self, is_root: bool) -> Map {
        let map = Map::new();
        let mut copy = self.clone();
        let names = [
            "Name",
            "Version",
            "APIVersion",
            "AppVersion",
            "Description",
            "Home",
            "Icon",
            "Condition",
            "Tags",
            "KubeVersion",
            "Type",
        ];
        for (name, (_, text)) in names.iter().zip(copy.texts()) {
            map.set(name, Value::str(text.as_str()));
        }
        map.set("Deprecated", Value::Bool(self.deprecated));
        map.set("IsRoot", Value::Bool(is_root));
        map.set("Sources", texts(&self.sources));
        map.set("Keywords", texts(&self.keywords));
        let annotations = Map::new();
        self.annotations.iter().for_each(|(key, value)| annotations.set(key, Value::str(value.as_str())));
        map.set("Annotations", Value::Map(annotations.typed(MapKind::Strings)));
        let maintainers = self.maintainers.iter().map(|parts| {
            let map = Map::new();
            ["Name", "Email", "URL"].iter().zip(parts).for_each(|(key, text)| map.set(key, Value::str(text.as_str())));
            Value::Map(map)
        });
        map.set("Maintainers", Value::list(maintainers.collect()));
        let dependencies = self.dependencies.iter().flatten().map(|dependency| Value::Map(dependency.as_map()));
        map.set("Dependencies", Value::list(dependencies.collect()));
        map
    }
}

impl Dependency {
    fn as_map(&self) -> Map {
        let map = Map::new();
        let texts_of = [
            ("Name", &self.name),
            ("Version", &self.version),
            ("Repository", &self.repository),
            ("Condition", &self.condition),
            ("Alias", &self.alias),
        ];
        texts_of.iter().for_each(|(key, text)| map.set(key, Value::str(text.as_str())));
        map.set("Tags", texts(&self.tags));
        map.set("Enabled", Value::Bool(self.enabled));
        let imports = self.import_values.iter().map(|import| {
            let map = Map::new();
            map.set("child", Value::str(import.child.as_str()));
            map.set("parent", Value::str(import.parent.as_str()));
            Value::Map(map.typed(MapKind::Strings))
        });
        map.set("ImportValues", Value::list(imports.collect()));
        map
    }
}

fn texts(items: &[String]) -> Value {
    Value::list(items.iter().map(|item| Value::str(item.as_str())).collect())
}

fn named<T>(key: &str, result: Result<T, String>) -> Result<T, String> {
    result.map_err(|message| format!("`{key}`: {message}"))
}

fn each<T>(value: &Value, key: &str, read: fn(&Map) -> Result<T, String>) -> Result<Vec<T>, String> {
    let items = match value {
        Value::Nil | Value::Null => return Ok(Vec::new()),
        Value::List(list) => &list.items,
        _ => return Err(format!("`{key}` is not a list")),
    };
    let item = |item: &Value| match item {
        Value::Map(map) => named(key, read(map)),
        _ => Err(format!("`{key}` must not contain empty or scalar items")),
    };
    items.iter().map(item).collect()
}

fn maintainer(map: &Map) -> Result<[String; 3], String> {
    let part = |key: &str| Ok::<_, String>(sanitized(&named(key, string(map.get(key)))?));
    Ok([part("name")?, part("email")?, part("url")?])
}

fn dependency(map: &Map) -> Result<Dependency, String> {
    let part = |key: &str| Ok::<_, String>(sanitized(&named(key, string(map.get(key)))?));
    let imports = match map.get("import-values") {
        Some(Value::List(list)) => list.items.iter().filter_map(import).collect(),
        _ => Vec::new(),
    };
    Ok(Dependency {
        name: part("name")?,
        version: part("version")?,
        repository: part("repository")?,
        condition: part("condition")?,
        tags: named("tags", strings(map.get("tags")))?,
        enabled: false,
        import_values: imports,
        alias: part("alias")?,
    })
}

/// A name below `exports`, or child and parent; anything else is ignored, as by Helm.
fn import(value: &Value) -> Option<Import> {
    match value {
        Value::Str(name) => Some(Import { child: format!("exports.{name}"), parent: ".".into() }),
        Value::Map(map) => {
            let part = |key: &str| match map.get(key) {
                Some(Value::Str(text)) => text.to_string(),
                Some(other) => aictl_gotemplate::strval(&other),
                None => "<nil>".to_owned(),
            };
            Some(Import { child: part("child"), parent: part("parent") })
        }
        _ => None,
    }
}

/// Blanks of every kind as blanks; what cannot be printed is dropped.
fn sanitized(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    shown.filter(|c| !c.is_control()).collect()
}
