//! What a Linux machine says of itself: distribution, processors, memory and kernel settings.
//! Reads files under a root folder, `/` or a fixture's; a control group's limit counts where it is below the machine's.
//! Changes nothing; what a kernel does not report is absent.

use std::fs;
use std::path::{Path, PathBuf};

use super::amounts::{KernelFacts, Limited};

/// A folder that looks like `/`.
#[derive(Debug, Clone)]
pub struct SystemRoot(pub PathBuf);

/// What `/etc/os-release` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OsRelease {
    /// `debian`, `ubuntu`, `fedora`, `rhel`, …
    pub id: String,
    /// The distributions it descends from, nearest first.
    pub like: Vec<String>,
    /// `12`, `24.04`.
    pub version: String,
    /// As people call it: `Debian GNU/Linux 12 (bookworm)`.
    pub name: String,
}

impl OsRelease {
    /// Reads the text of an os-release file.
    pub fn parse(text: &str) -> Self {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
            line.map(|value| value.trim().trim_matches(['"', '\'']).to_owned()).unwrap_or_default()
        };
        let like = value("ID_LIKE").split_whitespace().map(str::to_owned).collect();
        Self { id: value("ID"), like, version: value("VERSION_ID"), name: value("PRETTY_NAME") }
    }

    /// Whether it is this distribution or descends from it.
    pub fn is(&self, id: &str) -> bool {
        self.id == id || self.like.iter().any(|like| like == id)
    }
}

impl SystemRoot {
    /// The running machine.
    pub fn of_this_machine() -> Self {
        Self(PathBuf::from("/"))
    }

    /// A path under the root; a leading slash is the root's own.
    pub fn path(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }

    pub(super) fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.path(path)).ok()
    }

    fn number(&self, path: &str) -> Option<u64> {
        self.text(path)?.trim().parse().ok()
    }

    /// The distribution.
    pub fn os_release(&self) -> Option<OsRelease> {
        let text = self.text("etc/os-release").or_else(|| self.text("usr/lib/os-release"))?;
        Some(OsRelease::parse(&text))
    }

    /// The kernel's release: `6.1.0-18-amd64`.
    pub fn kernel_release(&self) -> Option<String> {
        Some(self.text("proc/sys/kernel/osrelease")?.trim().to_owned())
    }

    /// `1`, `2`, or none where no control groups are mounted.
    pub fn cgroup_version(&self) -> Option<&'static str> {
        let mounts = self.text("proc/self/mounts")?;
        let of_kind = |kind: &str| {
            mounts.lines().any(|line| {
                let mut words = line.split(' ').skip(1);
                words.next().is_some_and(|at| at.starts_with("/sys/fs/cgroup")) && words.next() == Some(kind)
            })
        };
        // A hybrid machine mounts an empty second hierarchy beside the first, which does the work.
        if of_kind("cgroup") {
            return Some("1");
        }
        of_kind("cgroup2").then_some("2")
    }

    /// Processors this process and its like may use.
    pub fn cpus(&self) -> Option<Limited<f64>> {
        let online = self.text("sys/devices/system/cpu/online").and_then(|list| count_list(&list));
        let status = self.text("proc/self/status").unwrap_or_default();
        let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).and_then(count_list);
        let whole = online.or(allowed)?;
        let mut found = match allowed {
            // A kernel may allow processors that are not there.
            Some(allowed) if allowed < whole => Limited { amount: allowed, by: Some("processor affinity") },
            _ => Limited { amount: whole, by: None },
        };
        for folder in self.cgroup_folders("cpu") {
            if let Some(quota) = self.cpu_quota(&folder).filter(|quota| *quota < found.amount) {
                found = Limited { amount: quota, by: Some("control group") };
            }
        }
        Some(found)
    }

    /// Bytes of memory this process and its like may use.
    pub fn memory(&self) -> Option<Limited<u64>> {
        let total = self.meminfo("MemTotal")?;
        let limits = self.cgroup_folders("memory").into_iter().filter_map(|folder| {
            let limit = self.number(&format!("{folder}/memory.max"));
            limit.or_else(|| self.number(&format!("{folder}/memory.limit_in_bytes")))
        });
        // An unlimited group of the first version says a number near 2^63.
        Some(match limits.min().filter(|limit| *limit < total) {
            Some(limit) => Limited { amount: limit, by: Some("control group") },
            None => Limited { amount: total, by: None },
        })
    }

    /// Bytes of memory that are free or can be freed at once.
    pub fn available_memory(&self) -> Option<u64> {
        self.meminfo("MemAvailable")
    }

    fn meminfo(&self, key: &str) -> Option<u64> {
        let text = self.text("proc/meminfo")?;
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024)
    }

    /// Kernel settings.
    pub fn kernel(&self) -> KernelFacts {
        KernelFacts {
            max_map_count: self.number("proc/sys/vm/max_map_count"),
            overcommit_memory: self.number("proc/sys/vm/overcommit_memory"),
        }
    }

    /// Architectures besides its own that the kernel runs through an emulator, as `uname -m` calls them.
    pub fn emulated(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("proc/sys/fs/binfmt_misc")).into_iter().flatten().flatten();
        entries.filter_map(|entry| Some(entry.file_name().to_str()?.strip_prefix("qemu-")?.to_owned())).collect()
    }

    /// Whether the kernel confines programs by AppArmor's profiles.
    pub fn confines_programs(&self) -> bool {
        self.text("sys/module/apparmor/parameters/enabled").is_some_and(|enabled| enabled.trim() == "Y")
    }

    /// Number of the user this process runs as.
    pub fn user_id(&self) -> Option<u32> {
        let status = self.text("proc/self/status")?;
        let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        ids.split_whitespace().nth(1)?.parse().ok()
    }

    fn cpu_quota(&self, folder: &str) -> Option<f64> {
        if let Some(text) = self.text(&format!("{folder}/cpu.max")) {
            let (quota, period) = text.trim().split_once(' ')?;
            return Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?);
        }
        let quota: f64 = self.text(&format!("{folder}/cpu.cfs_quota_us"))?.trim().parse().ok()?;
        let period = self.number(&format!("{folder}/cpu.cfs_period_us"))? as f64;
        (quota > 0.0 && period > 0.0).then_some(quota / period)
    }

    /// The folders of this process's control group for a controller, up to the root: a limit of any of them counts.
    fn cgroup_folders(&self, controller: &str) -> Vec<String> {
        let text = self.text("proc/self/cgroup").unwrap_or_default();
        let entries: Vec<(&str, &str)> = text
            .lines()
            .filter_map(|line| {
                let mut parts = line.splitn(3, ':').skip(1);
                Some((parts.next()?, parts.next()?))
            })
            .collect();
        let first = entries.iter().find(|(names, _)| names.split(',').any(|name| name == controller));
        let (base, path) = match first {
            Some((names, path)) => (self.first_version_mount(names, controller), *path),
            None => match entries.iter().find(|(names, _)| names.is_empty()) {
                Some((_, path)) => ("sys/fs/cgroup".to_owned(), *path),
                None => return Vec::new(),
            },
        };
        // In a container the path may be the one of the outside; the mounted root is then its own group.
        let mut folders: Vec<String> = Path::new(path)
            .ancestors()
            .map(|folder| format!("{base}/{}", folder.display()).replace("//", "/"))
            .filter(|folder| self.path(folder).is_dir())
            .collect();
        folders.push(base);
        folders
    }

    /// `cpu,cpuacct` may be mounted under its whole name or under one of them.
    fn first_version_mount(&self, names: &str, controller: &str) -> String {
        let whole = format!("sys/fs/cgroup/{names}");
        if self.path(&whole).is_dir() { whole } else { format!("sys/fs/cgroup/{controller}") }
    }
}

/// How many numbers `0-3,8` names.
fn count_list(list: &str) -> Option<f64> {
    let parts = list.trim().split(',').filter(|part| !part.is_empty());
    let counts = parts.map(|part| match part.split_once('-') {
        Some((from, to)) => Some(to.trim().parse::<u32>().ok()?.checked_sub(from.trim().parse().ok()?)? + 1),
        None => part.trim().parse::<u32>().ok().map(|_| 1),
    });
    let sum = counts.sum::<Option<u32>>()?;
    (sum > 0).then(|| f64::from(sum))
}

/// A root folder with these files, for tests.
#[cfg(test)]
pub(super) fn root_with(files: &[(&str, &str)]) -> (tempfile::TempDir, SystemRoot) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let root = SystemRoot(folder.path().to_owned());
    (folder, root)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: (&str, &str) = ("sys/devices/system/cpu/online", "0-3\n");
    const STATUS: (&str, &str) = ("proc/self/status", "Name:\tx\nUid:\t1000\t0\t0\t0\nCpus_allowed_list:\t0-127\n");
    const MEMORY: (&str, &str) = ("proc/meminfo", "MemTotal:  8000000 kB\nMemFree: 1 kB\nMemAvailable:  2000 kB\n");

    #[test]
    fn the_whole_machine_counts_where_no_group_limits_it() {
        let (_folder, root) = root_with(&[FOUR, STATUS, MEMORY, ("proc/self/cgroup", "0::/\n")]);
        assert_eq!(root.cpus(), Some(Limited { amount: 4.0, by: None }));
        assert_eq!(root.memory(), Some(Limited { amount: 8_192_000_000, by: None }));
        assert_eq!((root.available_memory(), root.user_id()), (Some(2_048_000), Some(0)));
    }

    #[test]
    fn a_limit_of_the_second_version_counts_at_every_level() {
        let (_folder, root) = root_with(&[
            FOUR,
            STATUS,
            MEMORY,
            ("proc/self/cgroup", "0::/a/b\n"),
            ("proc/self/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"),
            ("sys/fs/cgroup/a/cpu.max", "150000 100000\n"),
            ("sys/fs/cgroup/a/memory.max", "1073741824\n"),
            ("sys/fs/cgroup/a/b/cpu.max", "max 100000\n"),
            ("sys/fs/cgroup/a/b/memory.max", "max\n"),
        ]);
        assert_eq!(root.cpus(), Some(Limited { amount: 1.5, by: Some("control group") }));
        assert_eq!(root.memory(), Some(Limited { amount: 1 << 30, by: Some("control group") }));
        assert_eq!(root.cgroup_version(), Some("2"));
    }

    #[test]
    fn a_limit_of_the_first_version_counts_and_its_unlimited_number_does_not() {
        let (_folder, root) = root_with(&[
            FOUR,
            STATUS,
            MEMORY,
            ("proc/self/cgroup", "4:memory:/outside/of/us\n2:cpu,cpuacct:/\n0::/\n"),
            (
                "proc/self/mounts",
                "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw\n",
            ),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        assert_eq!(root.cpus(), Some(Limited { amount: 2.0, by: Some("control group") }));
        assert_eq!(root.memory(), Some(Limited { amount: 8_192_000_000, by: None }));
        assert_eq!(root.cgroup_version(), Some("1"));
    }

    #[test]
    fn affinity_counts_too() {
        let (_folder, root) = root_with(&[FOUR, ("proc/self/status", "Cpus_allowed_list:\t0,2\n")]);
        assert_eq!(root.cpus(), Some(Limited { amount: 2.0, by: Some("processor affinity") }));
    }

    #[test]
    fn an_empty_root_knows_nothing_and_says_nothing() {
        let (_folder, root) = root_with(&[]);
        assert_eq!((root.cpus(), root.memory(), root.os_release()), (None, None, None));
        assert_eq!((root.kernel(), root.cgroup_version()), (KernelFacts::default(), None));
        assert!(root.emulated().is_empty());
    }

    #[test]
    fn kernel_settings_and_emulators_are_read() {
        let (_folder, root) = root_with(&[
            ("proc/sys/vm/max_map_count", "65530\n"),
            ("proc/sys/vm/overcommit_memory", "1\n"),
            ("proc/sys/fs/binfmt_misc/qemu-aarch64", "enabled\n"),
        ]);
        assert_eq!(root.kernel(), KernelFacts { max_map_count: Some(65530), overcommit_memory: Some(1) });
        assert_eq!(root.emulated(), ["aarch64"]);
    }

    #[test]
    fn this_machine_tells_its_resources() {
        let root = SystemRoot::of_this_machine();
        assert!(root.cpus().unwrap().amount > 0.0);
        assert!(root.memory().unwrap().amount > 64 << 20);
        assert!(root.kernel().max_map_count.is_some());
    }
}
