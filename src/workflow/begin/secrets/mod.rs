//! `aictl secrets generate|check|rotate`: the project's secrets in its env files.
//! Reads the project file, the env files and their template; each action is a file of this folder.
//! Never shows a value.

mod check;
mod compose_findings;
mod fill;
mod finding;
mod generate;
mod judgement;
mod places;
mod rotate;
mod values;

use clap::{Args, Subcommand};

use crate::error::Result;
use crate::session::Context;
use crate::session::deploy::ShipReport;
use crate::session::report::one_of_reports;

pub use check::findings;
pub use fill::Action;
pub use finding::{CheckReport, Finding, Problem};
pub use generate::{GenerateArgs, GenerateReport, generate};
pub use rotate::RotateArgs;

/// Generate, check or rotate the secrets in the env file
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
    /// Replace secrets in use
    ///
    /// Writes new values into the env file and replaces the containers that use them, as a deploy of the current release does:
    /// new ones are ready before the old ones go. If that fails, the old values stay. Values are generated, or read from
    /// standard input. A rollback keeps the new values. A rotation that was interrupted is finished by the next `aictl
    /// deploy`. Passwords that a data service keeps, such as those of PostgreSQL and Redis, are not supported yet.
    Rotate(RotateArgs),
}

one_of_reports! {
    /// Report of an action of `secrets`.
    pub enum SecretsReport {
        /// The added file.
        Generated(GenerateReport),
        /// What is wrong.
        Checked(CheckReport),
        /// The release with the new values.
        Rotated(ShipReport),
    }
}

/// Runs the action.
pub async fn run(context: &Context, args: SecretsArgs) -> Result<SecretsReport> {
    match args.action {
        SecretsAction::Generate(args) => Ok(generate(context, &args)?.into()),
        SecretsAction::Rotate(args) => Ok(rotate::run(context, args).await?.into()),
        SecretsAction::Check => Ok(check::run(context)?.into()),
    }
}
