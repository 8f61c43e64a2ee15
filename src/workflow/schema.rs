//! `aictl schema`: the JSON Schema of aictl.yaml.
//! Reads nothing; the schema comes from the types.
//! Never needs a project.

use clap::Args;

use crate::error::Result;
use crate::project;
use crate::session::Context;
use crate::session::report::{Block, Report};

/// Print the JSON Schema of aictl.yaml
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct SchemaArgs {}

pub struct SchemaReport;

/// Gives the schema.
pub async fn run(_: &Context, _: SchemaArgs) -> Result<SchemaReport> {
    Ok(SchemaReport)
}

impl Report for SchemaReport {
    fn blocks(&self) -> Vec<Block> {
        vec![Block::Raw(format!("{:#}\n", project::schema()))]
    }

    fn json(&self) -> serde_json::Value {
        project::schema().clone()
    }
}
