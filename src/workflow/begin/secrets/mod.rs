//! `aictl secrets generate|check`: the project's secrets in its env files.
//! Reads the project file, the env files and their template; each action is a file of this folder.
//! Never shows a value.

mod check;
mod compose_findings;
mod fill;
mod finding;
mod generate;
mod judgement;
mod places;
mod values;

use clap::{Args, Subcommand};

use crate::error::Result;
use crate::session::Context;
use crate::session::report::one_of_reports;

pub use check::findings;
pub use fill::Action;
pub use finding::{CheckReport, Finding, Problem};
pub use generate::{GenerateArgs, GenerateReport, generate};

/// Generate or check the secrets in the env file
#[derive(Debug, Clone, Args)]
pub struct SecretsArgs {
    /// Action
    #[command(subcommand)]
    pub action: SecretsAction,
}

/// The actions of `secrets`.
#[derive(Debug, Clone, Subcommand)]
pub enum SecretsAction {
    /// Generate missing secrets in the env file
    Generate(GenerateArgs),
    /// Check for missing, weak, placeholder, shared, malformed or readable secrets
    ///
    /// Looks at the env files of the project and of its services, at the compose files and at the files of `secrets:`.
    ///
    /// Exits with 4 when a secret has a problem.
    Check,
}

one_of_reports! {
    /// Report of an action of `secrets`.
    pub enum SecretsReport {
        /// The added file.
        Generated(GenerateReport),
        /// What is wrong.
        Checked(CheckReport),
    }
}

/// Runs the action.
pub async fn run(context: &Context, args: SecretsArgs) -> Result<SecretsReport> {
    match args.action {
        SecretsAction::Generate(args) => Ok(generate(context, &args)?.into()),
        SecretsAction::Check => Ok(check::run(context)?.into()),
    }
}
