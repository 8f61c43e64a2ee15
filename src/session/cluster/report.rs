//! What was done in each cluster.

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::plan::Plan;
use crate::session::WorkflowError;
use crate::session::report::{Block, Cell, Report, Tone, to_json};
use crate::session::steps_report::planned_blocks;
use crate::session::transaction::TransactionOutcome;

/// What was done in one cluster.
#[derive(Debug, Default, Serialize)]
pub(super) struct Shipped {
    pub steps: Vec<String>,
    pub changed: bool,
    pub revision: Option<u32>,
    pub was: Option<u32>,
    pub restored: Option<u32>,
    pub removed: bool,
    pub restarted: bool,
    pub notes: String,
}

impl Shipped {
    pub(super) fn of(outcome: TransactionOutcome, was: Option<u32>, notes: String) -> Self {
        let steps = outcome.plan.lines();
        Self {
            steps,
            changed: outcome.executed,
            revision: outcome.number.filter(|_| outcome.executed),
            was,
            notes,
            ..Default::default()
        }
    }

    fn words(&self, name: &str) -> String {
        match self {
            Self { restarted: true, changed: true, .. } => format!("{name}: restarted"),
            Self { restarted: true, .. } => format!("{name}: there is nothing to restart"),
            Self { removed: true, .. } => format!("{name}: removed"),
            Self { revision: None, restored: Some(to), .. } => format!("up to date: release {to} already serves"),
            Self { revision: None, was: Some(was), .. } => format!("up to date: release {was}"),
            Self { revision: None, .. } => "up to date".to_owned(),
            Self { revision: Some(now), restored: Some(to), .. } => format!("{name}: release {now}, same as {to}"),
            Self { revision: Some(now), was: Some(was), .. } => format!("{name}: release {now}, was {was}"),
            Self { revision: Some(now), .. } => format!("{name}: release {now}"),
        }
    }
}

/// The result in one cluster.
#[derive(Debug, Serialize)]
pub struct ClusterResult {
    cluster: String,
    #[serde(flatten)]
    shipped: Option<Shipped>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    error: Vec<String>,
    #[serde(skip)]
    failure: Option<Error>,
}

impl ClusterResult {
    pub(super) fn of(cluster: &str, done: Result<Shipped>) -> Self {
        let cluster = cluster.to_owned();
        match done {
            Ok(shipped) => Self { cluster, shipped: Some(shipped), error: Vec::new(), failure: None },
            Err(error) => Self { cluster, shipped: None, error: error.messages(), failure: Some(error) },
        }
    }

    pub(super) fn untouched(cluster: &str) -> Self {
        Self { cluster: cluster.to_owned(), shipped: None, error: Vec::new(), failure: None }
    }

    fn words(&self, name: &str) -> String {
        let said = match (&self.shipped, self.error.first()) {
            (Some(shipped), _) => shipped.words(name),
            (None, Some(error)) => format!("failed: {error}"),
            (None, None) => "not touched".to_owned(),
        };
        format!("{}: {said}", self.cluster)
    }
}

/// The report of a deploy, rollback or removal.
#[derive(Debug, Serialize)]
pub struct ClusterShipReport {
    release: String,
    dry_run: bool,
    pub(super) clusters: Vec<ClusterResult>,
}

impl ClusterShipReport {
    pub(super) fn new(release: &str, dry_run: bool) -> Self {
        Self { release: release.to_owned(), dry_run, clusters: Vec::new() }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.clusters.iter().any(|cluster| cluster.failure.is_some())
    }

    /// The report, or the failure: of one cluster as it is; of several with what became of each.
    pub(super) fn finished(mut self) -> Result<Self> {
        let Some(at) = self.clusters.iter().position(|cluster| cluster.failure.is_some()) else { return Ok(self) };
        let several = self.clusters.len() > 1;
        let words: Vec<String> = self.clusters.iter().map(|cluster| cluster.words(&self.release)).collect();
        let Some(failure) = self.clusters[at].failure.take() else { return Ok(self) };
        if !several {
            return Err(failure);
        }
        // Verbs that look closer work on one cluster.
        let cluster = &self.clusters[at].cluster;
        let closer = format!("look closer with `aictl --env NAME explain`, where the one target of NAME is {cluster}");
        let failure = failure.without_hints().with_hint(closer);
        // The first failed and nothing changed elsewhere: its own code says it all.
        if at == 0 || failure.kind() == ErrorKind::Interrupted {
            return Err(failure.with_hint(words.join("; ")));
        }
        let failed = words[at..].join("; ");
        let partial = WorkflowError::Partial {
            done: at,
            all: self.clusters.len(),
            failed: format!("{}; {failed}", words[..at].join("; ")),
        };
        let hints = failure.hints().to_vec();
        Err(hints.into_iter().fold(Error::from(partial), Error::with_hint))
    }
}

impl Report for ClusterShipReport {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let several = self.clusters.len() > 1;
        for cluster in &self.clusters {
            let Some(shipped) = &cluster.shipped else { continue };
            if self.dry_run {
                if several {
                    blocks.push(Block::Line(vec![Cell::new(cluster.cluster.clone(), Tone::Strong)]));
                }
                blocks.extend(planned_blocks(&shipped.steps));
                continue;
            }
            let words = if several { cluster.words(&self.release) } else { shipped.words(&self.release) };
            let tone = if shipped.changed { Tone::Strong } else { Tone::Dim };
            blocks.push(Block::Line(vec![Cell::new(words, tone)]));
            if shipped.changed && !shipped.notes.trim().is_empty() {
                blocks.extend(shipped.notes.trim().lines().map(|line| Block::Line(vec![line.to_owned().into()])));
            }
        }
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}

/// The report of a plan.
#[derive(Debug, Serialize)]
pub struct ClusterPlanReport {
    release: String,
    pub(super) clusters: Vec<(String, Plan)>,
    #[serde(skip)]
    exit_code: bool,
}

impl ClusterPlanReport {
    pub(super) fn new(release: &str, exit_code: bool) -> Self {
        Self { release: release.to_owned(), clusters: Vec::new(), exit_code }
    }
}

impl Report for ClusterPlanReport {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for (cluster, plan) in &self.clusters {
            if self.clusters.len() > 1 {
                blocks.push(Block::Line(vec![Cell::new(cluster.clone(), Tone::Strong)]));
            }
            blocks.extend(planned_blocks(&plan.lines()));
        }
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    fn exit_code(&self) -> u8 {
        let changes = self.clusters.iter().any(|(_, plan)| !plan.only_waits());
        if self.exit_code && changes { ErrorKind::ChangesPresent.exit_code() } else { 0 }
    }
}
