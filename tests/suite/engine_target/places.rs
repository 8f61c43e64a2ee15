//! Targets that cannot be honoured: exit 78, with the place in aictl.yaml, before any request.

use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use crate::support::project::Outcome;

/// Each verb that would ask the engine for something.
const VERBS: [&[&str]; 17] = [
    &["start"],
    &["stop", "--remove", "-v"],
    &["down"],
    &["restart"],
    &["status"],
    &["ls"],
    &["plan"],
    &["kill"],
    &["wait", "web"],
    &["clean", "--yes"],
    &["images", "ls"],
    &["images", "prune", "--yes"],
    &["doctor"],
    &["setup", "--yes"],
    &["config", "--resolve-image-digests"],
    &["health"],
    &["push", "--to", "prod"],
];

/// The value of `target`, and what is said of it.
const TARGETS: [(&str, &str); 17] = [
    ("docker: { context: nosuch }", "docker.context: `context nosuch`: there is no context of this name in "),
    ("docker: { context: '' }", "docker.context: is empty"),
    ("docker: { host: '' }", "docker.host: is empty"),
    ("docker: { host: 'npipe:////./pipe/x' }", "docker.host: `npipe:////./pipe/x`: named pipes exist on Windows only"),
    ("docker: { host: 'ftp://h' }", "docker.host: `ftp://h`: unknown scheme `ftp`"),
    ("docker: { host: 'tcp://h:x' }", "docker.host: `tcp://h:x`: `x` is not a valid port"),
    ("docker: { host: 'tcp://h', context: c }", "docker: takes `host` or `context`, not both"),
    ("docker: { tls: certs }", "docker.tls: needs a `host`"),
    ("docker: { context: c, tls: certs }", "docker.tls: a context brings its own; needs a `host`"),
    ("docker: { host: 'ssh://h', tls: certs }", "docker.tls: is for tcp:// and not for ssh://"),
    ("docker: { host: 'unix:///x.sock', tls: certs }", "docker.tls: is for tcp:// and not for unix://"),
    ("docker: { host: 'http://h', tls: certs }", "docker.tls: is for tcp:// and not for http://"),
    ("docker: { host: 'tcp://h', tls: certs }", "docker.tls: `tcp://h`: "),
    ("docker: { host: 'tcp://h', tls: { cert: c.pem } }", "docker.tls: takes `cert` and `key` together"),
    (
        "docker: { host: 'tcp://h', tls: { ca: c.pem, verify: false } }",
        "docker.tls.ca: has no effect with `verify: false`",
    ),
    ("docker: { host: 'tcp://h', tls: { ca: bad.pem } }", "docker.tls: `tcp://h`: "),
    ("docker: { host: 'tcp://h', tls: { cacert: c.pem } }", "docker.tls.cacert: unknown key"),
];

#[test]
fn a_target_that_cannot_be_honoured_is_refused_before_any_request() {
    let folder = tempfile::tempdir().unwrap();
    // The engine the surroundings name: nobody may come to it.
    let socket = folder.path().join("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    listener.set_nonblocking(true).unwrap();
    std::fs::write(folder.path().join("compose.yaml"), "services: { web: { image: x } }\n").unwrap();
    std::fs::write(folder.path().join("bad.pem"), "nothing of use\n").unwrap();
    for (target, said) in TARGETS {
        let text = format!("environments:\n  prod: {{ compose: compose.yaml, target: {{ {target} }} }}\n");
        std::fs::write(folder.path().join("aictl.yaml"), text).unwrap();
        for words in VERBS {
            let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
            command.args(["--env", "prod"]).args(words).current_dir(folder.path()).stdin(Stdio::null());
            command.env("DOCKER_CONFIG", folder.path().join("docker"));
            command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
            let outcome = Outcome::from(command.output().unwrap()).ended(78);
            let place = format!("environments.prod.target.{said}");
            assert!(outcome.stderr.contains(&place), "{target} {words:?}: {}", outcome.stderr);
            assert!(outcome.stderr.contains("aictl.yaml:2:"), "{target} {words:?}: {}", outcome.stderr);
            assert!(listener.accept().is_err(), "{target} {words:?} went to another engine");
        }
    }
}

#[test]
fn a_context_that_the_kubeconfig_lacks_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = "apiVersion: v1\nkind: Config\nclusters: [{ name: c, cluster: { server: 'https://127.0.0.1:1' } }]\n\
                      contexts: [{ name: europe, context: { cluster: c, user: u } }]\nusers: [{ name: u, user: {} }]\n";
    std::fs::write(folder.path().join("kubeconfig"), kubeconfig).unwrap();
    let text =
        "name: shop\nenvironments:\n  prod: { chart: { path: chart }, target: { kubernetes: [{ context: europ }] } }\n";
    std::fs::write(folder.path().join("aictl.yaml"), text).unwrap();
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
        command.args(["--env", "prod"]).args(words).current_dir(folder.path()).stdin(Stdio::null());
        command.env("KUBECONFIG", folder.path().join("kubeconfig"));
        Outcome::from(command.output().unwrap())
    };
    for words in
        [&["status"][..], &["deploy"], &["plan"], &["rollback"], &["history"], &["logs"], &["stop", "--remove"]]
    {
        let outcome = run(words).ended(78);
        let said = "aictl.yaml:3:57: environments.prod.target.kubernetes: no context `europ` in ";
        assert!(outcome.stderr.contains(said), "{words:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("did you mean `europe`?"), "{words:?}: {}", outcome.stderr);
    }
    let outcome = run(&["start"]).ended(78);
    assert!(outcome.stderr.contains("aictl --env prod deploy"), "{}", outcome.stderr);
    std::fs::write(folder.path().join("aictl.yaml"), text.replace("europ ", "europe ")).unwrap();
    assert!(run(&["status"]).ended(9).stderr.contains("https://127.0.0.1:1"));
}
