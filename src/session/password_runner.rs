//! Changes the passwords that PostgreSQL and Redis accept, by their clients inside the container.
//! A value is in no argument of a command: statements are sent to standard input, logins to the environment of the client.

use bytes::Bytes;
use futures_util::StreamExt;

use crate::backup::Inside;
use crate::plan::{AcceptedPasswords, DataOperation, Login, Outcome, PasswordChange};
use crate::probe::clients::{POSTGRES_LOGIN, REDIS_LOGIN};
use crate::secret::{SCRAM_SALT, Secret, scram_verifier};
use crate::target::{Target, TargetError};

const PSQL: &str = "exec psql --no-psqlrc --quiet --tuples-only --no-align --no-password --set ON_ERROR_STOP=1";

const REDIS_CLI: &str = "if command -v redis-cli >/dev/null 2>&1; then exec redis-cli --no-auth-warning; fi
exec valkey-cli --no-auth-warning";

/// The first PostgreSQL that takes a verifier in place of a password.
const FIRST_WITH_VERIFIERS: u32 = 100_000;

/// Changes passwords.
pub struct PasswordRunner<'a> {
    /// Where the services run.
    pub target: &'a dyn Target,
    /// Random bytes for salts.
    pub random: fn(&mut [u8]) -> std::io::Result<()>,
}

impl PasswordRunner<'_> {
    /// Carries out a change.
    pub async fn change(&self, change: &PasswordChange) -> Result<Outcome, TargetError> {
        let mut failed = None;
        for login in std::iter::once(&change.value).chain(&change.known) {
            match self.change_as(change, login).await {
                Ok(()) => return Ok(Outcome::default()),
                // The first login is the new value, which mostly does not work yet.
                Err(reason) => failed = Some(reason),
            }
        }
        let operation = DataOperation::ChangePassword(Box::new(change.clone()));
        let told = crate::plan::Operation::from(operation).describe(&Default::default());
        let operation = format!("{} {}", told.infinitive, told.subject);
        Err(TargetError::CannotPerform { operation, reason: failed.unwrap_or_default() })
    }

    async fn change_as(&self, change: &PasswordChange, login: &Secret) -> Result<(), String> {
        match &change.login {
            Login::PostgresRole(role) => {
                let inside = self.inside(change, (POSTGRES_LOGIN, "PGPASSWORD", login));
                let version = send(&inside, PSQL, "SHOW server_version_num;\n".to_owned()).await?;
                if version.trim().parse().is_ok_and(|version: u32| version < FIRST_WITH_VERIFIERS) {
                    return Err("it needs PostgreSQL 10 or later".to_owned());
                }
                let mut salt = [0; SCRAM_SALT];
                (self.random)(&mut salt).map_err(|error| error.to_string())?;
                let verifier = scram_verifier(&change.value, salt);
                let role = role.replace('"', "\"\"");
                send(&inside, PSQL, format!("ALTER ROLE \"{role}\" PASSWORD '{verifier}';\n")).await.map(drop)
            }
            Login::RedisUser(user) => {
                let inside = self.inside(change, (REDIS_LOGIN, "REDISCLI_AUTH", login));
                let rule = match change.accepted {
                    AcceptedPasswords::Also => "",
                    AcceptedPasswords::Only => " resetpass",
                };
                let password = quoted(&format!(">{}", change.value.expose()));
                let answer =
                    send(&inside, REDIS_CLI, format!("ACL SETUSER {}{rule} {password}\n", quoted(user))).await?;
                // The client ends with 0 whatever the server says.
                match answer.lines().map(str::trim).find(|line| !line.is_empty()) {
                    Some("OK") => Ok(()),
                    other => Err(other.unwrap_or("no answer").to_owned()),
                }
            }
        }
    }

    fn inside(&self, change: &PasswordChange, (login, variable, value): (&'static str, &str, &Secret)) -> Inside<'_> {
        Inside {
            target: self.target,
            service: change.service.clone(),
            container: change.container.clone(),
            environment: vec![format!("{variable}={}", value.expose())],
            login,
            user: None,
        }
    }
}

/// The answer of a client to what it reads from standard input.
async fn send(inside: &Inside<'_>, client: &str, text: String) -> Result<String, String> {
    let input = futures_util::stream::iter([Ok(Bytes::from(text))]).boxed();
    inside.feed(client, &[], input).await.map_err(|error| error.to_string())
}

/// A word of redis-cli, whatever bytes it has.
fn quoted(word: &str) -> String {
    let bytes: String = word.bytes().map(|byte| format!("\\x{byte:02x}")).collect();
    format!("\"{bytes}\"")
}
