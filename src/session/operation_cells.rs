//! Table cells for the status and time of recorded operations.

use crate::release::OperationStatus;
use crate::session::report::{Cell, Tone};

/// The status as a coloured cell.
pub fn status_cell(status: OperationStatus) -> Cell {
    let tone = match status {
        OperationStatus::Done => Tone::Good,
        OperationStatus::Running | OperationStatus::Baking => Tone::Warn,
        OperationStatus::Failed | OperationStatus::Interrupted => Tone::Bad,
    };
    Cell::new(status.word(), tone)
}

/// `2026-01-31 05:00:16Z`: without the fraction of a second.
pub fn short_time(time: &str) -> String {
    match time.get(..19) {
        Some(seconds) => format!("{}Z", seconds.replace('T', " ")),
        None => time.to_owned(),
    }
}
