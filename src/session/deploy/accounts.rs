//! Finds the logins of data services whose password is the value of a secret: by the variables their images read, by their
//! options and by the addresses that other services have.

use std::collections::BTreeSet;

use super::configuration::Configuration;
use super::secret_places::mark;
use crate::compose::model::Service;
use crate::plan::Login;
use crate::probe::Kind;

/// A login of a data service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Account {
    /// The service.
    pub(super) service: String,
    /// The login.
    pub(super) login: Login,
}

/// Variables that PostgreSQL's images read when the data is created, and never again.
const INITIAL: [&str; 2] = ["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"];

/// Variables that Redis's images and their commands read at each start.
const OF_REDIS: [&str; 3] = ["REDIS_PASSWORD", "VALKEY_PASSWORD", "REDISCLI_AUTH"];

/// The option of the server and of its configuration file.
const OPTION: &str = "requirepass";

impl Configuration {
    /// The logins whose password a secret is.
    pub(super) fn accounts(&self, key: &str) -> BTreeSet<Account> {
        let own = self.stack.services.keys().filter_map(|name| self.own_account(name, key));
        own.chain(self.addressed(key)).collect()
    }

    /// The login that a data service itself has from a secret.
    pub(super) fn own_account(&self, name: &str, key: &str) -> Option<Account> {
        let service = self.stack.services.get(name)?;
        let account = |login| Some(Account { service: name.to_owned(), login });
        match self.kind(name)? {
            Kind::Postgres if self.initial_places(name, key).next().is_some() => {
                account(Login::PostgresRole(role(service)))
            }
            Kind::Redis if self.sets_redis_password(name, key) => account(Login::RedisUser("default".to_owned())),
            _ => None,
        }
    }

    /// Whether a secret is nothing but the password that a PostgreSQL gives its role when it creates its data.
    pub(super) fn is_initial_only(&self, name: &str, key: &str) -> bool {
        let initial = self.initial_places(name, key).count();
        self.kind(name) == Some(Kind::Postgres) && initial > 0 && initial == self.secrets.places(name, key).count()
    }

    fn kind(&self, name: &str) -> Option<Kind> {
        let service = self.stack.services.get(name)?;
        Kind::of(&service.image_or_default(&self.stack.name, name))
    }

    fn initial_places<'a>(&'a self, name: &'a str, key: &'a str) -> impl Iterator<Item = ()> + 'a {
        let whole = mark(key);
        let of_file = self.password_file(name);
        self.secrets.places(name, key).filter_map(move |place| {
            let is_variable = place.is_variable(&INITIAL);
            let is_file = place.file.is_some() && place.file == of_file;
            (place.text == whole && (is_variable || is_file)).then_some(())
        })
    }

    /// The index of the file that the image reads the password from.
    fn password_file(&self, name: &str) -> Option<usize> {
        let environment = &self.stack.services.get(name)?.environment;
        let path = INITIAL.iter().find_map(|key| environment.get(&format!("{key}_FILE")).cloned().flatten())?;
        self.contents.get(name)?.files.iter().position(|file| file.target == path)
    }

    fn sets_redis_password(&self, name: &str, key: &str) -> bool {
        let whole = mark(key);
        let Some(service) = self.stack.services.get(name) else { return false };
        let words = [&service.command, &service.entrypoint].into_iter().filter_map(|command| command.as_slice());
        let has_option = words.flatten().any(|word| word.contains(OPTION));
        self.secrets.places(name, key).any(|place| {
            let of_option = place.is_command() && has_option;
            let of_file = place.file.is_some() && place.text.contains(&format!("{OPTION} {whole}"));
            of_option || of_file || (place.text == whole && place.is_variable(&OF_REDIS))
        })
    }

    /// Roles in the addresses of PostgreSQL and Redis that other services have: `postgres://ROLE:PASSWORD@SERVICE:5432/`.
    fn addressed(&self, key: &str) -> Vec<Account> {
        let whole = format!(":{}@", mark(key));
        let mut found = Vec::new();
        for text in self.secrets.texts(key) {
            for (at, _) in text.match_indices(&whole) {
                let user = text[..at].rsplit_once("://").map_or("", |(_, user)| user);
                let host = text[at + whole.len()..].split([':', '/', '?', ',']).next().unwrap_or_default();
                let login = match self.kind(host) {
                    Some(Kind::Postgres) if !user.is_empty() => Login::PostgresRole(user.to_owned()),
                    Some(Kind::Redis) if user.is_empty() => Login::RedisUser("default".to_owned()),
                    Some(Kind::Redis) => Login::RedisUser(user.to_owned()),
                    _ => continue,
                };
                found.push(Account { service: host.to_owned(), login });
            }
        }
        found
    }
}

/// The role that the images create.
fn role(service: &Service) -> String {
    let named = ["POSTGRES_USER", "POSTGRESQL_USERNAME"].iter().find_map(|key| service.environment.get(*key)?.clone());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "postgres".to_owned())
}
