//! The rehearsal of a deploy: the newest proven backup set is restored into containers without a way out, the migrations of
//! the new release run on it, and the checks of both releases. Production is only looked at.

mod code;
mod measure;
mod report;
mod request;
mod run;
mod scratch_stack;

pub use report::RehearsalReport;
pub use request::rehearse;
