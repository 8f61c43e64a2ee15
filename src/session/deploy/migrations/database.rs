//! Which database a task migrates, by `tasks.*.database` or by the only PostgreSQL service of the stack.

use crate::compose::model::Stack;
use crate::error::{Result, nearest};
use crate::probe::Kind;
use crate::project::Task;
use crate::session::WorkflowError;

/// What `database` says of a task that changes no schema.
const NONE: &str = "none";

/// The database of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::session::deploy) enum TaskDatabase {
    /// A database of a PostgreSQL service; the usual one of its image where none is named.
    Postgres { service: String, database: Option<String> },
    /// It changes no schema.
    Nowhere,
    /// The stack has no service that could hold it.
    Unknown(String),
}

impl TaskDatabase {
    /// Of a task.
    pub(in crate::session::deploy) fn of(stack: &Stack, (name, task): (&str, &Task)) -> Result<Self> {
        let is_postgres = |(service, declared): &(&String, &crate::compose::Service)| {
            Kind::of(&declared.image_or_default(&stack.name, service)) == Some(Kind::Postgres)
        };
        let servers = || stack.services.iter().filter(is_postgres).map(|(service, _)| service.clone());
        match task.database.as_deref() {
            Some(NONE) => Ok(Self::Nowhere),
            Some(given) => named(stack, (name, given)),
            None => match servers().collect::<Vec<_>>().as_slice() {
                [] => Ok(Self::Unknown("the stack has no PostgreSQL service".to_owned())),
                [service] => Ok(Self::Postgres { service: service.clone(), database: None }),
                several => {
                    let message = format!(
                        "tasks.{name}: the stack has several PostgreSQL services, and `database` names none of them: {}",
                        several.join(", ")
                    );
                    let hint = Some(format!("add `database: {}` to the task in aictl.yaml", several[0]));
                    Err(WorkflowError::Configuration { message, hint }.into())
                }
            },
        }
    }
}

fn named(stack: &Stack, (name, given): (&str, &str)) -> Result<TaskDatabase> {
    let (service, database) = given.split_once('/').map_or((given, None), |(service, rest)| (service, Some(rest)));
    if stack.services.contains_key(service) && database != Some("") {
        return Ok(TaskDatabase::Postgres { service: service.to_owned(), database: database.map(str::to_owned) });
    }
    let near = nearest(service, stack.services.keys().map(String::as_str));
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let message = format!("tasks.{name}.database: `{given}` names no service with a database{near}");
    let hint = Some("write `SERVICE`, `SERVICE/DATABASE`, or `none`".to_owned());
    Err(WorkflowError::Configuration { message, hint }.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::Service;

    fn of(services: &[(&str, &str)], database: Option<&str>) -> std::result::Result<TaskDatabase, String> {
        let service = |(name, image): &(&str, &str)| {
            ((*name).to_owned(), Service { image: (*image).to_owned(), ..Service::default() })
        };
        let stack = Stack { services: services.iter().map(service).collect(), ..Stack::default() };
        let task = Task {
            service: "api".into(),
            command: crate::project::CommandLine(vec!["true".into()]),
            description: None,
            user: None,
            working_dir: None,
            timeout: None,
            database: database.map(str::to_owned),
        };
        TaskDatabase::of(&stack, ("migrate", &task)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_only_postgresql_service_is_meant_and_several_must_be_told_apart() {
        let place = |service: &str, database: Option<&str>| {
            Ok(TaskDatabase::Postgres { service: service.to_owned(), database: database.map(str::to_owned) })
        };
        let one = [("db", "postgres:16"), ("cache", "redis:7")];
        let two = [("db", "postgres:16"), ("stats", "pgvector/pgvector:pg16")];
        assert_eq!(of(&one, None), place("db", None));
        assert_eq!(of(&two, Some("stats")), place("stats", None));
        assert_eq!(of(&two, Some("db/app")), place("db", Some("app")));
        assert_eq!(of(&two, Some("none")), Ok(TaskDatabase::Nowhere));
        assert!(matches!(of(&[("cache", "redis:7")], None), Ok(TaskDatabase::Unknown(_))));
        assert!(of(&two, None).unwrap_err().ends_with("names none of them: db, stats"));
        assert!(of(&one, Some("bd")).unwrap_err().contains("did you mean `db`?"));
        assert!(of(&one, Some("db/")).is_err());
    }
}
