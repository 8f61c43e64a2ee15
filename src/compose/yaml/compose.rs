//! Parser events to an arena of raw nodes, one per document.
//! Reads text; returns nodes with their tags, anchors resolved to node numbers, and places.
//! Never resolves a scalar and never expands an alias.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, SpannedEventReceiver, Tag};

use super::error::YamlError;
use super::lenience::{self, TabCheck};
use crate::compose::value::Position;

/// Compose refuses larger documents too; the bound keeps a generated file from stalling every command.
const MAX_NODES: usize = 100_000;
/// Deeper nesting than any compose file has, and shallow enough for recursive walks.
const MAX_DEPTH: usize = 250;
/// How many places only Compose's reader takes are put right before giving up.
const MAX_MENDED: usize = 500;

/// What a raw node is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// A scalar, and whether it was written without quotes.
    Scalar { text: String, plain: bool },
    /// A sequence of node numbers.
    List(Vec<usize>),
    /// Keys and values.
    Map(Vec<(usize, usize)>),
    /// Another node, by number.
    Alias(usize),
}

/// A node as it was written.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    pub kind: Kind,
    /// `!!str` for core tags, `!reset` and the like for others.
    pub tag: Option<String>,
    pub at: Position,
}

/// One document's nodes; the root is the last finished one.
#[derive(Debug, Default)]
pub(super) struct Arena {
    pub nodes: Vec<Raw>,
    pub root: Option<usize>,
    /// Whether a `!reset` or `!override` tag was seen.
    pub has_resets: bool,
}

/// Reads all documents.
pub(super) fn documents(text: &str, file: u16) -> Result<Vec<Arena>, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rewritten = std::borrow::Cow::Borrowed(text);
    lenience::refuse_directives(text, file)?;
    for _ in 0..MAX_MENDED {
        match read(&rewritten, file) {
            Err(error) => match lenience::mended(&rewritten, &error) {
                Some(text) => rewritten = text.into(),
                None => return Err(error),
            },
            done => return done,
        }
    }
    read(&rewritten, file)
}

fn read(text: &str, file: u16) -> Result<Vec<Arena>, YamlError> {
    let mut builder = Builder { file, tabs: TabCheck::of(text), ..Builder::default() };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| syntax_error(text, file, &error))?;
        builder.on_event(event, span);
        if let Some(error) = builder.failure.take() {
            return Err(error);
        }
    }
    builder.tabs.refuse(file)?;
    Ok(builder.done)
}

fn syntax_error(text: &str, file: u16, error: &ScanError) -> YamlError {
    let (line, column) = (error.marker().line(), error.marker().col());
    let rest: String = text.lines().nth(line.saturating_sub(1)).unwrap_or_default().chars().skip(column).collect();
    let message = match rest.strip_prefix('*') {
        Some(alias) if error.info().contains("unknown anchor") => {
            let name: String = alias.chars().take_while(|c| !c.is_whitespace() && !",[]{}".contains(*c)).collect();
            format!("unknown anchor {name:?}")
        }
        _ => error.info().to_owned(),
    };
    YamlError::new(place(file, line, column), message)
}

fn place(file: u16, line: usize, column: usize) -> Position {
    let small = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Position { file, line: small(line), column: small(column + 1) }
}

#[derive(Default)]
struct Builder<'t> {
    file: u16,
    arena: Arena,
    done: Vec<Arena>,
    /// Open collections: the node, and the key that waits for its value.
    open: Vec<(usize, Option<usize>)>,
    anchors: HashMap<usize, usize>,
    /// Nodes of this document that are no keys: what Compose counts.
    values: usize,
    failure: Option<YamlError>,
    tabs: TabCheck<'t>,
}

impl<'input> SpannedEventReceiver<'input> for Builder<'_> {
    fn on_event(&mut self, event: Event<'input>, span: Span) {
        let at = place(self.file, span.start.line(), span.start.col());
        self.tabs.see(&event, &span);
        match event {
            Event::DocumentStart(_) => {
                self.arena = Arena::default();
                self.anchors.clear();
                self.values = 0;
            }
            Event::DocumentEnd => self.done.push(std::mem::take(&mut self.arena)),
            Event::Scalar(text, style, anchor, tag) => {
                let kind = Kind::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.add(kind, (anchor, tag.as_deref()), at);
            }
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).copied();
                match target {
                    Some(target) => self.add(Kind::Alias(target), (0, None), at),
                    None => self.failure = Some(YamlError::new(at, "unknown anchor")),
                }
            }
            Event::SequenceStart(anchor, tag) => self.open(Kind::List(Vec::new()), (anchor, tag.as_deref()), at),
            Event::MappingStart(anchor, tag) => self.open(Kind::Map(Vec::new()), (anchor, tag.as_deref()), at),
            Event::SequenceEnd | Event::MappingEnd => {
                self.open.pop();
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd => {}
        }
    }
}

impl Builder<'_> {
    fn add(&mut self, kind: Kind, (anchor, tag): (usize, Option<&Tag>), at: Position) {
        let number = self.arena.nodes.len();
        let is_key = self
            .open
            .last()
            .is_some_and(|(parent, key)| key.is_none() && matches!(self.arena.nodes[*parent].kind, Kind::Map(_)));
        self.values += usize::from(!is_key);
        if self.values > MAX_NODES {
            let message = format!("more than {MAX_NODES} nodes in one document, refused as Compose does");
            self.failure = Some(YamlError::new(at, message));
            return;
        }
        let tag = tag.map(short_tag);
        self.arena.has_resets |= matches!(tag.as_deref(), Some("!reset" | "!override"));
        self.arena.nodes.push(Raw { kind, tag, at });
        if anchor > 0 {
            self.anchors.insert(anchor, number);
        }
        self.attach(number);
    }

    fn open(&mut self, kind: Kind, marks: (usize, Option<&Tag>), at: Position) {
        let number = self.arena.nodes.len();
        self.add(kind, marks, at);
        self.open.push((number, None));
        if self.open.len() > MAX_DEPTH && self.failure.is_none() {
            self.failure = Some(YamlError::new(at, format!("nested deeper than {MAX_DEPTH} levels")));
        }
    }

    fn attach(&mut self, number: usize) {
        let Some((parent, key)) = self.open.last_mut() else {
            self.arena.root = Some(number);
            return;
        };
        match &mut self.arena.nodes[*parent].kind {
            Kind::List(items) => items.push(number),
            Kind::Map(pairs) => match key.take() {
                Some(key) => pairs.push((key, number)),
                None => *key = Some(number),
            },
            Kind::Scalar { .. } | Kind::Alias(_) => {}
        }
    }
}

fn short_tag(tag: &Tag) -> String {
    if tag.is_yaml_core_schema() { format!("!!{}", tag.suffix) } else { format!("{}{}", tag.handle, tag.suffix) }
}
