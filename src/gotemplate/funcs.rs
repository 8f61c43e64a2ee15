//! The functions that templates may call, by name: Go's own, Sprig's and Helm's.
//! Each file below has a table of its functions; this one collects the tables.

mod builtins;
mod crypto;
mod dates;
mod defaults;
mod dicts;
mod encoding;
mod lists;
mod numbers;
mod paths;
mod regexes;
mod strings;
mod urls;
mod versions;

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::signature::Function;

pub use defaults::size;
pub use strings::strval;

/// The function of a name.
pub fn find(name: &str) -> Option<&'static Function> {
    static ALL: OnceLock<HashMap<&'static str, &'static Function>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let tables = [
            builtins::TABLE,
            crypto::TABLE,
            dates::TABLE,
            defaults::TABLE,
            dicts::TABLE,
            encoding::TABLE,
            lists::TABLE,
            numbers::TABLE,
            paths::TABLE,
            regexes::TABLE,
            strings::TABLE,
            urls::TABLE,
            versions::TABLE,
        ];
        tables.into_iter().flatten().map(|function| (function.name, function)).collect()
    });
    all.get(name).copied()
}

/// Whether templates may call a name.
pub fn is_function(name: &str) -> bool {
    find(name).is_some()
}
