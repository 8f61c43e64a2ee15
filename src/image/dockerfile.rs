//! Which images a Dockerfile starts from: what must be there before it can be built.
//! Reads the Dockerfile's text and the build arguments; returns references in the order of their stages.
//! Never runs it: what a later instruction copies from another image is not looked for.

use std::collections::{BTreeMap, BTreeSet};

/// The images behind the `FROM` lines, stages of the file itself and `scratch` left out. A name that cannot be resolved
/// because its argument has no value is left out too: the builder says so better.
pub fn base_images(dockerfile: &str, arguments: &BTreeMap<String, String>) -> Vec<String> {
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    let mut stages: BTreeSet<String> = BTreeSet::new();
    let mut images = Vec::new();
    for line in dockerfile.lines().map(str::trim) {
        let mut words = line.split_whitespace();
        let Some(instruction) = words.next() else { continue };
        if instruction.eq_ignore_ascii_case("ARG") && stages.is_empty() && images.is_empty() {
            for word in words {
                let (name, default) = word.split_once('=').unwrap_or((word, ""));
                let value =
                    arguments.get(name).cloned().unwrap_or_else(|| default.trim_matches(['"', '\'']).to_owned());
                values.insert(name.to_owned(), value);
            }
        } else if instruction.eq_ignore_ascii_case("FROM") {
            let mut words = words.filter(|word| !word.starts_with("--"));
            let image = words.next().and_then(|name| filled(name, &values));
            if let Some(image) = image.filter(|image| image != "scratch" && !stages.contains(image)) {
                images.push(image);
            }
            if words.next().is_some_and(|word| word.eq_ignore_ascii_case("AS")) {
                stages.extend(words.next().map(str::to_ascii_lowercase));
            }
        }
    }
    images
}

/// `${NAME}`, `${NAME:-default}` and `$NAME` replaced; `None` when a value is missing.
fn filled(text: &str, values: &BTreeMap<String, String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (name, default, next) = if let Some(inner) = after.strip_prefix('{') {
            let (inner, next) = inner.split_once('}')?;
            let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, d)| (name, Some(d)));
            (name, default, next)
        } else {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            (&after[..end], None, &after[end..])
        };
        let value = values.get(name).map(String::as_str).filter(|value| !value.is_empty()).or(default)?;
        out.push_str(value);
        rest = next;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_images_a_file_starts_from_are_found_through_arguments() {
        let file = "# x\nARG BASE=aictl/base:bookworm\nARG TAG\nFROM --platform=linux/amd64 ${BASE} AS first\n\
                    ARG BASE=other\nfrom first as second\nRUN x\nFROM python:$TAG\nFROM scratch\nFROM ${NONE:-a/b}\n";
        let given = |pairs: &[(&str, &str)]| {
            base_images(file, &pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
        };
        assert_eq!(given(&[]), ["aictl/base:bookworm", "a/b"]);
        assert_eq!(given(&[("BASE", "debian:12"), ("TAG", "3.11")]), ["debian:12", "python:3.11", "a/b"]);
    }
}
