//! Reports each variable a load reads or refers to, before an error can quote its value.

use std::sync::Arc;

use super::interpolate;
use super::value::Node;

/// A variable and its value.
#[derive(Debug, Clone, Copy)]
pub struct SeenVariable<'v> {
    /// Its name.
    pub name: &'v str,
    /// Its value.
    pub value: &'v str,
    /// Whether the files declare it as the value of a secret.
    pub is_secret: bool,
}

/// Called with variables from env files, and with those of the process environment that the files refer to.
#[derive(Clone, Default)]
pub struct Observer(Option<Arc<Report>>);

type Report = dyn Fn(&[SeenVariable<'_>]) + Send + Sync;

impl Observer {
    /// An observer that calls a function.
    pub fn new(report: impl Fn(&[SeenVariable<'_>]) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(report)))
    }

    /// Reports what an env file says.
    pub(super) fn read<'v>(&self, variables: impl IntoIterator<Item = (&'v String, &'v String)>) {
        let seen = |(name, value): (&'v String, &'v String)| SeenVariable { name, value, is_secret: false };
        self.report(|| variables.into_iter().map(seen).collect());
    }

    /// Reports the variables that a file refers to.
    pub(super) fn referred(&self, root: &Node, environment: &std::collections::BTreeMap<String, String>) {
        let value = |name: &str| environment.get_key_value(name);
        self.report(|| {
            let names = interpolate::extract(root).variables;
            let found = names.keys().filter_map(|name| value(name));
            let mut seen: Vec<_> = found.map(|(name, value)| SeenVariable { name, value, is_secret: false }).collect();
            let secrets = root.get("secrets").and_then(Node::as_map).into_iter().flatten();
            let declared = secrets.filter_map(|(_, secret)| value(secret.get("environment")?.as_str()?));
            seen.extend(declared.map(|(name, value)| SeenVariable { name, value, is_secret: true }));
            seen
        });
    }

    fn report<'v>(&self, seen: impl FnOnce() -> Vec<SeenVariable<'v>>) {
        if let Some(report) = &self.0 {
            report(&seen());
        }
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

impl PartialEq for Observer {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Observer {}
