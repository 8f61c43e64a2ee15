//! Every day with a running stack: start, stop, look, enter.
//! One verb, one file or folder.
//! Shared machinery is in `session`.

pub mod clean;
pub mod client;
pub mod cp;
pub mod diagram;
pub mod exec;
pub mod kill;
pub mod logs;
pub mod ls;
pub mod migrate;
pub mod monitoring;
pub mod open;
pub mod port;
pub mod restart;
pub mod run_command;
pub mod shell;
pub mod start;
pub mod status;
pub mod stop;
pub mod top;
pub mod wait;
