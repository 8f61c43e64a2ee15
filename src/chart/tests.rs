//! Charts in memory.
