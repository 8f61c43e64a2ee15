//! The options of a start, and its report.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use super::Context;
use super::report::{Block, Cell, Report, Tone, to_json};
use super::stack_status::{StackStatus, not_ready};
use super::steps_report::{code_of, planned_blocks};
use crate::error::ErrorKind;
use crate::plan::converge::ConvergeOptions;
use crate::plan::{Plan, PullPolicy};

/// Options of a start.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// Services to start; all by default.
    pub services: Vec<String>,
    /// `SERVICE=N`, as typed.
    pub scale: Vec<String>,
    /// Do not start dependencies.
    pub no_deps: bool,
    /// Build images first.
    pub build: bool,
    /// Never build an image.
    pub no_build: bool,
    /// When to pull images.
    pub pull: Option<PullPolicy>,
    /// Bundle to load images from.
    pub bundle: Option<PathBuf>,
    /// Options for creating, replacing and waiting.
    pub options: ConvergeOptions,
    /// A restore needs it: it may run while one is unfinished.
    pub for_restore: bool,
}

impl StartRequest {
    /// Options for these services, with defaults for the rest.
    pub fn of(context: &Context, services: Vec<String>) -> Self {
        let ready_timeout = context.options.timeout;
        let all_resources = context.options.all_resources;
        Self {
            services,
            scale: Vec::new(),
            no_deps: false,
            build: false,
            no_build: false,
            pull: None,
            bundle: None,
            options: ConvergeOptions { wait: true, ready_timeout, all_resources, ..Default::default() },
            for_restore: false,
        }
    }
}

/// Outcome of a start.
#[derive(Debug, Serialize)]
pub struct StartReport {
    /// The steps that were, or in a dry run would be, taken.
    pub steps: Vec<String>,
    /// Whether this was a dry run.
    pub dry_run: bool,
    /// Whether anything was changed.
    pub changed: bool,
    /// Services that are not ready although no step failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_ready: Vec<String>,
    /// Old containers, networks and volumes that could not be removed, renamed or stopped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<String>,
    /// The stack afterwards.
    pub status: StackStatus,
}

impl StartReport {
    /// The status of a stack as `start` reports it, without its steps.
    pub fn new(
        context: &Context,
        options: &ConvergeOptions,
        selected: &BTreeSet<String>,
        mut status: StackStatus,
    ) -> Self {
        let dry_run = context.options.dry_run;
        if options.wait && !dry_run {
            status.count_early_health(selected);
        }
        let judged = !dry_run && !options.create_only;
        let not_ready = status.faults(|service| judged && selected.contains(service));
        Self { steps: Vec::new(), dry_run, changed: false, not_ready, incomplete: Vec::new(), status }
    }

    /// The same with the steps of its plan, and whether they were taken.
    #[must_use]
    pub fn with_steps(self, plan: &Plan, changed: bool) -> Self {
        Self { steps: plan.lines(), changed, ..self }
    }

    /// One report of this start and the next in the same project.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        let mut not_ready = [self.not_ready, next.not_ready].concat();
        not_ready.dedup();
        Self {
            steps: [self.steps, next.steps].concat(),
            changed: self.changed || next.changed,
            not_ready,
            incomplete: [self.incomplete, next.incomplete].concat(),
            ..next
        }
    }
}

impl Report for StartReport {
    fn blocks(&self) -> Vec<Block> {
        if self.dry_run {
            return planned_blocks(&self.steps);
        }
        let mut blocks = Vec::new();
        if !self.changed {
            blocks.push(Block::Line(vec![Cell::new("up to date", Tone::Dim)]));
        }
        blocks.extend(self.status.blocks());
        blocks.extend(not_ready(&self.not_ready));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    /// 30 if old parts are left, 3 if the table shows a service that is not ready.
    fn exit_code(&self) -> u8 {
        let not_ready = self.incomplete.is_empty() && !self.not_ready.is_empty();
        if not_ready { ErrorKind::NotReady.exit_code() } else { code_of(&self.incomplete) }
    }
}
