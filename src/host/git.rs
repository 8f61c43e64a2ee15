//! Which files of a directory git keeps.
//! Runs `git ls-files` with a deadline; returns the names that are tracked, or that there is no git to ask.
//! Never changes a repository, and never reads what a file holds.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

const DEADLINE: Duration = Duration::from_secs(10);

/// The names among `names`, relative to `directory`, that git tracks; none where there is no git or no repository.
pub async fn tracked(directory: &Path, names: &[String]) -> Vec<String> {
    if names.is_empty() {
        return Vec::new();
    }
    let mut command = Command::new("git");
    // Another user's checkout is looked at all the same: nothing of it is run.
    command.args(["-c", "safe.directory=*", "-c", "core.fsmonitor=false", "ls-files", "-z", "--"]).args(names);
    command.current_dir(directory).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(DEADLINE, command.output()).await;
    let Ok(Ok(output)) = output else { return Vec::new() };
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    listed.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
