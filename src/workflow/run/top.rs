//! `aictl top`: the processes inside the containers of services.
//! Reads the engine, and the files when there are any.
//! Never changes anything.

use clap::Args;
use futures_util::future::join_all;
use serde::Serialize;

use crate::error::Result;
use crate::session::Context;
use crate::session::load::load_named;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::select;
use crate::target::TargetError;

/// Display the running processes
#[derive(Debug, Clone, Default, Args)]
pub struct TopArgs {
    /// Services to show; all by default
    pub services: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Processes {
    service: String,
    number: u32,
    container: String,
    titles: Vec<String>,
    processes: Vec<Vec<String>>,
}

pub struct TopReport {
    containers: Vec<Processes>,
}

/// Shows the processes.
pub async fn run(context: &Context, args: TopArgs) -> Result<TopReport> {
    let loaded = load_named(context)?;
    let target = loaded.connect(context).await?;
    let observed = target.observe(&loaded.narrow_scope()).await?;
    select::check(loaded.stack.as_ref(), &observed, &args.services)?;
    let running: Vec<_> =
        select::containers(&observed, &args.services).into_iter().filter(|c| c.state.is_up()).collect();
    let processes = target.need_processes()?;
    let found = join_all(running.iter().map(|c| processes.observe_processes(&c.id))).await;
    let mut containers = Vec::new();
    for (container, processes) in running.into_iter().zip(found) {
        let (titles, processes) = match processes {
            Ok(found) => found,
            // It ended between the two looks.
            Err(TargetError::NotFound { .. } | TargetError::Refused { status: 409, .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        let (service, name) = (container.service.clone(), container.name.clone());
        containers.push(Processes { service, number: container.number, container: name, titles, processes });
    }
    Ok(TopReport { containers })
}

impl Report for TopReport {
    fn blocks(&self) -> Vec<Block> {
        let Some(first) = self.containers.first() else {
            return vec![Block::Line(vec!["no running containers".into()])];
        };
        let mut header = vec!["SERVICE".to_owned(), "#".to_owned()];
        header.extend(first.titles.iter().cloned());
        let rows = self.containers.iter().flat_map(|container| {
            container.processes.iter().map(|process| {
                let mut row = vec![Cell::new(container.service.as_str(), Tone::Strong)];
                row.push(container.number.to_string().into());
                row.extend(process.iter().map(|word| Cell::from(word.as_str())));
                row
            })
        });
        vec![Block::Table { header, rows: rows.collect() }]
    }

    fn json(&self) -> serde_json::Value {
        to_json(&self.containers)
    }
}
