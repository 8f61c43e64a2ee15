//! Where images come from: the order of sources over the engine in memory, a real registry, recipes that fail.
mod order;
mod recipes;
mod registry;

pub use registry::Registry;
