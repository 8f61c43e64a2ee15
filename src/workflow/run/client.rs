//! The clients of data services: `aictl db` runs psql, `aictl redis` runs redis-cli, in the service's own container.
//! Reads which service has such an image; user, database and password come from the container's own environment.
//! Never shows a password: it is read inside, or travels in the environment of the command.

use clap::Args;

use crate::error::{Error, Result};
use crate::plan::{Observed, ObservedInstance};
use crate::probe::Kind;
use crate::probe::clients::{PSQL, REDIS_CLI};
use crate::session::attached_process;
use crate::session::attached_process::Passed;
use crate::session::load::{LoadedStack, load_named};
use crate::session::select;
use crate::session::service_command::CommandReport;
use crate::session::{Context, WorkflowError};
use crate::target;

/// A kind of data service and its client.
struct Client {
    name: &'static str,
    kind: Kind,
    script: &'static str,
}

const POSTGRES: Client = Client { name: "PostgreSQL", kind: Kind::Postgres, script: PSQL };

const REDIS: Client = Client { name: "Redis", kind: Kind::Redis, script: REDIS_CLI };

/// Run a client of a data service in its container
#[derive(Debug, Clone, Default, Args)]
pub struct ClientArgs {
    /// Arguments for the client
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<String>,
    /// Service to connect to, if there are several
    #[arg(long)]
    pub service: Option<String>,
    /// Disable pseudo-TTY allocation
    #[arg(short = 'T', long)]
    pub no_tty: bool,
}

/// `aictl db`.
pub async fn run_db(context: &Context, args: ClientArgs) -> Result<CommandReport> {
    client(context, args, &POSTGRES).await.map_err(Error::into_exec_failure)
}

/// `aictl redis`.
pub async fn run_redis(context: &Context, args: ClientArgs) -> Result<CommandReport> {
    client(context, args, &REDIS).await.map_err(Error::into_exec_failure)
}

async fn client(context: &Context, args: ClientArgs, client: &Client) -> Result<CommandReport> {
    let loaded = load_named(context)?;
    let target = loaded.connect(context).await?;
    let observed = target.observe(&loaded.narrow_scope()).await?;
    let service = match args.service {
        Some(service) => service,
        None => the_one(candidates(&loaded, &observed, client.kind), client.name)?,
    };
    let container = select::running(loaded.stack.as_ref(), &observed, &service, None)?;
    let mut command = ["sh", "-c", client.script, "aictl"].map(str::to_owned).to_vec();
    command.extend(args.args);
    if context.options.dry_run {
        return Ok(attached_process::planned(container, &command).into());
    }
    let args = target::ExecArgs {
        container: container.id.clone(),
        command,
        environment: declared_password(&loaded, &service).into_iter().collect(),
        tty: context.console.is_terminal() && !args.no_tty,
        ..Default::default()
    };
    let code = attached_process::exec(context, &*target, &args).await?;
    Ok(Passed { code }.into())
}

/// Services with such an image, by the files and by what runs.
fn candidates(loaded: &LoadedStack, observed: &Observed, kind: Kind) -> Vec<String> {
    let of_files = loaded.stack.iter().flat_map(|s| s.services.iter().map(|(name, s)| (name, &s.image)));
    let up = |c: &&ObservedInstance| c.state.is_up() && !c.one_off;
    let of_engine = observed.instances.iter().filter(up).map(|c| (&c.service, &c.image));
    let mut found: Vec<String> =
        of_files.chain(of_engine).filter(|(_, image)| Kind::of(image) == Some(kind)).map(|(n, _)| n.clone()).collect();
    found.sort();
    found.dedup();
    found
}

fn the_one(mut found: Vec<String>, kind: &'static str) -> Result<String> {
    match found.len() {
        0 => Err(WorkflowError::NoServiceOfKind { kind }.into()),
        1 => Ok(found.remove(0)),
        _ => {
            let message = format!("several services have a {kind} image: {}", found.join(", "));
            let hint = Some(format!("name one: `--service {}`", found[0]));
            Err(WorkflowError::Usage { message, hint }.into())
        }
    }
}

/// A Redis password that is only in the service's command line: `redis-server --requirepass WORD`.
fn declared_password(loaded: &LoadedStack, service: &str) -> Option<String> {
    let command = loaded.stack.as_ref()?.services.get(service)?.command.as_slice()?;
    let flag = command.iter().position(|word| word == "--requirepass")?;
    command.get(flag + 1).map(|password| format!("REDISCLI_AUTH={password}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_service_is_taken_and_several_are_listed() {
        assert_eq!(the_one(vec!["db".into()], "PostgreSQL").unwrap(), "db");
        let several = the_one(vec!["a".into(), "b".into()], "PostgreSQL").unwrap_err();
        assert_eq!(several.to_string(), "several services have a PostgreSQL image: a, b");
        assert_eq!(several.hints(), ["name one: `--service a`"]);
        assert_eq!(the_one(Vec::new(), "Redis").unwrap_err().to_string(), "no service with a Redis image was found");
    }
}
