//! `aictl diagram`: the stack as a picture: services, what they wait for, networks, published ports, and how they are.
//! Reads the files, and the engine when it answers; returns text of at most 80 columns, Mermaid, SVG, or the graph as data.
//! Never changes anything, and never fails for want of an engine: the state is then unknown, and why is said.

mod escape;
mod graph;
mod layers;
mod mermaid;
mod svg;
mod text;

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::error::Result;
use crate::plan::Observed;
use crate::session::Context;
use crate::session::load::{LoadedStack, load_stack};
use crate::session::recorded_health::count_recorded_health;
use crate::session::report::{Block, Report, to_json};
use graph::Graph;

/// An engine that thinks longer does not answer, as far as a picture is concerned.
const PATIENCE: Duration = Duration::from_secs(10);

/// Draw the services and their state as text, Mermaid or SVG
///
/// Shows services, dependencies, networks, ports and health. The state is `unknown` when the engine cannot be reached.
/// Services of inactive profiles are left out.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct DiagramArgs {
    /// Diagram format
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Do not connect to the engine
    #[arg(long)]
    pub offline: bool,
}

/// The languages a diagram is drawn in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tree of at most 80 columns
    #[default]
    Text,
    /// Mermaid flowchart
    Mermaid,
    /// SVG image
    Svg,
}

pub struct DiagramReport {
    graph: Graph,
    format: Format,
}

/// Draws.
pub async fn run(context: &Context, args: DiagramArgs) -> Result<DiagramReport> {
    let mut loaded = load_stack(context)?;
    let observed = match args.offline {
        true => Err("the engine was not queried (--offline)".to_owned()),
        false => observe(context, &loaded).await,
    };
    let graph = Graph::new(&loaded.take_stack(context)?, observed);
    Ok(DiagramReport { graph, format: args.format })
}

async fn observe(context: &Context, loaded: &LoadedStack) -> std::result::Result<Observed, String> {
    let ask = async {
        let target = loaded.connect(context).await?;
        let mut observed = target.observe(&loaded.narrow_scope()).await?;
        count_recorded_health(&*target, &loaded.name, &mut observed).await;
        Result::Ok(observed)
    };
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(answer) => answer.map_err(|error| context.redactor.redact(&error.messages().join(": ")).into_owned()),
        Err(_) => Err(format!("the engine timed out after {}s", PATIENCE.as_secs())),
    }
}

impl Report for DiagramReport {
    fn blocks(&self) -> Vec<Block> {
        match self.format {
            Format::Text => text::blocks(&self.graph),
            Format::Mermaid => vec![Block::Raw(mermaid::draw(&self.graph))],
            Format::Svg => vec![Block::Raw(svg::draw(&self.graph))],
        }
    }

    fn json(&self) -> serde_json::Value {
        let drawing = match self.format {
            Format::Text => None,
            Format::Mermaid => Some(mermaid::draw(&self.graph)),
            Format::Svg => Some(svg::draw(&self.graph)),
        };
        let mut value = to_json(&self.graph);
        if let Some(drawing) = drawing {
            value["drawing"] = json!(drawing);
        }
        value
    }
}

#[cfg(test)]
mod tests;
