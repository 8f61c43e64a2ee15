//! The lists `config` prints instead of the model: names, hashes, images, variables.
//! Reads a loaded project or its variables; returns the text as Compose lays it out.
//! Never loads anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::options::Format;
use crate::compose::emit::to_yaml;
use crate::compose::hash::config_hash;
use crate::compose::json::{self, Layout};
use crate::compose::model::{Service, Stack};
use crate::compose::value::{Map, Node, Value};
use crate::compose::{ComposeError, LoadedModel, Variable};
use crate::error::Result;

/// One item a line.
pub(super) fn lines<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| format!("{item}\n")).collect()
}

/// The models, by what they run.
pub(super) fn models(stack: &Stack) -> String {
    lines(stack.models.values().map(|model| &model.model).filter(|model| !model.is_empty()))
}

/// Every profile of every service, enabled or not.
pub(super) fn profiles(stack: &Stack) -> String {
    lines(stack.all_services().flat_map(|(_, service)| &service.profiles).collect::<BTreeSet<_>>())
}

/// One image a service, repeats included, and the other images of its hooks.
pub(super) fn images(stack: &Stack) -> String {
    let of_service = |(name, service): (&String, &Service)| {
        let image = service.image_or_default(&stack.name, name);
        let hooks = service.pre_start.iter().map(|hook| hook.image.clone());
        let others: Vec<String> = hooks.filter(|hook| !hook.is_empty() && *hook != image).collect();
        std::iter::once(image).chain(others).collect::<Vec<_>>()
    };
    lines(stack.services.iter().flat_map(of_service))
}

/// `NAME=value`, sorted.
pub(super) fn environment(stack: &Stack) -> String {
    lines(stack.environment.iter().map(|(name, value)| format!("{name}={value}")))
}

/// The hash of the named services, or of all for `*`.
pub(super) fn hashes(stack: &Stack, wanted: &str) -> Result<String> {
    let names: BTreeSet<&str> = match wanted {
        "*" => stack.services.keys().map(String::as_str).collect(),
        some => some.split(',').collect(),
    };
    let mut text = String::new();
    for name in names {
        let service =
            stack.services.get(name).ok_or_else(|| ComposeError::message(format!("no such service: {name}")))?;
        let hash = match default_platform(stack, name, service)? {
            Some(platform) => config_hash(&Service { platform: platform.to_owned(), ..service.clone() }),
            None => config_hash(service),
        };
        text.push_str(&format!("{name} {hash}\n"));
    }
    Ok(text)
}

/// The platform a service that is built gets from the environment when it says none itself.
fn default_platform<'s>(stack: &'s Stack, name: &str, service: &Service) -> Result<Option<&'s str>> {
    let default = stack.environment.get("DOCKER_DEFAULT_PLATFORM").map(String::as_str).filter(|text| !text.is_empty());
    let (Some(build), Some(platform), true) = (&service.build, default, service.platform.is_empty()) else {
        return Ok(None);
    };
    if !build.platforms.is_empty() && !build.platforms.iter().any(|one| one == platform) {
        let message =
            format!("services.{name}.build.platforms does not have {platform}, set by DOCKER_DEFAULT_PLATFORM");
        return Err(ComposeError::message(message).into());
    }
    Ok(Some(platform))
}

/// The variables, as a table, JSON or YAML.
pub(super) fn variables(found: &BTreeMap<String, Variable>, format: Format) -> String {
    match format {
        Format::Json => json_of(found),
        Format::Yaml => yaml_of(found),
        Format::Table => table_of(found),
    }
}

/// Compose indents this one by four and ends it with an empty line.
fn json_of(found: &BTreeMap<String, Variable>) -> String {
    let two = json::to_string(found, Layout::Indented).unwrap_or_default();
    let mut text = String::new();
    for line in two.lines() {
        let rest = line.trim_start_matches(' ');
        text.push_str(&" ".repeat((line.len() - rest.len()) * 2));
        text.push_str(rest);
        text.push('\n');
    }
    text.push('\n');
    text
}

fn yaml_of(found: &BTreeMap<String, Variable>) -> String {
    let names: Map = found.keys().map(|name| (name.clone(), Node::from(Value::Null))).collect();
    let Value::Map(sorted) = LoadedModel { root: Node::from(Value::Map(names)), warnings: Vec::new() }.tree() else {
        return String::new();
    };
    let mut text = String::new();
    for (name, null) in sorted {
        let Some(variable) = found.get(&name) else { continue };
        let fields = [
            ("name", Value::Str(variable.name.clone())),
            ("defaultvalue", Value::Str(variable.default_value.clone())),
            ("presencevalue", Value::Str(variable.presence_value.clone())),
            ("required", Value::Bool(variable.required)),
        ];
        let map: Map = fields.into_iter().map(|(key, value)| (key.to_owned(), Node::from(value))).collect();
        let key = to_yaml(&Value::Map([(name, null)].into_iter().collect()));
        text.push_str(&key.replace(" null\n", "\n"));
        text.extend(to_yaml(&Value::Map(map)).lines().map(|line| format!("    {line}\n")));
    }
    if text.is_empty() { "{}\n".to_owned() } else { text }
}

/// Three columns, at least twenty wide and three apart, and a last one.
fn table_of(found: &BTreeMap<String, Variable>) -> String {
    let header = ["NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE"].map(str::to_owned);
    let rows = found
        .values()
        .map(|v| [v.name.clone(), v.required.to_string(), v.default_value.clone(), v.presence_value.clone()]);
    let rows: Vec<[String; 4]> = std::iter::once(header).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count() + 3).max().unwrap_or(0).max(20);
    let widths = [width(0), width(1), width(2)];
    let padded = |row: &[String; 4]| {
        // A width of a format string ends at 65535.
        let cells =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())));
        format!("{}{}\n", cells.collect::<String>(), row[3])
    };
    rows.iter().map(padded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> BTreeMap<String, Variable> {
        let variable = Variable { name: "TAG".into(), default_value: "latest".into(), ..Variable::default() };
        BTreeMap::from([("TAG".to_owned(), variable)])
    }

    #[test]
    fn a_default_may_be_longer_than_any_column() {
        let long = "x".repeat(70_000);
        let mut found = sample();
        found.entry("TAG".to_owned()).and_modify(|variable| variable.default_value.clone_from(&long));
        assert!(variables(&found, Format::Table).contains(&format!("{long}   \n")));
    }

    #[test]
    fn variables_are_laid_out_as_compose_does() {
        assert_eq!(
            variables(&sample(), Format::Table),
            "NAME                REQUIRED            DEFAULT VALUE       ALTERNATE VALUE\n\
             TAG                 false               latest              \n"
        );
        assert_eq!(
            variables(&sample(), Format::Yaml),
            "TAG:\n    name: TAG\n    defaultvalue: latest\n    presencevalue: \"\"\n    required: false\n"
        );
    }

    #[test]
    fn variables_in_json_are_indented_by_four() {
        let text = variables(&sample(), Format::Json);
        assert!(text.starts_with("{\n    \"TAG\": {\n        \"Name\": \"TAG\",\n"), "{text}");
    }
}
