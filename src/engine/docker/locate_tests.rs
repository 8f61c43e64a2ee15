use hex::encode;
use sha2::{Digest, Sha256};

use super::*;
use crate::project::DockerTlsFiles;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn write_context(folder: &Path, name: &str, endpoints: &str) -> PathBuf {
    let id = encode(Sha256::digest(name.as_bytes()));
    let meta = folder.join("contexts/meta").join(&id);
    std::fs::create_dir_all(&meta).unwrap();
    std::fs::write(meta.join("meta.json"), format!(r#"{{"Name":"{name}","Endpoints":{{{endpoints}}}}}"#)).unwrap();
    folder.join("contexts/tls").join(&id).join("docker")
}

fn docker(host: &str) -> String {
    format!(r#""docker":{{"Host":"{host}","SkipTLSVerify":false}}"#)
}

fn write_all(folder: &Path, files: &[&str]) {
    std::fs::create_dir_all(folder).unwrap();
    files.iter().for_each(|file| std::fs::write(folder.join(file), "").unwrap());
}

fn of_host(host: &str, tls: Option<DockerTls>) -> DockerTarget {
    DockerTarget { host: Some(host.to_owned()), context: None, tls }
}

fn of_context(name: &str) -> DockerTarget {
    DockerTarget { context: Some(name.to_owned()), ..DockerTarget::default() }
}

fn tls_of_route(address: &Address) -> Option<&TlsFiles> {
    let Route::Tcp { tls, .. } = &address.route else { panic!("{address:?}") };
    tls.as_ref()
}

#[track_caller]
fn refused(named: Option<&DockerTarget>, environment: &Environment) -> String {
    let error = locate(named, environment).unwrap_err();
    assert!(matches!(error, TargetError::BadAddress { .. }), "{error}");
    error.to_string()
}

#[test]
fn without_anything_the_default_socket_is_taken() {
    let address = resolve(None, &environment(&[])).unwrap();
    assert_eq!(address.route, Route::Unix(DEFAULT_SOCKET.into()));
    assert_eq!(address.display, "unix:///var/run/docker.sock");
}

/// A configuration folder with the contexts `one` (current) and `two`, and both variables set.
fn crowded(folder: &Path) -> Environment {
    write_context(folder, "one", &docker("tcp://one:1"));
    write_context(folder, "two", &docker("tcp://two:2"));
    std::fs::write(folder.join("config.json"), r#"{"currentContext":"one"}"#).unwrap();
    let config = folder.to_str().unwrap();
    environment(&[("DOCKER_CONFIG", config), ("DOCKER_HOST", "tcp://host:3"), ("DOCKER_CONTEXT", "two")])
}

#[test]
fn aictl_yaml_goes_before_docker_host_before_docker_context_before_the_current_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut variables = crowded(folder.path());
    let shown =
        |named: Option<DockerTarget>, variables: &Environment| locate(named.as_ref(), variables).unwrap().display;
    assert_eq!(shown(Some(of_host("unix:///x.sock", None)), &variables), "unix:///x.sock");
    assert_eq!(shown(Some(of_context("one")), &variables), "tcp://one:1");
    assert_eq!(shown(Some(of_context("default")), &variables), "unix:///var/run/docker.sock");
    assert_eq!(shown(Some(DockerTarget::default()), &variables), "tcp://host:3");
    assert_eq!(shown(None, &variables), "tcp://host:3");
    variables.remove("DOCKER_HOST");
    assert_eq!(shown(None, &variables), "tcp://two:2");
    variables.insert("DOCKER_CONTEXT".into(), "default".into());
    assert_eq!(shown(None, &variables), "unix:///var/run/docker.sock");
    variables.insert("DOCKER_CONTEXT".into(), String::new());
    assert_eq!(shown(None, &variables), "tcp://one:1");
}

#[test]
fn a_context_brings_its_own_tls_and_takes_none_from_the_variables() {
    let folder = tempfile::tempdir().unwrap();
    let tls = write_context(folder.path(), "safe", &docker("tcp://engine"));
    write_context(folder.path(), "clear", &docker("tcp://engine"));
    write_context(folder.path(), "unchecked", r#""docker":{"Host":"tcp://engine","SkipTLSVerify":true}"#);
    write_all(&tls, &["ca.pem", "cert.pem", "key.pem"]);
    let variables = environment(&[("DOCKER_CONFIG", folder.path().to_str().unwrap()), ("DOCKER_TLS_VERIFY", "1")]);
    let safe = locate(Some(&of_context("safe")), &variables).unwrap();
    let client = Some((tls.join("cert.pem"), tls.join("key.pem")));
    assert_eq!(tls_of_route(&safe), Some(&TlsFiles { ca: Some(tls.join("ca.pem")), client, skip_verify: false }));
    assert!(matches!(safe.route, Route::Tcp { port: 2376, .. }));
    let clear = locate(Some(&of_context("clear")), &variables).unwrap();
    assert!(matches!(clear.route, Route::Tcp { port: 2375, tls: None, .. }));
    let unchecked = locate(Some(&of_context("unchecked")), &variables).unwrap();
    assert_eq!(tls_of_route(&unchecked), Some(&TlsFiles { skip_verify: true, ..TlsFiles::default() }));
}

#[test]
fn a_context_that_leads_nowhere_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().display().to_string();
    write_context(folder.path(), "production", &docker("tcp://engine:1"));
    write_context(folder.path(), "cluster", r#""kubernetes":{"Host":"https://k:6443"}"#);
    write_context(folder.path(), "nothing", "");
    write_context(folder.path(), "pipe", &docker("npipe:////./pipe/docker_engine"));
    let half = write_context(folder.path(), "half", &docker("tcp://engine"));
    write_all(&half, &["ca.pem", "cert.pem"]);
    let variables = environment(&[("DOCKER_CONFIG", &shown)]);
    for (name, reason) in [
        ("producton", format!("there is no context of this name in {shown}/contexts; did you mean `production`?")),
        ("elsewhere", format!("there is no context of this name in {shown}/contexts")),
        ("cluster", "it has no docker endpoint, only one for kubernetes".to_owned()),
        ("nothing", "it has no docker endpoint".to_owned()),
        ("pipe", "its host `npipe:////./pipe/docker_engine`: named pipes exist on Windows only".to_owned()),
        ("half", format!("{} has cert.pem and no key.pem", half.display())),
    ] {
        let said = format!("invalid engine address `context {name}`: {reason}");
        assert_eq!(refused(Some(&of_context(name)), &variables), said);
        let by_variable = environment(&[("DOCKER_CONFIG", &shown), ("DOCKER_CONTEXT", name)]);
        assert_eq!(refused(None, &by_variable), said);
    }
    let homeless = refused(Some(&of_context("x")), &environment(&[]));
    assert_eq!(homeless, "invalid engine address `context x`: neither DOCKER_CONFIG nor HOME is set");
}

#[test]
fn a_configuration_that_cannot_be_read_may_name_another_engine() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), "{bad").unwrap();
    let variables = environment(&[("DOCKER_CONFIG", folder.path().to_str().unwrap())]);
    assert!(refused(None, &variables).contains("config.json`: the current context is unknown: "));
    let default = locate(Some(&of_context("default")), &variables).unwrap();
    assert_eq!(default.display, "unix:///var/run/docker.sock");
}

#[test]
fn the_tls_variables_mean_what_they_mean_to_the_docker_cli() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let verified = environment(&[("DOCKER_TLS_VERIFY", "0"), ("DOCKER_CERT_PATH", path)]);
    let missing = format!("invalid engine address `DOCKER_TLS_VERIFY`: {path}/ca.pem does not exist");
    for host in [None, Some("tcp://h")] {
        assert_eq!(resolve(host, &verified).unwrap_err().to_string(), missing);
    }
    write_all(folder.path(), &["ca.pem"]);
    let ca = Some(folder.path().join("ca.pem"));
    let address = resolve(Some("tcp://h"), &verified).unwrap();
    assert!(matches!(address.route, Route::Tcp { port: 2376, .. }));
    assert_eq!(tls_of_route(&address), Some(&TlsFiles { ca: ca.clone(), client: None, skip_verify: false }));
    assert_eq!(resolve(None, &verified).unwrap().display, "tcp://localhost:2376");
    assert!(matches!(resolve(Some("unix:///x"), &verified).unwrap().route, Route::Unix(_)));
    assert!(resolve(Some("http://h"), &verified).unwrap_err().to_string().contains("in the clear"));
    let unverified = environment(&[("DOCKER_TLS", "1"), ("DOCKER_CERT_PATH", path)]);
    let address = resolve(Some("tcp://h"), &unverified).unwrap();
    assert_eq!(tls_of_route(&address), Some(&TlsFiles { ca, client: None, skip_verify: true }));
    write_all(folder.path(), &["key.pem"]);
    let error = resolve(Some("tcp://h"), &unverified).unwrap_err().to_string();
    assert!(error.ends_with("has key.pem and no cert.pem"), "{error}");
    let address = resolve(Some("tcp://h"), &environment(&[])).unwrap();
    assert!(matches!(address.route, Route::Tcp { port: 2375, tls: None, .. }));
}

#[test]
fn tls_of_aictl_yaml_is_all_there_is_and_its_files_must_exist() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    write_all(folder.path(), &["ca.pem", "cert.pem", "key.pem"]);
    let variables = environment(&[("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/nonexistent")]);
    let located = |tls: DockerTls| locate(Some(&of_host("tcp://h", Some(tls))), &variables);
    let (ca, cert, key) = (format!("{path}/ca.pem"), format!("{path}/cert.pem"), format!("{path}/key.pem"));
    let client = Some((PathBuf::from(&cert), PathBuf::from(&key)));
    let whole = TlsFiles { ca: Some(PathBuf::from(&ca)), client, skip_verify: false };
    assert_eq!(tls_of_route(&located(DockerTls::Directory(path.clone())).unwrap()), Some(&whole));
    let files = DockerTlsFiles { ca: Some(ca), cert: Some(cert), key: Some(key), verify: Some(true) };
    assert_eq!(tls_of_route(&located(DockerTls::Files(files.clone())).unwrap()), Some(&whole));
    let none = located(DockerTls::Files(DockerTlsFiles { verify: Some(false), ..Default::default() })).unwrap();
    assert_eq!(tls_of_route(&none), Some(&TlsFiles { skip_verify: true, ..Default::default() }));
    let gone = DockerTlsFiles { ca: Some(format!("{path}/gone.pem")), ..files };
    let said = located(DockerTls::Files(gone)).unwrap_err().to_string();
    assert_eq!(said, format!("invalid engine address `tcp://h`: {path}/gone.pem does not exist"));
    let said = located(DockerTls::Directory("/nonexistent".into())).unwrap_err().to_string();
    assert_eq!(said, "invalid engine address `tcp://h`: /nonexistent/ca.pem does not exist");
    for host in ["ssh://h", "unix:///x.sock", "http://h"] {
        let said = refused(Some(&of_host(host, Some(DockerTls::Directory(path.clone())))), &variables);
        assert!(said.contains("TLS is for tcp:// only") || said.contains("in the clear"), "{said}");
    }
}
