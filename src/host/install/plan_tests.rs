//! The plan of each distribution as a table, from the os-release files they ship.
use super::*;
use crate::error::Hint;
use crate::host::facts::KernelFacts;

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
    plan_setup(facts).unwrap().iter().map(SetupStep::command).collect()
}

fn lines(facts: &SetupFacts) -> String {
    plan_setup(facts).unwrap().iter().map(SetupStep::line).collect::<Vec<_>>().join("\n")
}

const APT: &str = "env DEBIAN_FRONTEND=noninteractive apt-get install -y -o DPkg::Lock::Timeout=300 \
                   --no-install-recommends docker.io ca-certificates";

#[test]
fn debian_and_its_kin_install_docker_io() {
    insta::assert_snapshot!(lines(&bare(DEBIAN)), @r"
    refresh package lists (the package may have moved): apt-get update
    install docker.io (no engine is installed on Debian GNU/Linux 12 (bookworm)): env DEBIAN_FRONTEND=noninteractive apt-get install -y -o DPkg::Lock::Timeout=300 --no-install-recommends docker.io ca-certificates
    start the engine (it is installed but stopped): systemctl enable --now docker
    await the engine (at most 90 s): docker version
    ");
    for text in [UBUNTU, MINT] {
        let expected = ["apt-get update", APT, "systemctl enable --now docker", "docker version"];
        assert_eq!(commands(&bare(text)), expected, "{text}");
    }
    let confined = SetupFacts { lacks_profiles: true, ..bare(UBUNTU) };
    assert_eq!(commands(&confined)[1], format!("{APT} apparmor"));
    let newer = bare("ID=debian\nVERSION_ID=\"13\"\n");
    assert_eq!(commands(&newer)[1], format!("{APT} docker-cli"));
}

#[test]
fn fedora_installs_moby_engine() {
    insta::assert_snapshot!(lines(&bare(FEDORA)), @r"
    install moby-engine (no engine is installed on Fedora Linux 41 (Server Edition)): dnf install -y moby-engine
    start the engine (it is installed but stopped): systemctl enable --now docker
    await the engine (at most 90 s): docker version
    ");
}

#[test]
fn amazon_linux_has_a_package_called_docker() {
    insta::assert_snapshot!(lines(&bare(AMAZON)), @r"
    install docker (no engine is installed on Amazon Linux 2023): dnf install -y docker || yum install -y docker
    start the engine (it is installed but stopped): systemctl enable --now docker
    await the engine (at most 90 s): docker version
    ");
}

#[test]
fn rhel_installs_what_dockers_own_repository_gives() {
    let facts = SetupFacts { offered: vec!["docker-ce".into()], ..bare(ROCKY) };
    insta::assert_snapshot!(lines(&facts), @r"
    install docker-ce (no engine is installed on Rocky Linux 9.4 (Blue Onyx)): dnf install -y docker-ce docker-ce-cli containerd.io
    start the engine (it is installed but stopped): systemctl enable --now docker
    await the engine (at most 90 s): docker version
    ");
}

#[test]
fn kin_of_rhel_install_what_their_repositories_have_and_never_podmans_docker() {
    for text in [ROCKY, RHEL] {
        let facts = bare(text);
        assert!(asks_repositories(&facts), "{text}");
        let refused = plan_setup(&facts).unwrap_err();
        assert!(matches!(refused, SetupError::NoPackage { .. }), "{refused:?}");
        assert!(refused.hints()[0].contains("/etc/yum.repos.d"));
        let offered = SetupFacts { offered: vec!["docker-ce".into()], ..bare(text) };
        assert_eq!(commands(&offered)[0], "dnf install -y docker-ce docker-ce-cli containerd.io");
        let moby = SetupFacts { offered: vec!["docker".into(), "moby-engine".into()], ..bare(text) };
        assert_eq!(commands(&moby)[0], "dnf install -y moby-engine");
    }
    assert!(!asks_repositories(&bare(DEBIAN)) && !asks_repositories(&bare(FEDORA)));
}

#[test]
fn a_distribution_nobody_knows_is_refused_by_its_name() {
    let refused = plan_setup(&bare(ALPINE)).unwrap_err();
    assert_eq!(refused.to_string(), "unsupported distribution Alpine Linux v3.20");
    assert_eq!(plan_setup(&SetupFacts { os: None, ..bare(DEBIAN) }), Err(SetupError::NotLinux));
}

#[test]
fn without_an_init_system_the_engine_is_started_by_hand_with_a_log() {
    let facts = SetupFacts { presence: Presence::default(), ..bare(DEBIAN) };
    let by_hand = lines(&facts).lines().skip(2).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(by_hand, @r"
    mount control groups (there is no init system to mount it): mount -t cgroup2 cgroup2 /sys/fs/cgroup
    start the engine (there is no init system; its process ID is in /var/run/docker.pid): dockerd >> /var/log/dockerd.log 2>&1 &
    await the engine (at most 90 s): docker version
    ");
    let optional: Vec<bool> = plan_setup(&facts).unwrap().iter().map(|step| step.optional).collect();
    assert_eq!(optional, [true, false, true, false, false]);
}

#[test]
fn openrc_starts_it_now_and_with_the_machine() {
    let presence = Presence { openrc: true, dockerd: Some("/usr/bin/dockerd".into()), ..Default::default() };
    let facts = SetupFacts { presence, ..bare(ALPINE) };
    assert_eq!(commands(&facts), ["rc-service docker start", "rc-update add docker default", "docker version"]);
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
        Presence { desktop: true, ..Default::default() },
        Presence { rootless: true, ..Default::default() },
        // Not even started beside it.
        Presence { rootless: true, dockerd: Some("/usr/bin/dockerd".into()), ..Default::default() },
    ];
    for presence in others {
        let refused = plan_setup(&SetupFacts { presence: presence.clone(), ..bare(DEBIAN) }).unwrap_err();
        assert!(matches!(refused, SetupError::Beside { .. }), "{presence:?}: {refused:?}");
    }
    let podman = Presence { podman_docker: true, ..Default::default() };
    let refused = plan_setup(&SetupFacts { presence: podman, ..bare(DEBIAN) }).unwrap_err();
    assert_eq!(refused, SetupError::PodmanDocker);
}

#[test]
fn an_engine_elsewhere_forbidden_or_too_old_is_not_set_up() {
    let refused = |engine: EngineState| plan_setup(&SetupFacts { engine, ..bare(DEBIAN) }).unwrap_err();
    let away = EngineState::Elsewhere { address: "ssh://prod".into(), reason: "no route".into() };
    assert!(matches!(refused(away), SetupError::Elsewhere { .. }));
    assert!(refused(EngineState::Forbidden).hints()[0].contains("usermod -aG docker ops"));
    assert!(matches!(refused(EngineState::TooOld { found: "1.24".into() }), SetupError::TooOld { .. }));
    let podman = EngineState::Unsupported { engine: "Podman 4.3.1".into(), missing: "y" };
    assert!(matches!(refused(podman), SetupError::UnsupportedEngine { .. }));
}

#[test]
fn kernel_settings_are_raised_only_where_a_service_needs_them_and_they_are_too_low() {
    let kernel = KernelFacts { max_map_count: Some(65_530), overcommit_memory: Some(0) };
    let up = SetupFacts { engine: EngineState::Answers, kernel, ..bare(DEBIAN) };
    assert_eq!(lines(&up), "");
    let asked = SetupFacts { map_count_for: Some("search".into()), overcommit_for: Some("cache".into()), ..up };
    insta::assert_snapshot!(lines(&asked), @r#"
    set vm.max_map_count (service `search` needs 262144, it is 65530): echo "262144" > /proc/sys/vm/max_map_count
    set vm.max_map_count for good (service `search` needs 262144, it is 65530): echo "vm.max_map_count = 262144" > /etc/sysctl.d/60-aictl-map-count.conf
    set vm.overcommit_memory (service `cache` needs 1, it is 0): echo "1" > /proc/sys/vm/overcommit_memory
    set vm.overcommit_memory for good (service `cache` needs 1, it is 0): echo "vm.overcommit_memory = 1" > /etc/sysctl.d/60-aictl-overcommit.conf
    "#);
    let enough = KernelFacts { max_map_count: Some(262_144), overcommit_memory: Some(2) };
    assert_eq!(lines(&SetupFacts { kernel: enough, ..asked }), "", "2 is an operator's choice");
}

#[test]
fn images_that_are_built_from_packages_need_mmdebstrap_on_debians_kin() {
    let facts = SetupFacts { built_image: Some("aictl/redis:7".into()), ..bare(DEBIAN) };
    let all = commands(&facts);
    assert_eq!(all.iter().filter(|command| *command == "apt-get update").count(), 1, "{all:?}");
    assert!(all.last().unwrap().ends_with("--no-install-recommends mmdebstrap"), "{all:?}");
    let up = SetupFacts { engine: EngineState::Answers, ..facts.clone() };
    assert_eq!(commands(&up).len(), 2, "lists are refreshed for it alone too");
    assert!(!commands(&SetupFacts { os: os(FEDORA), ..facts }).concat().contains("mmdebstrap"));
}
