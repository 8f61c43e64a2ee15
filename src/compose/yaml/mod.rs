//! YAML text to positioned trees, with the scalar rules, merge keys and tags of the reader Compose uses.
//! Reads one file's text; returns its documents, each with the paths its `!reset` and `!override` tags name.
//! Never interprets compose keys and never expands aliases without bound.

mod compose;
mod construct;
mod error;
mod lenience;
mod reset;
mod scalar;

pub(crate) use error::YamlError;
pub(crate) use reset::{ResetPaths, apply_resets};
pub(crate) use scalar::is_plain_text;

use super::value::Node;

/// One document of a file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Document {
    /// The tree; null when the document is empty.
    pub root: Node,
    /// Paths of earlier files this document resets.
    pub resets: ResetPaths,
}

/// Reads all documents of a text; `file` is the index the positions carry.
pub(crate) fn parse(text: &str, file: u16) -> Result<Vec<Document>, YamlError> {
    let mut documents = Vec::new();
    for arena in compose::documents(text, file)? {
        let resets = reset::paths(&arena);
        documents.push(Document { root: construct::construct(&arena)?, resets });
    }
    Ok(documents)
}

/// The first document of a text as plain data, for YAML that is not a compose file; null when there is none.
pub fn plain_value(text: &str) -> Result<serde_json::Value, String> {
    let documents = parse(text, 0).map_err(|error| format!("line {}: {}", error.at.line, error.message))?;
    let root = documents.into_iter().next().map(|document| document.root).unwrap_or_default();
    serde_json::to_value(root).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::{parse, plain_value};
    use crate::compose::json::{Layout, to_string};

    fn json(text: &str) -> String {
        let documents = parse(text, 0).unwrap();
        to_string(&documents[0].root, Layout::Compact).unwrap()
    }

    #[test]
    fn scalars_resolve_as_go_yaml_resolves_them() {
        let cases = [
            ("a: yes", r#"{"a":"yes"}"#),
            ("a: on", r#"{"a":"on"}"#),
            ("a: true", r#"{"a":true}"#),
            ("a: 0o17", r#"{"a":15}"#),
            ("a: 017", r#"{"a":15}"#),
            ("a: 08", r#"{"a":8}"#),
            ("a: 0x1F", r#"{"a":31}"#),
            ("a: 1_000", r#"{"a":1000}"#),
            ("a: 1e3", r#"{"a":1000}"#),
            ("a: 1:20", r#"{"a":"1:20"}"#),
            ("a: 2001-01-01", r#"{"a":"2001-01-01T00:00:00Z"}"#),
            ("a: '1'", r#"{"a":"1"}"#),
            ("a: ~", r#"{"a":null}"#),
            ("a:", r#"{"a":null}"#),
            ("a: !!str 1", r#"{"a":"1"}"#),
            ("a: .5", r#"{"a":0.5}"#),
            ("a: 1.2.3", r#"{"a":"1.2.3"}"#),
        ];
        for (text, expected) in cases {
            assert_eq!(json(text), expected, "{text}");
        }
    }

    #[test]
    fn merge_keys_fill_what_is_not_written() {
        let text = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nm: {<<: [*x, *y], a: 9}";
        assert_eq!(json(text), r#"{"m":{"a":9,"b":2,"c":4},"x":{"a":1,"b":2},"y":{"b":3,"c":4}}"#);
    }

    #[test]
    fn a_key_written_twice_is_an_error_with_both_lines() {
        let error = parse("a: 1\nb: 2\na: 3\n", 0).unwrap_err();
        assert_eq!((error.at.line, error.at.column), (3, 1));
        assert_eq!(error.message, "mapping key \"a\" already defined at line 1");
    }

    #[test]
    fn a_key_that_is_no_text_is_an_error() {
        assert_eq!(parse("a:\n  8080: x\n", 0).unwrap_err().message, "non-string key 8080: put it in quotes");
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            let refs = vec![format!("*a{}", level - 1); 10].join(",");
            text.push_str(&format!("a{level}: &a{level} [{refs}]\n"));
        }
        assert!(parse(&text, 0).unwrap_err().message.contains("excessive aliasing"));
    }

    #[test]
    fn an_anchor_that_contains_itself_is_refused() {
        assert!(parse("a: &a [*a]\n", 0).unwrap_err().message.contains("contains itself"));
    }

    #[test]
    fn documents_of_one_file_are_kept_apart() {
        assert_eq!(parse("a: 1\n---\nb: 2\n", 0).unwrap().len(), 2);
        assert_eq!(parse("# nothing\n", 0).unwrap().len(), 0);
    }

    #[test]
    fn other_files_are_read_as_plain_data() {
        assert_eq!(plain_value("a: [1, x]\n"), Ok(serde_json::json!({ "a": [1, "x"] })));
        assert_eq!(plain_value(""), Ok(serde_json::Value::Null));
        assert_eq!(plain_value("a: 1\na: 2\n"), Err("line 2: mapping key \"a\" already defined at line 1".to_owned()));
    }
}
