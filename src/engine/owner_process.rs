//! Whether the process that holds a lease is known to be gone, seen from this machine.
//! Reads what the owner said of itself and the kernel's account of processes; knows only those of our own namespace.
//! Never calls a process gone that it cannot see.

use std::path::Path;

use crate::release::LeaseOwner;

/// Whether the owner ran here since the last boot, in our process namespace, and its process is no more. Where that
/// cannot be seen, only its heartbeat tells.
pub(super) fn is_gone(owner: &LeaseOwner) -> bool {
    is_gone_in(Path::new("/proc"), owner)
}

fn is_gone_in(kernel: &Path, owner: &LeaseOwner) -> bool {
    let read = |path: &str| std::fs::read_to_string(kernel.join(path)).unwrap_or_default();
    let namespace = std::fs::read_link(kernel.join("self/ns/pid")).unwrap_or_default();
    let here = !owner.boot_id.is_empty()
        && owner.boot_id == read("sys/kernel/random/boot_id").trim()
        && owner.host == read("sys/kernel/hostname").trim()
        && !owner.pid_namespace.is_empty()
        && Path::new(&owner.pid_namespace) == namespace;
    if !here {
        return false;
    }
    let stat = read(&format!("{}/stat", owner.pid));
    // The name before the last bracket may hold anything.
    let mut fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default().split_whitespace();
    let state = fields.next().unwrap_or("X");
    let start = fields.nth(18).and_then(|ticks| ticks.parse::<u64>().ok());
    let another = owner.process_start != 0 && start.is_some_and(|start| start != owner.process_start);
    another || matches!(state, "Z" | "X" | "x")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("sys/kernel/random/boot_id", "b\n");
        write("sys/kernel/hostname", "ci\n");
        let stat =
            |state: &str, start: u32| format!("7 (a) b) {state} 1 7 7 0 -1 4 0 0 0 0 1 1 0 0 20 0 1 0 {start} 0 0\n");
        write("7/stat", &stat("S", 500));
        write("8/stat", &stat("Z", 500));
        std::fs::create_dir_all(root.path().join("self/ns")).unwrap();
        std::os::unix::fs::symlink("pid:[1]", root.path().join("self/ns/pid")).unwrap();
        root
    }

    fn owner(pid: u32) -> LeaseOwner {
        let (boot_id, host, pid_namespace) = ("b".to_owned(), "ci".to_owned(), "pid:[1]".to_owned());
        LeaseOwner { boot_id, host, pid, pid_namespace, process_start: 500, ..Default::default() }
    }

    #[test]
    fn only_a_process_that_would_be_seen_here_can_be_gone() {
        let kernel = kernel();
        let gone = |owner: &LeaseOwner| is_gone_in(kernel.path(), owner);
        assert!(!gone(&owner(7)), "it runs");
        assert!(gone(&owner(9)), "no such process");
        assert!(gone(&owner(8)), "a zombie does nothing any more");
        assert!(gone(&LeaseOwner { process_start: 400, ..owner(7) }), "its id was given to another process");
        for elsewhere in [
            LeaseOwner { pid_namespace: "pid:[2]".into(), ..owner(9) },
            LeaseOwner { pid_namespace: String::new(), ..owner(9) },
            LeaseOwner { host: "other".into(), ..owner(9) },
            LeaseOwner { boot_id: "earlier".into(), ..owner(9) },
        ] {
            assert!(!gone(&elsewhere), "{elsewhere:?}");
        }
    }

    #[test]
    fn this_process_is_not_gone() {
        let owner = LeaseOwner {
            host: std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned(),
            boot_id: std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().to_owned(),
            pid: std::process::id(),
            pid_namespace: crate::host::pid_namespace(),
            process_start: crate::host::process_start(),
            ..Default::default()
        };
        assert!(owner.process_start > 0 && !is_gone(&owner));
        assert!(is_gone(&LeaseOwner { process_start: owner.process_start - 1, ..owner }));
    }
}
