//! A change of the passwords that a data service accepts.
//! Data and its description; the values are part of no output.

use serde::Serialize;

use crate::release::OperationKind;
use crate::secret::Secret;

use super::description::{Description, ENGINE_CALL};

/// Whose password it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Login {
    /// A role of PostgreSQL, which has one password.
    PostgresRole(String),
    /// A user of Redis, which can have several.
    RedisUser(String),
}

/// Which passwords are accepted afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AcceptedPasswords {
    /// This one beside those before.
    Also,
    /// This one alone.
    Only,
}

/// A change of the passwords of a login.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PasswordChange {
    /// The service.
    pub service: String,
    /// Its container, by name or id.
    pub container: String,
    /// The login.
    pub login: Login,
    /// What is accepted afterwards.
    pub accepted: AcceptedPasswords,
    /// The password.
    #[serde(skip)]
    pub value: Secret,
    /// Passwords one of which may be needed to log in.
    #[serde(skip)]
    pub known: Vec<Secret>,
}

impl PasswordChange {
    pub(super) fn describe(&self) -> Description {
        let login = match &self.login {
            Login::PostgresRole(role) => format!("role {role}"),
            Login::RedisUser(user) => format!("user {user}"),
        };
        let (infinitive, participle, what) = match self.accepted {
            AcceptedPasswords::Also => ("set", "Set", "a second password"),
            AcceptedPasswords::Only => ("set", "Set", "the password"),
        };
        Description {
            kind: OperationKind::ChangePassword,
            infinitive,
            participle,
            subject: format!("{what} of {login} in {}", self.service),
            service: Some(self.service.clone()),
            deadline: ENGINE_CALL,
        }
    }
}
