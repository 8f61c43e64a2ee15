//! YAML text as a tree in which every node knows its place.
//! Reads one document; returns the tree and the problems of the text itself: duplicate keys, stray tags, a second document.
//! Never follows aliases without bound, and never decides what a scalar means: `scalar` does.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

/// An alias may repeat a tree; more nodes than this are an attack, not a project.
const MOST_NODES: usize = 100_000;
/// Deeper nesting than this is no project.
const DEEPEST: usize = 100;

/// Where something stands, both from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) content: Content,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// A scalar's text; `plain` when it was written without quotes, so that it may mean a number.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A mapping in the order it was written: key, the key's place, value.
    Map(Vec<(String, Position, Node)>),
}

/// What is wrong with the text: where, which key, what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: Position,
    pub(super) key: String,
    pub(super) message: String,
}

impl Node {
    /// An absent value.
    pub(super) fn null(at: Position) -> Self {
        Self { at, content: Content::Scalar { text: String::new(), plain: true } }
    }

    /// The value of a key, when this is a mapping that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let Content::Map(entries) = &self.content else { return None };
        entries.iter().find(|(name, _, _)| name == key).map(|(_, _, node)| node)
    }

    /// Whether nothing stands here.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar { text, plain } if super::scalar::is_null(text, *plain))
    }

    /// The place of what a path like `["environments", "prod", "0"]` leads to, or of the last part that is there.
    pub(super) fn place(&self, path: &[&str]) -> Position {
        let Some((first, rest)) = path.split_first() else { return self.at };
        let next = match &self.content {
            Content::Map(_) => self.get(first),
            Content::List(items) => first.parse().ok().and_then(|index: usize| items.get(index)),
            Content::Scalar { .. } => None,
        };
        next.map_or(self.at, |node| node.place(rest))
    }
}

/// Parses the text. The tree is valid only if there are no errors; text that is not YAML gives errors only.
pub(super) fn parse(text: &str) -> Result<(Node, Vec<Fault>), Vec<Fault>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader =
        Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), faults: Vec::new(), nodes: 0 };
    match reader.document() {
        Ok(root) => Ok((root, reader.faults)),
        Err(fault) => {
            reader.faults.push(*fault);
            Err(reader.faults)
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    faults: Vec<Fault>,
    nodes: usize,
}

type Read<T> = Result<T, Box<Fault>>;

impl<'t> Reader<'t> {
    fn next(&mut self) -> Read<(Event<'t>, Position)> {
        match self.parser.next() {
            Some(Ok((event, span))) => Ok((event, place(span))),
            Some(Err(error)) => {
                let at = Position { line: error.marker().line(), column: error.marker().col() + 1 };
                Err(Box::new(Fault { at, key: String::new(), message: format!("not YAML: {}", error.info()) }))
            }
            None => Ok((Event::StreamEnd, Position::default())),
        }
    }

    fn document(&mut self) -> Read<Node> {
        let mut root = None;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(root.unwrap_or(Node::null(Position { line: 1, column: 1 }))),
                (Event::StreamStart | Event::DocumentEnd | Event::Nothing, _) => {}
                (Event::DocumentStart(_), at) if root.is_some() => {
                    self.fault(at, "", "multiple documents; a project file must have exactly one");
                    return Ok(root.unwrap_or(Node::null(at)));
                }
                (Event::DocumentStart(_), _) => {
                    let (event, at) = self.next()?;
                    root = Some(self.node(event, at, "", 0)?);
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'t>, at: Position, path: &str, depth: usize) -> Read<Node> {
        self.nodes += 1;
        if self.nodes > MOST_NODES || depth > DEEPEST {
            return Err(self.too_much(at, path));
        }
        let (anchor, content) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && !self.is_text(tag.as_deref(), at, path);
                (anchor, Content::Scalar { text: text.into_owned(), plain })
            }
            Event::SequenceStart(anchor, tag) => {
                self.is_text(tag.as_deref(), at, path);
                (anchor, Content::List(self.list(path, depth)?))
            }
            Event::MappingStart(anchor, tag) => {
                self.is_text(tag.as_deref(), at, path);
                (anchor, Content::Map(self.map(path, depth)?))
            }
            Event::Alias(id) => return self.alias(id, at, path),
            _ => (0, Node::null(at).content),
        };
        let node = Node { at, content };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, path: &str, depth: usize) -> Read<Vec<Node>> {
        let mut items = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(items);
            }
            let path = format!("{path}[{}]", items.len());
            items.push(self.node(event, at, &path, depth + 1)?);
        }
    }

    fn map(&mut self, path: &str, depth: usize) -> Read<Vec<(String, Position, Node)>> {
        let mut entries: Vec<(String, Position, Node)> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let key = self.node(event, at, path, depth + 1)?;
            let name = self.key_name(key, path);
            let inner = joined(path, &name);
            let (event, value_at) = self.next()?;
            let value = self.node(event, value_at, &inner, depth + 1)?;
            if name == "<<" {
                merged.push(value);
            } else if let Some((_, first, _)) = entries.iter().find(|(known, _, _)| *known == name) {
                let message = format!("duplicate key, first defined on line {}", first.line);
                self.fault(at, &inner, &message);
            } else {
                entries.push((name, at, value));
            }
        }
        for value in merged {
            self.merge(&mut entries, value, path);
        }
        Ok(entries)
    }

    /// A merge key adds what is not there yet.
    fn merge(&mut self, entries: &mut Vec<(String, Position, Node)>, value: Node, path: &str) {
        let sources = match value.content {
            Content::List(items) => items,
            _ => vec![value],
        };
        for source in sources {
            let Content::Map(more) = source.content else {
                self.fault(source.at, &joined(path, "<<"), "a merge key takes a mapping or a list of mappings");
                continue;
            };
            for entry in more {
                if !entries.iter().any(|(known, _, _)| *known == entry.0) {
                    entries.push(entry);
                }
            }
        }
    }

    fn key_name(&mut self, key: Node, path: &str) -> String {
        match key.content {
            Content::Scalar { text, .. } => text,
            _ => {
                self.fault(key.at, path, "a key must be a string");
                String::new()
            }
        }
    }

    fn alias(&mut self, id: usize, at: Position, path: &str) -> Read<Node> {
        let Some(node) = self.anchors.get(&id).cloned() else {
            self.fault(at, path, "an alias that refers to itself");
            return Ok(Node::null(at));
        };
        self.nodes += size(&node);
        if self.nodes > MOST_NODES {
            return Err(self.too_much(at, path));
        }
        Ok(node)
    }

    /// Whether a tag makes a plain scalar text; tags other than YAML's own are faults.
    fn is_text(&mut self, tag: Option<&Tag>, at: Position, path: &str) -> bool {
        let Some(tag) = tag else { return false };
        if !tag.is_yaml_core_schema() {
            self.fault(at, path, &format!("unsupported tag `{tag}`"));
        }
        tag.suffix == "str"
    }

    fn too_much(&self, at: Position, key: &str) -> Box<Fault> {
        let message = format!("more than {MOST_NODES} values or {DEEPEST} levels, aliases followed");
        Box::new(Fault { at, key: key.to_owned(), message })
    }

    fn fault(&mut self, at: Position, key: &str, message: &str) {
        self.faults.push(Fault { at, key: key.to_owned(), message: message.to_owned() });
    }
}

/// `a.b`, or `b` at the top.
pub(super) fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn place(span: Span) -> Position {
    Position { line: span.start.line(), column: span.start.col() + 1 }
}

fn size(node: &Node) -> usize {
    match &node.content {
        Content::Scalar { .. } => 1,
        Content::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Content::Map(entries) => 1 + entries.iter().map(|(_, _, node)| 1 + size(node)).sum::<usize>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let (Ok((_, faults)) | Err(faults)) = parse(text);
        faults.iter().map(|f| format!("{}:{} {}: {}", f.at.line, f.at.column, f.key, f.message)).collect()
    }

    #[test]
    fn nodes_know_where_they_stand() {
        let Ok((root, faults)) = parse("name: x\nvalues:\n  ports: [80, 443]\n") else { panic!("not YAML") };
        assert_eq!(faults, []);
        assert_eq!(root.place(&["values", "ports", "1"]), Position { line: 3, column: 15 });
        // A block mapping begins at its first key.
        assert_eq!(root.place(&["values", "absent"]), Position { line: 3, column: 3 });
    }

    #[test]
    fn a_key_given_twice_is_a_fault_that_names_the_first() {
        assert_eq!(
            faults("a: 1\nb: {c: 1, c: 2}\na: 2\n"),
            ["2:11 b.c: duplicate key, first defined on line 2", "3:1 a: duplicate key, first defined on line 1",]
        );
    }

    #[test]
    fn anchors_and_merge_keys_are_followed() {
        let Ok((root, faults)) = parse("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\n") else { panic!("not YAML") };
        assert_eq!(faults, []);
        let used = root.get("use").unwrap();
        assert_eq!(used.get("y").unwrap().content, Content::Scalar { text: "3".into(), plain: true });
        assert!(used.get("x").is_some());
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..8 {
            let line = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{line}]\n"));
        }
        let found = faults(&text);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("more than 100000 values"), "{found:?}");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let found = faults(&format!("a: {}{}", "[".repeat(2000), "]".repeat(2000)));
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn broken_text_tags_and_second_documents_are_faults() {
        assert_eq!(faults("a: b: c\n").len(), 1);
        assert_eq!(faults("a: !reset x\n"), ["1:4 a: unsupported tag `!reset`"]);
        assert_eq!(faults("a: 1\n---\nb: 2\n"), ["2:1 : multiple documents; a project file must have exactly one"]);
        assert_eq!(faults("? [a, b]\n: 1\n"), ["1:3 : a key must be a string"]);
        assert_eq!(faults(""), Vec::<String>::new());
    }
}
