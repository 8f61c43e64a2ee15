//! Commands that are advised lead to the same project, environment and files as the command that was typed, in the
//! hints of warnings and in reports.

use std::sync::Arc;

use crate::event::{Event, Reporter};
use crate::session::GlobalOptions;
use crate::session::report::{Block, Report};

/// A reporter or report, with the options of the command that was typed.
pub(super) struct Addressed<T> {
    pub(super) options: GlobalOptions,
    pub(super) inner: T,
}

impl Reporter for Addressed<Arc<dyn Reporter>> {
    fn report(&self, event: Event) {
        self.inner.report(match event {
            Event::Warning { message, hint: Some(hint) } => {
                Event::Warning { message, hint: Some(self.options.addressed(&hint)) }
            }
            other => other,
        });
    }
}

impl<R: Report + ?Sized> Report for Addressed<Box<R>> {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = self.inner.blocks();
        let lines =
            blocks.iter_mut().filter_map(|block| if let Block::Line(cells) = block { Some(cells) } else { None });
        lines.flatten().for_each(|cell| cell.text = self.options.addressed(&cell.text));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        self.inner.json()
    }

    fn exit_code(&self) -> u8 {
        self.inner.exit_code()
    }
}
