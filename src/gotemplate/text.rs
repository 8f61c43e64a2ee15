//! Text formats that functions read and write: JSON, dates, durations, versions.

pub mod date;
pub mod duration;
pub mod json;
pub mod version;
