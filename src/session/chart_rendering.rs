//! Renders a chart on a thread of its own: templates include one another deeper than a usual stack holds.

use std::path::PathBuf;

use crate::chart::{
    Capabilities, ChartError, ChartFile, Manifests, Release, Request, UserValues, load, render, user_values,
};
use crate::error::Result;
use crate::input_file::{Files, LocalFiles};
use crate::session::chart_world::LocalWorld;

/// Pages of it are taken when they are used only.
const STACK: usize = 512 * 1024 * 1024;

/// What is rendered.
pub struct ChartJob {
    pub files: Vec<ChartFile>,
    pub values: UserValues,
    /// Where the paths of `--set-file` begin.
    pub folder: PathBuf,
    pub release: Release,
    pub capabilities: Capabilities,
    pub skip_schema_validation: bool,
}

/// Renders without a cluster.
pub async fn rendered(job: ChartJob) -> Result<Manifests> {
    Ok(on_deep_stack(move || manifests(&job)).await??)
}

/// Runs on a thread whose stack holds what templates include.
pub async fn on_deep_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let work = move || {
        // Whoever waits may have given up.
        let _ = sender.send(work());
    };
    let broken = |message: &str| ChartError::Template { message: message.to_owned() };
    std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(work)
        .map_err(|error| broken(&format!("no thread for rendering: {error}")))?;
    Ok(receiver.await.map_err(|_| broken("rendering ended unexpectedly"))?)
}

fn manifests(job: &ChartJob) -> std::result::Result<Manifests, ChartError> {
    let chart = load(&job.files)?;
    let read = |path: &str| LocalFiles.read_named(&job.folder.join(path)).map_err(|error| format!("{path}: {error}"));
    let values = user_values(&job.values, &read)?;
    let request = Request {
        chart: &chart,
        values: &values,
        release: &job.release,
        capabilities: &job.capabilities,
        skip_schema_validation: job.skip_schema_validation,
    };
    render(&request, &LocalWorld)
}
