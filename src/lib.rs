//! aictl: one binary that runs a self-hosted AI-assistant stack on a Docker engine or Kubernetes.
//!
//! # The modules
//!
//! They are listed in reading order. Imports point up this list, data flows down it; a test holds that. Those that need no
//! engine are the crate of `model.rs` and keep their names here.
//!
//! | module | what it holds |
//! |---|---|
//! | [`error`], [`event`] | kinds of errors and their exit codes; events for reporters |
//! | [`input_file`] | the trait through which the modules below, up to [`plan`], read files |
//! | [`output_file`] | the one way files of the operator's machine are written |
//! | [`secret`] | values that cannot be printed, rules about them, the redactor |
//! | [`project`] | `aictl.yaml` |
//! | [`template`] | values and templates to files |
//! | [`compose`] | compose files to a `Stack` |
//! | [`chart`] | Helm charts to manifests |
//! | [`image`] | references, recipes, bundles |
//! | [`release`] | the lease, records and their steps, as data |
//! | [`plan`] | what was observed, what is wanted, and the steps between |
//! | [`target`] | the traits through which everything below uses an engine |
//! | [`process`] | the one way programs are started |
//! | [`engine`], [`host`], [`probe`], [`notify`] | the Docker engine, the operator's machine, checks, messages |
//! | [`backup`] | backup repositories and the data services they hold |
//! | [`execute`] | walks a plan; decides nothing |
//! | [`session`] | what verbs share: loading, connecting, the transaction, reports |
//! | [`workflow`] | the verbs, a file each |
//! | [`ui`], [`cli`] | the terminal; the command line |
//!
//! # One command, from the command line to the engine
//!
//! `aictl start`: `cli` parses the words into `StartArgs`, builds the `Context` and dispatches to
//! [`workflow::run::start`]. The verb loads the project ([`session::load`]: `aictl.yaml`, templates, compose files to a
//! `Stack`) and hands it to [`session::start_stack`], as every verb does that starts something. There the engine is connected
//! to, and [`session::transaction::Transaction`] gets one function: from an `Observed` to a `Plan`
//! ([`session::convergence`] puts the steps that make images before those of [`plan::converge`]; a step that depends on how
//! an image turns out carries a `Guard`). The transaction observes, plans and, for `--dry-run`, ends here. Otherwise it takes
//! the lease, writes the pending record, observes and plans again (a plan that differs is recorded anew), and lets
//! [`execute`] walk the plan: each operation goes through [`target::Perform`] to [`engine`], each step's outcome into the
//! final record, each failure to the plan's own undo. Events reach `ui` through [`event::Reporter`] meanwhile; the typed
//! report of the verb is printed last.
//!
//! `aictl deploy` and `aictl rollback` run the same transaction with another planner: [`session::deploy`] turns files, or
//! the stored configuration of an earlier release, into a [`session::deploy::Shipment`], [`plan::blue_green`] plans the
//! new side, the switch and the removal of the old side, and the transaction records the release.

pub use aictl_model::{
    chart, compose, error, event, image, input_file, output_file, plan, project, release, secret, target, template,
};

pub mod process;

pub mod backup;
pub mod engine;
pub mod host;
pub mod notify;
pub mod probe;

pub mod execute;

pub mod session;

pub mod workflow;

pub mod ui;

pub mod cli;
