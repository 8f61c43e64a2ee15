//! What verbs share: the context they are handed, loading and connecting, the transaction every change goes through, reports.
//! Verbs read like recipes because the steps are here.
//! Never prints; never imports a verb.

pub mod attached_process;
pub mod backup;
mod bounded_render;
pub mod chart_files;
mod chart_keys;
pub mod chart_rendering;
mod chart_world;
pub mod checks;
pub mod cluster;
mod connect;
pub mod context;
pub mod convergence;
pub mod deploy;
pub mod endpoint;
pub mod engine_images;
pub mod env_files;
mod error;
pub mod image_catalog;
pub mod load;
pub mod machine_facts;
pub mod managed_proxy;
pub mod notify;
pub mod one_off;
pub mod operation_cells;
pub mod other_folder;
mod password_runner;
pub mod past_operations;
pub mod plan_images;
pub mod port_holder;
mod public_names;
pub mod recipe_steps;
pub mod recorded_health;
pub mod redacted_output;
pub mod redaction;
pub mod report;
pub mod requirements;
pub mod select;
pub mod service_command;
pub mod stack_status;
mod start_request;
pub mod start_stack;
pub mod steps_report;
pub mod stop_stack;
pub mod templates;
pub mod transaction;
pub mod transfer;
pub mod urls;
pub mod verdict_lines;

pub use connect::{Connect, Endpoint, Endpoints};
pub use context::{Console, Context, GlobalOptions};
pub use error::{FINISH_RESTORE, WorkflowError};
