//! Migrations of a deploy: each is tried on a copy of the schema of its database before anything changes, and what it
//! changes decides whether the release before can still run. The schema before and after is recorded with the release.

mod database;
mod planned;
mod rollback;
mod runner;
mod trial;

pub(super) use database::TaskDatabase;
pub use planned::{Judging, Migrations};
pub use rollback::check_rollback;
pub use runner::MigrationRunner;
pub use trial::TrialSource;
