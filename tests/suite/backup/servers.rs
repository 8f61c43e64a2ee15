//! Repositories on a real ssh server and a real S3 server, by the commands that an operator types: what is created there is
//! listed, verified and restored, a server that goes away leaves nothing half done, and no credential is seen by others.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{PASSWORD, PROJECT, Stored};
use crate::support::project::{Outcome, docker, eventually};
use crate::support::repository_server::{KEY, RepositoryServer, SECRET};

/// A stack whose repository is on a server.
struct Remote {
    stored: Stored,
    server: RepositoryServer,
    environment: Vec<(&'static str, String)>,
}

impl Remote {
    fn open(name: &str, server: RepositoryServer, address: &str, access: &[(&'static str, &str)]) -> Option<Self> {
        let stored = Stored::open(name)?;
        stored.stage.write("aictl.yaml", &PROJECT.replace("repository: sets", &format!("repository: '{address}'")));
        let mut environment = vec![("BACKUP_PASSWORD", PASSWORD.to_owned())];
        environment.extend(access.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Some(Self { stored, server, environment })
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.stored.stage.command(words);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn aictl(&self, words: &[&str]) -> Outcome {
        let outcome = Outcome::from(self.command(words).output().unwrap());
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!said.contains(PASSWORD) && !said.contains(SECRET), "{words:?}: {said}");
        outcome
    }

    #[track_caller]
    fn json(&self, words: &[&str], code: i32) -> Value {
        let words: Vec<&str> = ["--output", "json"].iter().chain(words).copied().collect();
        let outcome = self.aictl(&words).ended(code);
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
    }

    fn complete_sets(&self) -> usize {
        let listed = self.json(&["backup", "list"], 0);
        listed["sets"].as_array().unwrap().iter().filter(|set| set["complete"] == true).count()
    }

    /// `backup create` under way: it has locked the repository and so holds a connection.
    fn creating(&self) -> Child {
        let mut command = self.command(&["backup", "create"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        eventually("the repository is locked", Duration::from_secs(60), || self.holds_lock());
        child
    }

    fn holds_lock(&self) -> bool {
        let below = ["repository/locks", "store/backups/a/b/locks"];
        below.iter().any(|path| {
            std::fs::read_dir(self.server.folder.path().join(path)).is_ok_and(|mut locks| locks.next().is_some())
        })
    }
}

/// What other users of the machine and other containers see.
fn nobody_sees(secrets: &[&str], project: &str) {
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        for secret in secrets {
            assert!(!words.contains(secret), "in the process list: {}", words.replace('\0', " "));
        }
    }
    let filter = format!("name=^/{project}-");
    let containers = docker(&["ps", "-aq", "--filter", &filter]);
    for container in containers.lines() {
        let environment = docker(&["inspect", "-f", "{{json .Config}}", container]);
        assert!(!environment.contains(PASSWORD) && !environment.contains(SECRET), "{environment}");
    }
}

fn serves(remote: &Remote) {
    let Remote { stored, .. } = remote;
    let before = stored.state();
    let planned = remote.aictl(&["--dry-run", "backup", "create"]).ended(0);
    assert!(planned.stdout.contains("dump postgres databases of db"), "{planned:?}");
    remote.aictl(&["backup", "list"]).ended(10);

    let mut creating = remote.creating();
    nobody_sees(&[PASSWORD, SECRET, "db-s3cret-0123456789"], stored.stage.name());
    assert!(creating.wait().unwrap().success());
    let set = remote.json(&["backup", "list"], 0)["sets"][0]["set"].as_str().unwrap().to_owned();
    let verified = remote.json(&["backup", "verify", &set], 0);
    assert_eq!((&verified["decoded"], &verified["damage"]), (&true.into(), &serde_json::json!([])), "{verified}");

    // The whole stack is lost, and comes back.
    remote.aictl(&["--yes", "stop", "--remove", "-v"]).ended(0);
    remote.aictl(&["restore", &set]).ended(0);
    remote.aictl(&["start"]).ended(0);
    assert_eq!(stored.state(), before);

    // No record on the target holds a credential either.
    let records = format!("{}_aictl:/state:ro", stored.stage.name());
    let script = format!("grep -rlF -e '{PASSWORD}' -e '{SECRET}' /state | wc -l");
    assert_eq!(docker(&["run", "--rm", "-v", &records, "aictl/base:bookworm", "sh", "-c", &script]).trim(), "0");
}

/// The connection is cut while a set is written.
fn survives_a_lost_server(remote: &mut Remote) {
    remote.stored.in_files("head -c 60000000 /dev/urandom >/srv/files/large");
    let before = remote.complete_sets();
    let creating = remote.creating();
    remote.server.kill();
    let ended = Outcome::from(creating.wait_with_output().unwrap());
    assert!(ended.code != 0 && ended.stderr.contains("error: "), "{ended:?}");
    // Gone: an error with a reason, and no wait without end.
    assert_ne!(remote.aictl(&["backup", "list"]).code, 0);
    remote.server.start_again();
    assert_eq!(remote.complete_sets(), before, "half a set counts as one");
    let created = remote.json(&["backup", "create"], 0);
    assert_eq!(created["complete"], true, "{created}");
    assert_eq!(remote.complete_sets(), before + 1);
    remote.aictl(&["backup", "verify", "--no-decode"]).ended(0);
}

#[test]
fn a_stack_is_backed_up_to_an_ssh_server_and_restored_from_it() {
    let Some(server) = RepositoryServer::sshd() else { return };
    let (address, path) = (server.sftp_address(), server.search_path());
    let Some(mut remote) = Remote::open("backup-sftp", server, &address, &[("PATH", &path)]) else { return };
    serves(&remote);
    survives_a_lost_server(&mut remote);
    // A key that the server does not know.
    std::fs::write(remote.server.folder.path().join("authorized"), "").unwrap();
    let refused = remote.aictl(&["backup", "list"]);
    assert!(refused.code != 0 && refused.stderr.contains("Permission denied"), "{refused:?}");
}

#[test]
fn a_stack_is_backed_up_to_an_s3_server_and_restored_from_it() {
    let Some(server) = RepositoryServer::s3() else { return };
    let address = server.s3_address("backups");
    let access = [("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    let Some(mut remote) = Remote::open("backup-s3", server, &address, &access) else { return };
    serves(&remote);
    survives_a_lost_server(&mut remote);
    remote.environment.retain(|(name, _)| *name != "AWS_SECRET_ACCESS_KEY");
    remote.environment.push(("AWS_SECRET_ACCESS_KEY", "wrong-s3cret".to_owned()));
    remote.aictl(&["backup", "list"]).ended(12);
}
