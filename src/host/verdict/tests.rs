//! The verdicts as tables: a good machine, then one thing wrong at a time.
use super::*;
use crate::host::facts::*;
use crate::host::{OsRelease, Presence};
use crate::plan::{EngineFlavour, EngineHost, EngineInfo};
use crate::project::{ByteSize, OnShortfall, Resources};
use crate::target::TargetError;

const GIB: u64 = 1 << 30;

fn good() -> Facts {
    let engine = EngineInfo {
        address: "unix:///var/run/docker.sock".into(),
        version: "20.10.24".into(),
        api_version: "1.41".into(),
        architecture: "x86_64".into(),
        local: true,
        host: EngineHost { cgroup_version: "2".into(), limits_memory: true, ..Default::default() },
        ..Default::default()
    };
    let space = DiskSpace { free: 80 * GIB, total: 100 * GIB, free_inodes: 5_000_000, inodes: 6_000_000 };
    Facts {
        engine: Ok(engine),
        presence: Presence { dockerd: Some("/usr/sbin/dockerd".into()), cgroups: true, ..Default::default() },
        machine: MachineFacts {
            os: Some(OsRelease { id: "debian".into(), ..Default::default() }),
            user: "ops".into(),
            cpus: Ok(Limited { amount: 8.0, by: None }),
            memory: Ok(Limited { amount: 16 * GIB, by: None }),
            available: Ok(8 * GIB),
            kernel: Ok(KernelFacts { max_map_count: Some(262_144), overcommit_memory: Some(1) }),
            ..Default::default()
        },
        disks: vec![DiskFact { holds: ENGINE_DATA, path: "/var/lib/docker".into(), space: Ok(space) }],
        stack: StackFacts::default(),
        ports: Vec::new(),
        access: AccessFacts { project: "/srv/shop".into(), project_writable: Ok(true), env_files: Vec::new() },
        clock: ClockFacts { ours: 1_800_000_000, ahead: Ok(0.2) },
        dns: DnsFacts {
            name: "packages.example.org".into(),
            host: Ok(Lookup::Found("192.0.2.1".into())),
            proxied: false,
        },
    }
}

fn asked(on_shortfall: OnShortfall) -> Requirements {
    let resources = |cpus: f64, memory: u64, disk: u64| Resources {
        cpus: Some(cpus),
        memory: Some(ByteSize(memory * GIB)),
        disk: Some(ByteSize(disk * GIB)),
    };
    Requirements { minimum: resources(4.0, 8, 50), recommended: resources(8.0, 16, 70), on_shortfall }
}

/// Findings that are not simply well.
fn wrong(facts: &Facts) -> Vec<Finding> {
    let all = verdicts(facts, &asked(OnShortfall::Refuse));
    all.into_iter().filter(|finding| finding.verdict != Verdict::Ok).collect()
}

#[track_caller]
fn only(change: impl FnOnce(&mut Facts), check: &str, verdict: Verdict) -> Finding {
    let mut facts = good();
    change(&mut facts);
    let mut wrong = wrong(&facts);
    assert_eq!(wrong.len(), 1, "{wrong:#?}");
    let finding = wrong.remove(0);
    assert_eq!((finding.check, finding.verdict), (check, verdict), "{finding:?}");
    if verdict != Verdict::NotChecked {
        let remedy = finding.remedy.as_deref().unwrap_or_default();
        assert!(remedy.matches('`').count() >= 2, "a remedy holds a command: {finding:?}");
    }
    finding
}

#[test]
fn a_good_machine_has_nothing_wrong() {
    assert_eq!(wrong(&good()), []);
}

#[test]
fn shortfalls_fail_or_warn_as_the_environment_says() {
    let small = |facts: &mut Facts| {
        facts.machine.cpus = Ok(Limited { amount: 2.0, by: Some("control group") });
        facts.machine.memory = Ok(Limited { amount: 4 * GIB, by: None });
        facts.disks[0].space.as_mut().unwrap().free = 10 * GIB;
    };
    let mut facts = good();
    small(&mut facts);
    let verdict = |requirements: &Requirements| -> Vec<(&str, Verdict)> {
        let all = verdicts(&facts, requirements).into_iter();
        all.filter(|f| f.verdict != Verdict::Ok).map(|f| (f.check, f.verdict)).collect()
    };
    let all = |verdict: Verdict| [("cpus", verdict), ("memory", verdict), ("disk", verdict)];
    assert_eq!(verdict(&asked(OnShortfall::Refuse)), all(Verdict::Failed));
    assert_eq!(verdict(&asked(OnShortfall::Warn)), all(Verdict::Warning));
    assert_eq!(verdict(&Requirements::default()), []);
}

#[test]
fn less_than_recommended_is_a_warning() {
    let finding = only(|f| f.machine.cpus.as_mut().unwrap().amount = 6.0, "cpus", Verdict::Warning);
    assert_eq!(finding.wanted, "4 at least, 8 recommended");
    // What the kernel keeps of 16 GiB is no shortfall.
    let mut facts = good();
    facts.machine.memory = Ok(Limited { amount: 15 * GIB + GIB / 2, by: None });
    assert_eq!(wrong(&facts), []);
}

#[test]
fn a_smaller_environment_is_named_where_there_is_one() {
    let finding = only(
        |f| {
            f.machine.memory = Ok(Limited { amount: 4 * GIB, by: None });
            f.stack.lighter = Some("simple".into());
        },
        "memory",
        Verdict::Failed,
    );
    assert!(finding.remedy.unwrap().contains("`aictl start --env simple`"));
}

#[test]
fn no_disk_and_no_inodes_fail_whatever_is_asked() {
    let full = |f: &mut Facts| f.disks[0].space.as_mut().unwrap().free = GIB / 2;
    assert_eq!(only(full, "disk", Verdict::Failed).found, "512 MiB free of 100 GiB");
    let mut facts = good();
    full(&mut facts);
    let lenient = verdicts(&facts, &Requirements::default());
    assert!(lenient.iter().any(|f| f.check == "disk" && f.verdict == Verdict::Failed));
    only(|f| f.disks[0].space.as_mut().unwrap().free_inodes = 100, "inodes", Verdict::Failed);
    only(|f| f.disks[0].space.as_mut().unwrap().free_inodes = 150_000, "inodes", Verdict::Warning);
    let endless = |f: &mut Facts| {
        let space = f.disks[0].space.as_mut().unwrap();
        (space.free_inodes, space.inodes) = (0, 0);
    };
    let mut facts = good();
    endless(&mut facts);
    assert_eq!(wrong(&facts), [], "a file system that makes inodes as it needs them");
}

#[test]
fn little_free_memory_is_a_warning() {
    only(|f| f.machine.available = Ok(100 << 20), "memory", Verdict::Warning);
}

#[test]
fn kernel_settings_matter_only_to_those_who_need_them() {
    let low =
        |f: &mut Facts| f.machine.kernel = Ok(KernelFacts { max_map_count: Some(65_530), overcommit_memory: Some(0) });
    let mut facts = good();
    low(&mut facts);
    assert_eq!(wrong(&facts), []);
    let elastic = |single: bool| {
        move |f: &mut Facts| {
            low(f);
            f.stack.elasticsearch = Some(("search".into(), single));
        }
    };
    let finding = only(elastic(false), "kernel", Verdict::Failed);
    assert!(finding.remedy.unwrap().contains("`sudo sysctl -w vm.max_map_count=262144`"));
    only(elastic(true), "kernel", Verdict::Warning);
    let redis = |f: &mut Facts| {
        low(f);
        f.stack.redis = Some("cache".into());
        f.machine.is_root = true;
    };
    assert!(only(redis, "kernel", Verdict::Warning).remedy.unwrap().contains("`sysctl -w vm.overcommit_memory=1`"));
    let unseen = |f: &mut Facts| {
        f.stack.redis = Some("cache".into());
        f.machine.kernel = Err("the engine runs on another machine".into());
    };
    only(unseen, "kernel", Verdict::NotChecked);
}

fn down(reason: &str) -> Result<EngineInfo, TargetError> {
    Err(TargetError::Unreachable { address: "unix:///var/run/docker.sock".into(), reason: reason.into() })
}

fn forbidden() -> Result<EngineInfo, TargetError> {
    Err(TargetError::Forbidden { address: "unix:///var/run/docker.sock".into() })
}

#[test]
fn an_engine_that_does_not_answer_is_failed_with_the_way_to_start_it() {
    type Change = fn(&mut Facts);
    let remedies: [(&str, Change, &str); 7] = [
        (
            "No such file or directory",
            |f| f.presence.dockerd = None,
            "install it from the distribution's packages with `sudo aictl setup`",
        ),
        ("Connection refused", |_| {}, "start it with `sudo aictl setup`"),
        ("permission denied", |f| f.engine = forbidden(), "`sudo usermod -aG docker ops`"),
        ("No such file", |f| f.presence.desktop = true, "`systemctl --user start docker-desktop`"),
        ("No such file", |f| f.presence.rootless = true, "`systemctl --user start docker`"),
        ("No such file", |f| f.presence.podman_docker = true, "podman-docker"),
        (
            "No such file",
            |f| {
                f.presence.dockerd = None;
                f.machine.os = None;
            },
            "Docker Desktop",
        ),
    ];
    for (reason, change, words) in remedies {
        let finding = only(
            |f| {
                f.engine = down(reason);
                change(f);
            },
            "engine",
            Verdict::Failed,
        );
        assert!(finding.remedy.as_deref().unwrap().contains(words), "{reason}: {finding:?}");
        assert_eq!(finding.found, reason);
    }
}

#[test]
fn an_engine_elsewhere_or_too_old_has_its_own_remedy() {
    let old = TargetError::TooOld { address: "unix:///x".into(), found: "1.24".into(), needed: "1.41".into() };
    let finding = only(|f| f.engine = Err(old), "engine", Verdict::Failed);
    assert_eq!((finding.found.as_str(), finding.wanted.as_str()), ("API 1.24", "API 1.41 or newer"));
    assert!(finding.remedy.unwrap().contains("apt-get install docker.io"));
    let away = TargetError::Unreachable { address: "ssh://prod".into(), reason: "no route".into() };
    assert!(only(|f| f.engine = Err(away), "engine", Verdict::Failed).remedy.unwrap().contains("DOCKER_HOST"));
}

#[test]
fn engines_of_other_makers_are_named() {
    let as_flavour = |flavour: EngineFlavour| move |f: &mut Facts| f.engine.as_mut().unwrap().host.flavour = flavour;
    let missing = "it cannot attach to a container before it is started";
    let podman = TargetError::UnsupportedEngine { address: "unix:///x".into(), engine: "Podman 4.3.1".into(), missing };
    let finding = only(|f| f.engine = Err(podman), "engine", Verdict::Failed);
    assert_eq!(finding.found, format!("Podman 4.3.1: {missing}"));
    assert!(finding.remedy.unwrap().contains("docker context ls"));
    let said = |change: &dyn Fn(&mut Facts)| {
        let mut facts = good();
        change(&mut facts);
        verdicts(&facts, &Requirements::default()).remove(0).found
    };
    assert_eq!(said(&as_flavour(EngineFlavour::DockerDesktop)), "Docker Desktop 20.10.24, API 1.41");
    assert!(said(&|f| f.engine.as_mut().unwrap().host.rootless = true).ends_with(", rootless"));
    let old_groups = |f: &mut Facts| {
        let host = &mut f.engine.as_mut().unwrap().host;
        host.rootless = true;
        host.cgroup_version = "1".into();
    };
    only(old_groups, "engine", Verdict::Warning);
}

#[test]
fn a_platform_the_engine_cannot_run_fails_unless_it_is_emulated() {
    let arm = |f: &mut Facts| f.stack.platforms = vec![("api".into(), "linux/arm64/v8".into())];
    assert_eq!(only(arm, "architecture", Verdict::Failed).wanted, "linux/arm64/v8");
    let emulated = |f: &mut Facts| {
        arm(f);
        f.machine.emulated = vec!["aarch64".into()];
    };
    only(emulated, "architecture", Verdict::Warning);
    let mut facts = good();
    facts.stack.platforms = vec![("api".into(), "linux/amd64".into())];
    assert_eq!(wrong(&facts), []);
}

#[test]
fn limits_the_kernel_does_not_keep_are_a_warning() {
    let change = |f: &mut Facts| {
        f.stack.limited = 3;
        f.engine.as_mut().unwrap().host.limits_memory = false;
    };
    only(change, "memory limits", Verdict::Warning);
}

#[test]
fn control_groups_that_are_not_mounted_are_a_warning() {
    let mut facts = good();
    facts.engine = down("Connection refused");
    facts.presence.cgroups = false;
    let found: Vec<(&str, Verdict)> = wrong(&facts).iter().map(|f| (f.check, f.verdict)).collect();
    assert_eq!(found, [("engine", Verdict::Failed), ("control groups", Verdict::Warning)]);
}

#[test]
fn a_taken_port_names_its_holder_and_our_own_container_is_fine() {
    let with = |state: PortState| {
        move |f: &mut Facts| {
            f.ports = vec![PortFact { service: "api".into(), port: "127.0.0.1:8000/tcp".into(), holder: Ok(state) }];
        }
    };
    let process = PortState::Process { words: "`python3` (pid 77)".into(), pid: Some(77) };
    let finding = only(with(process), "port", Verdict::Failed);
    assert_eq!(finding.found, "held by `python3` (pid 77)");
    assert!(finding.remedy.unwrap().contains("`sudo kill 77`"));
    let helper = PortState::Process { words: "`docker-proxy` (pid 78)".into(), pid: Some(78) };
    let remedy = only(with(helper), "port", Verdict::Failed).remedy.unwrap();
    assert!(remedy.contains("`docker ps --filter publish=8000`") && !remedy.contains("kill"), "{remedy}");
    let hidden = PortState::Process { words: "a process of another user".into(), pid: None };
    assert!(only(with(hidden), "port", Verdict::Failed).remedy.unwrap().contains("'sport = :8000'"));
    let other = PortState::Container { name: "blog-web-1".into(), project: "blog".into() };
    assert!(only(with(other), "port", Verdict::Failed).remedy.unwrap().contains("`docker stop blog-web-1`"));
    for fine in [PortState::Free, PortState::Ours("shop-api-1".into())] {
        let mut facts = good();
        with(fine)(&mut facts);
        assert_eq!(wrong(&facts), []);
    }
}

#[test]
fn clocks_that_differ_warn_then_fail() {
    only(|f| f.clock.ahead = Ok(-10.0), "clock", Verdict::Warning);
    assert_eq!(only(|f| f.clock.ahead = Ok(90.0), "clock", Verdict::Failed).found, "90 s ahead of this machine");
    only(|f| f.clock.ours = 5, "clock", Verdict::Failed);
    only(|f| f.clock.ahead = Err("not reported by the engine".into()), "clock", Verdict::NotChecked);
}

#[test]
fn no_name_resolution_fails_only_where_something_must_be_fetched() {
    let silent = |f: &mut Facts| f.dns.host = Ok(Lookup::Silent("10.0.0.1 does not answer".into()));
    only(silent, "dns", Verdict::Warning);
    let missing = |f: &mut Facts| {
        silent(f);
        f.stack.missing_images = 2;
    };
    assert_eq!(only(missing, "dns", Verdict::Failed).found, "10.0.0.1 does not answer");
    let proxied = |f: &mut Facts| {
        missing(f);
        f.dns.proxied = true;
    };
    only(proxied, "dns", Verdict::Warning);
    only(|f| f.dns.host = Ok(Lookup::Unknown), "dns", Verdict::Warning);
}

#[test]
fn rights_and_modes_are_judged() {
    only(|f| f.access.project_writable = Ok(false), "permissions", Verdict::Warning);
    let open = |f: &mut Facts| f.access.env_files = vec![("/srv/my shop/.env".into(), 0o644)];
    let finding = only(open, "permissions", Verdict::Warning);
    assert_eq!(finding.found, "mode 0644");
    assert!(finding.remedy.unwrap().contains("`chmod 600 '/srv/my shop/.env'`"));
    only(|f| f.stack.unreadable = Some("variable X is not set".into()), "files", Verdict::Warning);
}

#[test]
fn what_cannot_be_looked_at_says_why() {
    let mut facts = good();
    let away = || "the engine runs on another machine".to_owned();
    facts.disks[0].space = Err(away());
    facts.dns.host = Err(away());
    facts.machine.cpus = Err(away());
    let found: Vec<(&str, Verdict, String)> =
        wrong(&facts).into_iter().map(|f| (f.check, f.verdict, f.found)).collect();
    let expected = ["cpus", "disk", "dns"].map(|check| (check, Verdict::NotChecked, away()));
    assert_eq!(found, expected);
}
