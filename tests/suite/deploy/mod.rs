//! Deploys and rollbacks over the engine in memory: each effect refused, killed and interrupted, and what serves then.

mod process;
mod refused;
mod story;
mod walk;
