//! The operator's machine: who holds a port, who is logged in, which boot this is; what it has and whether it is enough.
//! Reads /proc, /sys, /etc and file systems; returns facts, as many as can be seen without rights, and verdicts on them.
//! Never changes the machine, and never fails: what cannot be seen is absent or says why.

mod amounts;
pub mod browser;
mod disk;
mod dns;
pub mod facts;
pub mod git;
pub mod install;
mod installed_engines;
mod packages;
mod port;
mod system;
pub mod verdict;

use std::fs;
use std::path::Path;

pub use disk::{disk_space, is_open_to_others, is_writable, mode};
pub use dns::look_up;
pub use installed_engines::{Presence, presence, program};
pub use packages::package_host;
pub use port::{PortHolder, Protocol, port_holder, port_holder_on};
pub use system::{OsRelease, SystemRoot};

/// Id of the running boot: with it a process id names one process for ever. Empty if the kernel has none.
pub fn boot_id() -> String {
    first_line(Path::new("/proc/sys/kernel/random/boot_id")).unwrap_or_default()
}

/// Name of the machine.
pub fn host_name() -> String {
    first_line(Path::new("/proc/sys/kernel/hostname")).unwrap_or_else(|| "unknown".to_owned())
}

/// Login name of the user this process runs as, or the number where it has none.
pub fn user_name() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let id = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().next()).unwrap_or("?");
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    user_of(id, &passwd).unwrap_or(id).to_owned()
}

/// Whether a process of this machine is alive; a zombie is not.
pub fn process_alive(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    !matches!(state_of(&stat), Some('Z' | 'X' | 'x') | None)
}

/// The process namespace this process is in, as the kernel names it; empty where it does not say.
pub fn pid_namespace() -> String {
    fs::read_link("/proc/self/ns/pid").map(|link| link.display().to_string()).unwrap_or_default()
}

/// When this process began, in ticks since boot; 0 where the kernel does not say.
pub fn process_start() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name before the last bracket may hold anything.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    fields.split_whitespace().nth(19).and_then(|ticks| ticks.parse().ok()).unwrap_or_default()
}

/// Whether this process was started with a signal ignored, as `nohup` does.
pub fn ignores_signal(number: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or_default();
    let bit = u32::try_from(number - 1).unwrap_or(u32::MAX);
    mask.checked_shr(bit).is_some_and(|rest| rest & 1 == 1)
}

fn first_line(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}

fn user_of<'p>(id: &str, passwd: &'p str) -> Option<&'p str> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then_some(name)
    })
}

/// The state letter follows the name in parentheses, which may hold anything.
fn state_of(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_name_a_boot_and_a_user() {
        assert_eq!(boot_id().len(), 36);
        assert!(!host_name().is_empty());
        assert!(!user_name().is_empty() && user_name() != "?");
    }

    #[test]
    fn ignored_signals_are_seen() {
        // Rust's runtime ignores SIGPIPE; SIGKILL cannot be.
        assert!(ignores_signal(13));
        assert!(!ignores_signal(9) && !ignores_signal(0) && !ignores_signal(200));
    }

    #[test]
    fn a_process_lives_until_it_ends_even_unwaited() {
        assert!(process_alive(std::process::id()));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while process_alive(child.id()) && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert!(!process_alive(child.id()));
        child.wait().unwrap();
        assert!(!process_alive(child.id()));
    }

    #[test]
    fn names_and_states_are_found_in_odd_lines() {
        assert_eq!(user_of("1000", "root:x:0:0::/:\nops:x:1000:1000::/home/ops:/bin/sh\n"), Some("ops"));
        assert_eq!(user_of("7", "root:x:0:0::/:\n"), None);
        assert_eq!(state_of("12 (a ) b) S 1 2"), Some('S'));
    }
}
