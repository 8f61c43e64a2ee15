//! What a build says: steps, lines, and the lines of the step that failed.
//! Reads the messages of both builders; reports them and keeps the last lines of each step.
//! Never decides whether a build failed by its words: only by the error the builder names.

use std::collections::{HashMap, VecDeque};

use bollard::moby::buildkit::v1::StatusResponse;
use bollard::models::{BuildInfo, BuildInfoAux};

use crate::engine::docker::perform::Progress;

/// Lines kept of a step.
const KEPT: usize = 20;
/// The classic builder has no steps of its own name.
const CLASSIC: &str = "";

pub(super) struct Output<'a> {
    progress: Progress<'a>,
    lines: HashMap<String, VecDeque<String>>,
    begun: HashMap<String, String>,
    failed: Option<(String, String)>,
    latest: String,
}

impl<'a> Output<'a> {
    pub(super) fn new(progress: Progress<'a>) -> Self {
        Self { progress, lines: HashMap::new(), begun: HashMap::new(), failed: None, latest: String::new() }
    }

    pub(super) fn take(&mut self, step: BuildInfo) {
        if let Some(text) = step.stream {
            self.text(CLASSIC, &text);
        }
        if let Some(status) = step.status {
            self.progress.told(status, (None, None));
        }
        if let Some(BuildInfoAux::BuildKit(status)) = step.aux {
            self.steps(status);
        }
    }

    fn steps(&mut self, status: StatusResponse) {
        for vertex in status.vertexes {
            if vertex.started.is_some() && vertex.completed.is_none() {
                self.progress.told(vertex.name.clone(), (None, None));
            }
            // A step that was cut off because another one failed says "context canceled".
            if !vertex.error.is_empty() && !vertex.error.contains("context canceled") {
                self.failed = Some((vertex.digest, vertex.error));
            }
        }
        for log in status.logs {
            self.text(&log.vertex, &String::from_utf8_lossy(&log.msg));
        }
    }

    /// Text comes in pieces; lines are reported when they are complete.
    fn text(&mut self, step: &str, text: &str) {
        step.clone_into(&mut self.latest);
        let mut begun = self.begun.remove(step).unwrap_or_default();
        begun.push_str(text);
        while let Some(end) = begun.find('\n') {
            let line: String = begun.drain(..=end).collect();
            self.line(step, line.trim_end());
        }
        self.begun.insert(step.to_owned(), begun);
    }

    fn line(&mut self, step: &str, line: &str) {
        self.progress.line(line);
        let kept = self.lines.entry(step.to_owned()).or_default();
        kept.push_back(line.to_owned());
        if kept.len() > KEPT {
            kept.pop_front();
        }
    }

    /// The error of the failed step, when one failed.
    pub(super) fn error(&self) -> Option<String> {
        self.failed.as_ref().map(|(_, error)| error.clone())
    }

    /// The last lines of the failed step, or of the one that spoke last.
    pub(super) fn last_lines(mut self) -> Vec<String> {
        let step = self.failed.map_or(self.latest, |(step, _)| step);
        let mut lines: Vec<String> = self.lines.remove(&step).unwrap_or_default().into();
        lines.extend(self.begun.remove(&step).filter(|rest| !rest.trim().is_empty()));
        lines
    }
}
