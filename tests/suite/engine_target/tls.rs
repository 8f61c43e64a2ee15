//! TLS to an engine, as aictl.yaml, the variables and a context ask for it.

use std::path::Path;

use super::certificates::Authority;
use super::port::TlsPort;
use crate::support::project::{Outcome, TestProject};

const COMPOSE: &str = "services: { web: { image: aictl-lab/tool:1, command: [sleep, '600'], init: true } }\n";

/// A project whose environment `prod` is the engine behind the port.
fn write_project(stage: &TestProject, port: u16, tls: &str) {
    stage.write("compose.yaml", COMPOSE);
    let docker = format!("{{ host: \"tcp://127.0.0.1:{port}\"{tls} }}");
    stage.write(
        "aictl.yaml",
        &format!("environments: {{ prod: {{ compose: compose.yaml, target: {{ docker: {docker} }} }} }}\n"),
    );
}

/// A folder with this aictl.yaml for tests that reach no engine.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(port: u16, tls: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("compose.yaml"), COMPOSE).unwrap();
        let docker = format!("{{ host: \"tcp://127.0.0.1:{port}\"{tls} }}");
        let text = format!("environments: {{ prod: {{ compose: compose.yaml, target: {{ docker: {docker} }} }} }}\n");
        std::fs::write(folder.path().join("aictl.yaml"), text).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn aictl(&self, words: &[&str], variables: &[(&str, &str)]) -> Outcome {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_aictl"));
        for name in ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"] {
            command.env_remove(name);
        }
        command.args(words).current_dir(self.path()).envs(variables.iter().copied());
        command.stdin(std::process::Stdio::null()).output().unwrap().into()
    }
}

#[test]
fn an_engine_behind_tls_is_used_with_our_certificate_and_no_byte_in_the_clear() {
    let Some(stage) = TestProject::new("behind-tls") else { return };
    let authority = Authority::new();
    let port = TlsPort::open(&authority, "127.0.0.1", &authority);
    authority.write_to(&stage.path().join("certs"), Some(&authority));
    for tls in [", tls: certs", ", tls: { ca: certs/ca.pem, cert: certs/cert.pem, key: certs/key.pem }"] {
        write_project(&stage, port.number, tls);
        stage.aictl(&["start"]).ended(0);
        // A connection that is turned into a stream of bytes goes the same way.
        assert_eq!(stage.aictl(&["exec", "web", "echo", "hello"]).ended(0).stdout, "hello\n");
        stage.aictl(&["stop", "--remove"]).ended(0);
    }
    assert!(stage.containers().is_empty());
    let (connections, in_the_clear, with_certificate) = port.counts();
    assert!(connections > 6, "{connections}");
    assert_eq!((in_the_clear, with_certificate), (0, connections));
}

#[test]
fn the_variables_of_the_docker_cli_lead_to_the_same_engine() {
    let Some(stage) = TestProject::new("tls-variables") else { return };
    let authority = Authority::new();
    let port = TlsPort::open(&authority, "127.0.0.1", &authority);
    let certificates = stage.path().join("certs");
    authority.write_to(&certificates, Some(&authority));
    stage.write("compose.yaml", COMPOSE);
    for verify in ["DOCKER_TLS_VERIFY", "DOCKER_TLS"] {
        let mut status = stage.command(&["ls"]);
        status.env("DOCKER_HOST", format!("tcp://127.0.0.1:{}", port.number)).env(verify, "1");
        Outcome::from(status.env("DOCKER_CERT_PATH", &certificates).output().unwrap()).ended(0);
    }
    let (connections, in_the_clear, with_certificate) = port.counts();
    assert!(connections > 0);
    assert_eq!((in_the_clear, with_certificate), (0, connections));
}

/// What is wrong, how the command ends, and what it says.
#[test]
fn an_engine_that_is_not_to_be_trusted_gets_no_request() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let right = TlsPort::open(&authority, "127.0.0.1", &authority);
    let misnamed = TlsPort::open(&authority, "elsewhere.example", &authority);
    let folder = tempfile::tempdir().unwrap();
    authority.write_to(&folder.path().join("right"), Some(&authority));
    stranger.write_to(&folder.path().join("stranger"), Some(&authority));
    authority.write_to(&folder.path().join("bare"), None);
    authority.write_to(&folder.path().join("foreign"), Some(&stranger));
    for (port, certificates, code, said) in [
        (&right, "stranger", 9, "its certificate is signed by an authority that is not trusted here"),
        (&misnamed, "right", 9, "its certificate is for another host name"),
        (&right, "bare", 12, "it wants a client certificate"),
        (&right, "foreign", 12, "it does not take the client certificate"),
    ] {
        let certificates = folder.path().join(certificates).display().to_string();
        let project = Folder::new(port.number, &format!(", tls: \"{certificates}\""));
        let outcome = project.aictl(&["stop", "--remove", "-v"], &[]).ended(code);
        let whole = format!("no TLS connection to the engine at tcp://127.0.0.1:{}: {said}", port.number);
        assert!(outcome.stderr.contains(&whole), "{}", outcome.stderr);
    }
    for port in [right, misnamed] {
        assert_eq!((port.counts().1, port.counts().2), (0, 0));
    }
}

#[test]
fn an_unchecked_engine_is_reached_only_when_the_operator_says_so() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let port = TlsPort::open(&authority, "elsewhere.example", &clients);
    let folder = tempfile::tempdir().unwrap();
    clients.write_to(folder.path(), Some(&clients));
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let files = format!("cert: \"{}\", key: \"{}\"", cert.display(), key.display());
    Folder::new(port.number, &format!(", tls: {{ {files} }}")).aictl(&["ls"], &[]).ended(9);
    assert_eq!(port.counts(), (1, 0, 0));
    // Behind the port is no engine where there is no lab: the certificate was shown, and that is the point.
    Folder::new(port.number, &format!(", tls: {{ {files}, verify: false }}")).aictl(&["ls"], &[]);
    assert_eq!((port.counts().1, port.counts().2 > 0), (0, true));
}

#[test]
fn a_port_that_speaks_something_else_is_said_so() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    authority.write_to(folder.path(), None);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let wanted = Folder::new(port, &format!(", tls: \"{}\"", folder.path().display()));
    let said = wanted.aictl(&["ls"], &[]).ended(9).stderr;
    assert!(said.contains("what answers does not speak TLS"), "{said}");
    let said = Folder::new(port, "").aictl(&["ls"], &[]).ended(9).stderr;
    assert!(said.contains("400 Bad Request to a ping, as a port that wants TLS does"), "{said}");
}
