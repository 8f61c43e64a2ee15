//! What only a real Docker engine can show: builds, Compose's own containers, prunes, killed holders of the lease.
//! Skipped, and said so, where no engine answers.

mod as_compose;
mod build;
mod connection;
mod lease;
