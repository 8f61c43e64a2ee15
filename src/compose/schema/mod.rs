//! Whether a tree has the shape of a compose file: known keys, right types, allowed values.
//! Reads a table of shapes once and a tree; returns every violation with its place and the nearest valid name.
//! Never checks references between parts: the consistency checks do.

mod check;
mod pattern;
mod rule;

pub(crate) use check::violations;
pub(crate) use rule::schema;
