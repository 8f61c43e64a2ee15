//! A reporter that prints each warning once: verbs that load the project several times would repeat it.
//! Reads events; hands them on to another reporter.
//! Only identical warnings are left out.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::event::{Event, Reporter};

/// Tells warnings once.
pub(super) struct Once {
    told: Mutex<BTreeSet<(String, Option<String>)>>,
    reporter: Arc<dyn Reporter>,
}

impl Once {
    pub(super) fn new(reporter: Arc<dyn Reporter>) -> Self {
        Self { told: Mutex::default(), reporter }
    }
}

impl Reporter for Once {
    fn report(&self, event: Event) {
        if let Event::Warning { message, hint } = &event {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if !told.insert((message.clone(), hint.clone())) {
                return;
            }
        }
        self.reporter.report(event);
    }
}
