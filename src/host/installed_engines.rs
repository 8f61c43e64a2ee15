//! Which container engines a machine has, running or not, and what would start one.
//! Reads files under a root folder and the variables of the session; decides nothing about installing.
//! Never runs a program to find out: another's engine might be started by it.

use std::collections::BTreeMap;
use std::fs;

use super::system::SystemRoot;

const SEARCHED: [&str; 6] = ["usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin"];

/// The engines of a machine and the ways to start one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presence {
    /// The engine's program: `/usr/bin/dockerd`.
    pub dockerd: Option<String>,
    /// Docker comes as a snap.
    pub snap: bool,
    /// The command `docker` is Podman's.
    pub podman_docker: bool,
    /// Docker Desktop is installed.
    pub desktop: bool,
    /// A rootless engine is installed for this user.
    pub rootless: bool,
    /// systemd runs.
    pub systemd: bool,
    /// OpenRC runs.
    pub openrc: bool,
    /// Control groups are mounted.
    pub cgroups: bool,
}

/// What is on the machine. `variables` are HOME and XDG_RUNTIME_DIR.
pub fn presence(root: &SystemRoot, variables: &BTreeMap<String, String>) -> Presence {
    let is_there = |path: &str| root.path(path).symlink_metadata().is_ok();
    let variable = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    let in_home = |path: &str| variable("HOME").is_some_and(|home| is_there(&format!("{home}/{path}")));
    let in_runtime = |path: &str| variable("XDG_RUNTIME_DIR").is_some_and(|at| is_there(&format!("{at}/{path}")));
    Presence {
        dockerd: program(root, "dockerd"),
        snap: is_there("snap/bin/docker"),
        podman_docker: is_podmans(root),
        desktop: is_there("opt/docker-desktop") || is_there("mnt/wsl/docker-desktop") || in_home(".docker/desktop"),
        rootless: in_runtime("docker.sock") || in_home(".config/systemd/user/docker.service"),
        systemd: is_there("run/systemd/system"),
        openrc: is_there("run/openrc/softlevel"),
        cgroups: root.cgroup_version().is_some(),
    }
}

/// Where a program lies.
pub fn program(root: &SystemRoot, name: &str) -> Option<String> {
    let mut paths = SEARCHED.iter().map(|folder| format!("{folder}/{name}"));
    paths.find(|path| root.path(path).is_file()).map(|path| format!("/{path}"))
}

/// Podman's `docker` is a short script that calls podman.
fn is_podmans(root: &SystemRoot) -> bool {
    let Some(docker) = program(root, "docker") else { return false };
    let path = root.path(&docker);
    let is_podman = |target: std::path::PathBuf| target.file_name().is_some_and(|name| name == "podman");
    if fs::read_link(&path).is_ok_and(is_podman) {
        return true;
    }
    let is_short = fs::metadata(&path).is_ok_and(|found| found.len() < 4096);
    is_short && fs::read_to_string(&path).is_ok_and(|text| text.contains("podman"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::system::root_with;

    fn found(files: &[(&str, &str)]) -> Presence {
        let (_folder, root) = root_with(files);
        let variables = [("HOME", "/home/ops"), ("XDG_RUNTIME_DIR", "/run/user/1000")];
        presence(&root, &variables.map(|(k, v)| (k.to_owned(), v.to_owned())).into())
    }

    #[test]
    fn a_bare_machine_has_nothing() {
        assert_eq!(found(&[]), Presence::default());
    }

    #[test]
    fn an_engine_that_is_installed_is_found_whether_it_runs_or_not() {
        let found = found(&[("usr/sbin/dockerd", ""), ("usr/bin/docker", "\u{7f}ELF"), ("run/systemd/system/x", "")]);
        assert_eq!(found.dockerd.as_deref(), Some("/usr/sbin/dockerd"));
        assert!(found.systemd && !found.openrc && !found.podman_docker);
    }

    #[test]
    fn an_init_system_is_known_by_what_it_keeps_while_it_runs() {
        assert!(found(&[("run/openrc/softlevel", "default")]).openrc);
        // Installed is not running.
        assert_eq!(found(&[("usr/bin/systemctl", ""), ("sbin/rc-service", "")]), Presence::default());
    }

    #[test]
    fn the_engines_of_others_are_told_apart() {
        assert!(found(&[("usr/bin/docker", "#!/bin/sh\nexec /usr/bin/podman \"$@\"\n")]).podman_docker);
        assert!(!found(&[("usr/bin/docker", "#!/bin/sh\nexec /opt/docker \"$@\"\n")]).podman_docker);
        assert!(found(&[("opt/docker-desktop/bin/com.docker.backend", "")]).desktop);
        assert!(found(&[("home/ops/.docker/desktop/log", "")]).desktop);
        assert!(found(&[("run/user/1000/docker.sock", "")]).rootless);
        assert!(found(&[("home/ops/.config/systemd/user/docker.service", "")]).rootless);
        assert!(found(&[("snap/bin/docker", "")]).snap);
    }

    #[test]
    fn podmans_docker_may_be_a_link() {
        let (_folder, root) = root_with(&[("usr/bin/podman", "\u{7f}ELF")]);
        std::os::unix::fs::symlink("podman", root.path("usr/bin/docker")).unwrap();
        assert!(presence(&root, &BTreeMap::new()).podman_docker);
    }
}
