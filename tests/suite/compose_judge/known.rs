//! Decides which differences to Compose are meant, each with its reason.
//! Reads nothing; a difference listed here that no longer shows fails the test.
//! Never excuses a whole project where one mode differs.

use super::case::Case;
use super::run::Mode;

/// Project, mode, reason.
const KNOWN: &[(&str, &str, &str)] = &[
    ("build-ssh-paths", "json", "Compose writes `id=path` of build.ssh as broken JSON and fails; it is valid here"),
    ("volumes-top-level", "no-interpolate", "Compose crashes on `external: \"true\"` when nothing is cast"),
    ("volumes-top-level", "no-interpolate-json", "Compose crashes on `external: \"true\"` when nothing is cast"),
];

/// Why a difference is meant.
pub fn reason(case: &str, mode: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(project, way, _)| *project == case && *way == mode).map(|(_, _, reason)| *reason)
}

/// The listed differences that were looked for and not found.
pub fn stale(found: &[(String, &str, String)], asked: &[(&Case, &Mode)]) -> Vec<(&'static str, &'static str)> {
    let listed = KNOWN.iter().map(|(project, way, _)| (*project, *way));
    listed
        .filter(|(project, way)| asked.iter().any(|(case, mode)| case.name == *project && mode.name == *way))
        .filter(|(project, way)| !found.iter().any(|(case, mode, _)| case == project && mode == way))
        .collect()
}
