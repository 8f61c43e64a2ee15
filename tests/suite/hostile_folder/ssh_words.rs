//! Words of a shell in an address: the engine is behind an ssh that does what sshd does with the words it is given.
//! An address with such words is 78 and names its place, before anything is started.
use std::fs;
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::project::{Outcome, write_program};

const ADDRESSES: &[&str] = &[
    "ssh://u@h/s;touch${IFS}MARK",
    "ssh://u@h/s$(touch${IFS}MARK)",
    "ssh://u@h/s`touch${IFS}MARK`",
    "ssh://u@h/s&touch${IFS}MARK",
    "ssh://u@h/s|touch MARK",
    "ssh://-oProxyCommand=touch${IFS}MARK/s",
    "ssh://-oProxyCommand=touch${IFS}MARK@h/s",
    "ssh://u;touch${IFS}MARK@h/s",
    "ssh://h;touch${IFS}MARK",
    "ssh://h:22;touch${IFS}MARK",
];

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (name, text) in [
            (
                "ssh",
                "while [ $# -gt 0 ]; do\n case $1 in -o*Proxy*) sh -c \"${1#*=}\";; --) shift 2; break;; esac\n shift\ndone\nexec /bin/sh -c \"$*\"",
            ),
            ("docker", "touch \"$(dirname \"$0\")/reached\"; false"),
        ] {
            write_program(&place.0.path().join(name), &format!("#!/bin/sh\n{text}\n"));
        }
        place.write("compose.yaml", "services: { app: { image: x } }\n");
        place
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn write_context(&self, name: &str, address: &str) {
        let id = hex::encode(Sha256::digest(name.as_bytes()));
        let meta = serde_json::json!({ "Name": name, "Endpoints": { "docker": { "Host": address } } });
        self.write(&format!(".docker/contexts/meta/{id}/meta.json"), &meta.to_string());
    }

    fn has(&self, name: &str) -> bool {
        self.0.path().join(name).exists()
    }

    fn aictl(&self, words: &[&str], variables: &[(&str, &str)]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
        command.args(words).current_dir(self.0.path()).stdin(Stdio::null()).env_clear();
        command.env("PATH", format!("{}:/usr/bin:/bin", self.0.path().display())).env("HOME", self.0.path());
        command.envs(variables.iter().copied()).output().unwrap().into()
    }

    fn refuses(&self, words: &[&str], variables: &[(&str, &str)], named: &str) {
        let refused = self.aictl(words, variables);
        assert!(!self.has("mark"), "{words:?} {variables:?}: the words were run");
        assert!(!self.has("reached"), "{words:?} {variables:?}: the other side was asked");
        let refused = refused.ended(78);
        assert!(refused.stderr.contains(named), "{}", refused.stderr);
    }

    fn address(&self, pattern: &str) -> String {
        pattern.replace("MARK", &self.0.path().join("mark").display().to_string())
    }
}

#[test]
fn words_of_a_shell_in_an_address_are_refused_wherever_it_is_from() {
    for pattern in ADDRESSES {
        let place = Place::new();
        let address = place.address(pattern);
        for verb in [&["status"][..], &["plan"], &["start"], &["stop", "--remove"], &["setup", "--dry-run"]] {
            place.refuses(verb, &[("DOCKER_HOST", &address)], "(from DOCKER_HOST)");
        }
        place.write_context("far", &address);
        place.refuses(&["status"], &[("DOCKER_CONTEXT", "far")], "`context far`: its host ");
        let yaml = serde_json::json!({ "environments": { "far": { "compose": ["compose.yaml"], "target": { "docker": { "host": address } } } } });
        place.write("aictl.yaml", &yaml.to_string());
        for verb in ["status", "config", "secrets", "doctor"] {
            let verb = if verb == "secrets" { &["secrets", "check"][..] } else { &[verb][..] };
            let words = [&["--env", "far"], verb].concat();
            place.refuses(&words, &[], "aictl.yaml:1:");
            place.refuses(&words, &[], "environments.far.target.docker.host: ");
        }
    }
}

#[test]
fn an_address_of_plain_words_reaches_the_other_side() {
    let place = Place::new();
    place.aictl(&["status"], &[("DOCKER_HOST", "ssh://u@h:22/run/docker.sock")]).ended(9);
    assert!(place.has("reached"), "the ssh of this test does not work");
}
