//! `aictl ls`: the projects on the engine.
//! Reads the engine.
//! Never needs a project; a project file that is there says which engine.

use clap::Args;
use serde::Serialize;

use crate::error::Result;
use crate::plan::ObservedProject;
use crate::session::Context;
use crate::session::endpoint::endpoint;
use crate::session::load::load_project_file;
use crate::session::report::{Block, Cell, Report, Tone, to_json};

/// List the projects on the engine
#[derive(Debug, Clone, Default, Args)]
pub struct LsArgs {
    /// Include stopped projects
    #[arg(short = 'a', long)]
    pub all: bool,
    /// Only show project names
    #[arg(short = 'q', long)]
    pub quiet: bool,
}

#[derive(Debug, Serialize)]
pub struct LsReport {
    projects: Vec<ObservedProject>,
    #[serde(skip)]
    quiet: bool,
}

/// Lists the projects.
pub async fn run(context: &Context, args: LsArgs) -> Result<LsReport> {
    let target = endpoint(context, &load_project_file(context)?)?.connect().await?;
    let mut projects = target.observe_projects().await?;
    projects.retain(|p| args.all || p.states.contains_key("running"));
    projects.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(LsReport { projects, quiet: args.quiet })
}

impl Report for LsReport {
    fn blocks(&self) -> Vec<Block> {
        if self.quiet {
            return self.projects.iter().map(|p| Block::Line(vec![p.name.as_str().into()])).collect();
        }
        if self.projects.is_empty() {
            return vec![Block::Line(vec!["no projects".into()])];
        }
        let header = ["NAME", "STATUS", "FILES"].map(str::to_owned).to_vec();
        let rows = self.projects.iter().map(|p| {
            let states: Vec<String> = p.states.iter().map(|(state, n)| format!("{state}({n})")).collect();
            vec![Cell::new(p.name.as_str(), Tone::Strong), states.join(", ").into(), p.config_files.join(",").into()]
        });
        vec![Block::Table { header, rows: rows.collect() }]
    }

    fn json(&self) -> serde_json::Value {
        to_json(&self.projects)
    }
}
