//! The plan of each distribution as a table, from the os-release files they ship.
use super::*;
use crate::error::Hint;

fn os(text: &str) -> Option<OsRelease> {
    Some(OsRelease::parse(text))
}

const DEBIAN: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n";
const UBUNTU: &str = "PRETTY_NAME=\"Ubuntu 24.04.1 LTS\"\nVERSION_ID=\"24.04\"\nID=ubuntu\nID_LIKE=debian\n";
const MINT: &str = "PRETTY_NAME=\"Linux Mint 22\"\nVERSION_ID=\"22\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n";
const FEDORA: &str = "ID=fedora\nVERSION_ID=41\nPRETTY_NAME=\"Fedora Linux 41 (Server Edition)\"\n";
const ROCKY: &str =
    "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.4\"\nPRETTY_NAME=\"Rocky Linux 9.4 (Blue Onyx)\"\n";
const RHEL: &str =
    "ID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"9.4\"\nPRETTY_NAME=\"Red Hat Enterprise Linux 9.4\"\n";
const AMAZON: &str = "ID=\"amzn\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"2023\"\nPRETTY_NAME=\"Amazon Linux 2023\"\n";
const ALPINE: &str = "ID=alpine\nVERSION_ID=3.20.0\nPRETTY_NAME=\"Alpine Linux v3.20\"\n";

fn bare(text: &str) -> SetupFacts {
    SetupFacts {
        os: os(text),
        presence: Presence { systemd: true, cgroups: true, ..Default::default() },
        is_root: true,
        user: "ops".into(),
        ..Default::default()
    }
}

fn commands(facts: &SetupFacts) -> Vec<String> {
    plan_engine(facts).unwrap().iter().map(SetupStep::command).collect()
}

const APT: &str = "env DEBIAN_FRONTEND=noninteractive apt-get install -y -o DPkg::Lock::Timeout=300 \
                   --no-install-recommends docker.io ca-certificates";

#[test]
fn debian_and_its_kin_install_docker_io() {
    for text in [DEBIAN, UBUNTU, MINT] {
        let expected = ["apt-get update", APT, "systemctl enable --now docker", "docker version"];
        assert_eq!(commands(&bare(text)), expected, "{text}");
    }
    let confined = SetupFacts { lacks_profiles: true, ..bare(UBUNTU) };
    assert_eq!(commands(&confined)[1], format!("{APT} apparmor"));
}

#[test]
fn fedora_tries_both_names() {
    assert_eq!(commands(&bare(FEDORA))[0], "dnf install -y moby-engine || dnf install -y docker");
}

#[test]
fn amazon_linux_has_a_package_called_docker() {
    assert_eq!(commands(&bare(AMAZON))[0], "dnf install -y docker || yum install -y docker");
}

#[test]
fn kin_of_rhel_install_what_their_repositories_have_and_never_podmans_docker() {
    for text in [ROCKY, RHEL] {
        let facts = bare(text);
        assert!(asks_repositories(&facts), "{text}");
        let refused = plan_engine(&facts).unwrap_err();
        assert!(matches!(refused, SetupError::NoPackage { .. }), "{refused:?}");
        assert!(refused.hints()[0].contains("docker-ce.repo"));
        let offered = SetupFacts { offered: vec!["docker-ce".into()], ..bare(text) };
        assert_eq!(commands(&offered)[0], "dnf install -y docker-ce docker-ce-cli containerd.io");
        let moby = SetupFacts { offered: vec!["docker".into(), "moby-engine".into()], ..bare(text) };
        assert_eq!(commands(&moby)[0], "dnf install -y moby-engine");
    }
    assert!(!asks_repositories(&bare(DEBIAN)) && !asks_repositories(&bare(FEDORA)));
}

#[test]
fn a_distribution_nobody_knows_is_refused_by_its_name() {
    let refused = plan_engine(&bare(ALPINE)).unwrap_err();
    assert_eq!(refused.to_string(), "how Alpine Linux v3.20 installs a Docker engine is not known");
    assert_eq!(plan_engine(&SetupFacts { os: None, ..bare(DEBIAN) }), Err(SetupError::NotLinux));
}

#[test]
fn without_an_init_system_the_engine_is_started_by_hand_with_a_log() {
    let facts = SetupFacts { presence: Presence::default(), ..bare(DEBIAN) };
    let expected = [
        "apt-get update",
        APT,
        "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
        "dockerd >> /var/log/dockerd.log 2>&1 &",
        "docker version",
    ];
    assert_eq!(commands(&facts), expected);
    let optional: Vec<bool> = plan_engine(&facts).unwrap().iter().map(|step| step.optional).collect();
    assert_eq!(optional, [false, false, true, false, false]);
}

#[test]
fn an_engine_that_is_installed_is_only_started() {
    let installed = |presence: Presence| commands(&SetupFacts { presence, ..bare(DEBIAN) });
    let dockerd = Some("/usr/sbin/dockerd".to_owned());
    let systemd = Presence { dockerd: dockerd.clone(), systemd: true, ..Default::default() };
    assert_eq!(installed(systemd), ["systemctl enable --now docker", "docker version"]);
    let by_hand = Presence { dockerd, cgroups: true, ..Default::default() };
    assert_eq!(installed(by_hand), ["/usr/sbin/dockerd >> /var/log/dockerd.log 2>&1 &", "docker version"]);
    let snap = Presence { snap: true, systemd: true, ..Default::default() };
    assert_eq!(installed(snap), ["snap start docker", "docker version"]);
}

#[test]
fn an_engine_that_answers_needs_nothing() {
    assert_eq!(commands(&SetupFacts { engine: EngineState::Answers, ..bare(ALPINE) }), [""; 0]);
}

#[test]
fn nothing_is_put_beside_the_engine_of_others() {
    let others = [
        Presence { podman_docker: true, ..Default::default() },
        Presence { desktop: true, ..Default::default() },
        Presence { rootless: true, ..Default::default() },
        // Not even started beside it.
        Presence { rootless: true, dockerd: Some("/usr/bin/dockerd".into()), ..Default::default() },
    ];
    for presence in others {
        let refused = plan_engine(&SetupFacts { presence: presence.clone(), ..bare(DEBIAN) }).unwrap_err();
        assert!(matches!(refused, SetupError::Beside { .. }), "{presence:?}: {refused:?}");
    }
}

#[test]
fn an_engine_elsewhere_forbidden_or_too_old_is_not_set_up() {
    let refused = |engine: EngineState| plan_engine(&SetupFacts { engine, ..bare(DEBIAN) }).unwrap_err();
    let away = EngineState::Elsewhere { address: "ssh://prod".into(), reason: "no route".into() };
    assert!(matches!(refused(away), SetupError::Elsewhere { .. }));
    assert!(refused(EngineState::Forbidden).hints()[0].contains("usermod -aG docker ops"));
    assert!(matches!(refused(EngineState::TooOld { found: "1.24".into() }), SetupError::TooOld { .. }));
}

#[test]
fn the_map_count_is_raised_only_where_it_is_too_low() {
    assert_eq!(plan_map_count("search", 262_144), []);
    let commands: Vec<String> = plan_map_count("search", 65_530).iter().map(SetupStep::command).collect();
    let expected = [
        "echo '262144' > /proc/sys/vm/max_map_count",
        "echo 'vm.max_map_count = 262144' > /etc/sysctl.d/60-aictl.conf",
    ];
    assert_eq!(commands, expected);
}
