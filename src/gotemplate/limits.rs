//! Bounds on what a template may cost: steps, bytes and depth. They end hostile templates without a clock.

use std::cell::Cell;

use crate::error::Failure;

/// The bounds of one rendering.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Nodes evaluated and values made.
    pub steps: u64,
    /// Bytes of all strings made.
    pub bytes: u64,
    /// Nested executions of templates.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 50_000_000, bytes: 1 << 30, depth: 2_000 }
    }
}

/// What is left of the bounds.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    steps: Cell<u64>,
    bytes: Cell<u64>,
    depth: Cell<usize>,
}

impl Budget {
    /// An unused budget.
    pub fn new(limits: Limits) -> Self {
        Self { limits, steps: Cell::new(0), bytes: Cell::new(0), depth: Cell::new(0) }
    }

    /// Takes steps.
    pub fn step(&self, count: u64) -> Result<(), Failure> {
        self.steps.set(self.steps.get().saturating_add(count));
        if self.steps.get() > self.limits.steps {
            return Err(Failure::Limit(format!("the templates took more than {} steps", self.limits.steps)));
        }
        Ok(())
    }

    /// Takes bytes before they are allocated.
    pub fn bytes(&self, count: u64) -> Result<(), Failure> {
        self.bytes.set(self.bytes.get().saturating_add(count));
        if self.bytes.get() > self.limits.bytes {
            let most = self.limits.bytes / 1024 / 1024;
            return Err(Failure::Limit(format!("the templates made more than {most} MiB of text")));
        }
        Ok(())
    }

    /// Enters a template.
    pub fn enter(&self) -> Result<(), Failure> {
        if self.depth.get() >= self.limits.depth {
            return Err(Failure::Limit(format!("exceeded maximum template depth ({})", self.limits.depth)));
        }
        self.depth.set(self.depth.get() + 1);
        Ok(())
    }

    /// Leaves it.
    pub fn leave(&self) {
        self.depth.set(self.depth.get().saturating_sub(1));
    }
}
