//! A program and its arguments in the project file.
//! Reads a list of words, or one line.
//! Never runs through a shell.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A program and its arguments, written as a list or as one line that is split like a shell command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandLine(pub Vec<String>);

impl<'de> Deserialize<'de> for CommandLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Line(String),
            Words(Vec<String>),
        }
        match Given::deserialize(deserializer)? {
            Given::Words(words) => Ok(Self(words)),
            Given::Line(line) => shlex::split(&line)
                .map(Self)
                .ok_or_else(|| serde::de::Error::custom("unterminated quote in the command")),
        }
    }
}

impl JsonSchema for CommandLine {
    fn schema_name() -> Cow<'static, str> {
        "CommandLine".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Command and arguments: a list, or one line that is split like a shell command.",
            "anyOf": [
                { "type": "string", "format": "command-line" },
                { "type": "array", "items": { "type": "string" } },
            ],
        })
    }
}
