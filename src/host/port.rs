//! Finds out which process holds a port.
//! Reads the kernel's socket tables, then the open files of every process it may look at.
//! Never opens a socket itself.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Who holds a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortHolder {
    /// The address it is held on; `0.0.0.0` and `::` are all of them.
    pub address: IpAddr,
    /// Process id, when it can be seen: others' processes only by root.
    pub pid: Option<u32>,
    /// Name of the process.
    pub process: Option<String>,
}

impl std::fmt::Display for PortHolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.process, self.pid) {
            (Some(process), Some(pid)) => write!(f, "`{process}` (pid {pid})"),
            (None, Some(pid)) => write!(f, "process {pid}"),
            _ => f.write_str("a process of another user"),
        }
    }
}

/// Who listens on a port of this machine, on whatever address.
pub fn port_holder(port: u16, protocol: Protocol) -> Option<PortHolder> {
    holder_in(Path::new("/proc"), port, protocol)
}

/// Who keeps a port from being taken on one address (the unspecified one is all of them): who listens on that address
/// or on all.
pub fn port_holder_on(address: IpAddr, port: u16, protocol: Protocol) -> Option<PortHolder> {
    let proc = Path::new("/proc");
    let found = sockets(proc, port, protocol).into_iter().find(|socket| meet(socket.address, address))?;
    Some(holder_of(proc, &found))
}

fn holder_in(proc: &Path, port: u16, protocol: Protocol) -> Option<PortHolder> {
    let found = sockets(proc, port, protocol).into_iter().next()?;
    Some(holder_of(proc, &found))
}

/// Whether two listeners cannot both have a port. An IPv6 socket on all addresses usually takes those of IPv4 too.
fn meet(one: IpAddr, other: IpAddr) -> bool {
    one.is_unspecified() || other.is_unspecified() || one == other
}

fn sockets(proc: &Path, port: u16, protocol: Protocol) -> Vec<Socket> {
    let tables = match protocol {
        Protocol::Tcp => ["net/tcp", "net/tcp6"],
        Protocol::Udp => ["net/udp", "net/udp6"],
    };
    let texts = tables.iter().filter_map(|table| fs::read_to_string(proc.join(table)).ok());
    let of = |text: String| text.lines().skip(1).filter_map(|line| socket(line, protocol)).collect::<Vec<_>>();
    texts.flat_map(of).filter(|socket| socket.port == port).collect()
}

fn holder_of(proc: &Path, socket: &Socket) -> PortHolder {
    let pid = owner(proc, socket.inode);
    let process = pid.and_then(|pid| fs::read_to_string(proc.join(pid.to_string()).join("comm")).ok());
    let process = process.map(|name| name.trim_end().to_owned());
    PortHolder { address: socket.address, pid, process }
}

struct Socket {
    address: IpAddr,
    port: u16,
    inode: u64,
}

/// A line of a socket table, when it is one that holds its port: `sl local remote state … inode`.
fn socket(line: &str, protocol: Protocol) -> Option<Socket> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    // 0A is LISTEN; a bound UDP socket is 07.
    let state = match protocol {
        Protocol::Tcp => "0A",
        Protocol::Udp => "07",
    };
    if *fields.get(3)? != state {
        return None;
    }
    let (address, port) = fields.get(1)?.split_once(':')?;
    Some(Socket {
        address: parse_address(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// Addresses are words in the machine's byte order.
fn parse_address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let bytes = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
            let bytes: [u8; 16] = bytes.try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

/// The process that opened the socket. Children inherit it, and process ids wrap around: the oldest holder counts.
fn owner(proc: &Path, inode: u64) -> Option<u32> {
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir(proc).ok()?.flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let holders = pids.filter(|pid| {
        let files = fs::read_dir(proc.join(pid.to_string()).join("fd"));
        let mut links = files.into_iter().flatten().flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
        links.any(|link| link.as_os_str() == wanted.as_str())
    });
    holders.min_by_key(|pid| (start_time(proc, *pid).unwrap_or(u64::MAX), *pid))
}

/// Start time of a process in clock ticks since boot: field 22 of its `stat`, see proc(5).
fn start_time(proc: &Path, pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(proc.join(pid.to_string()).join("stat")).ok()?;
    // The name before it may contain spaces and parentheses.
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn a_child_that_inherited_the_socket_is_not_its_holder() {
        let proc = tempfile::tempdir().unwrap();
        for (pid, started) in [("300", 9000), ("40", 9500), ("7", 100)] {
            let inode = if pid == "7" { 1 } else { 42 };
            let folder = proc.path().join(pid);
            fs::create_dir_all(folder.join("fd")).unwrap();
            std::os::unix::fs::symlink(format!("socket:[{inode}]"), folder.join("fd/3")).unwrap();
            let zeros = "0 ".repeat(18);
            fs::write(folder.join("stat"), format!("{pid} (a (b) c) S {zeros}{started} 0\n")).unwrap();
        }
        assert_eq!(owner(proc.path(), 42), Some(300));
        assert_eq!(owner(proc.path(), 43), None);
    }

    #[test]
    fn the_holder_of_a_port_is_this_process() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let holder = port_holder(port, Protocol::Tcp).unwrap();
        assert_eq!((holder.address, holder.pid), (Ipv4Addr::LOCALHOST.into(), Some(std::process::id())));
        assert!(holder.to_string().contains(&format!("(pid {})", std::process::id())), "{holder}");
        drop(listener);
        // A child that another test starts at this moment holds the socket until it runs its program.
        let is_free = || {
            (0..100).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(20));
                port_holder(port, Protocol::Tcp).is_none()
            })
        };
        assert!(is_free());
    }

    #[test]
    fn a_listener_on_another_address_is_in_nobodys_way() {
        let listener = TcpListener::bind("127.0.0.2:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let on = |address: &str| port_holder_on(address.parse().unwrap(), port, Protocol::Tcp).is_some();
        assert!(on("127.0.0.2") && on("0.0.0.0") && on("::"));
        assert!(!on("127.0.0.3"));
    }

    #[test]
    fn udp_and_ipv6_are_seen_too() {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(port_holder(udp.local_addr().unwrap().port(), Protocol::Udp).is_some());
        let address = parse_address("00000000000000000000000001000000").unwrap();
        assert_eq!(address, IpAddr::from(Ipv6Addr::LOCALHOST));
        assert_eq!(parse_address("0100007F"), Some(Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn connections_and_broken_lines_hold_nothing() {
        let connected = "1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000 0 0 42 1";
        assert!(socket(connected, Protocol::Tcp).is_none());
        assert!(socket("", Protocol::Tcp).is_none());
        let listening = "1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 42 1";
        let held = socket(listening, Protocol::Tcp).unwrap();
        assert_eq!((held.port, held.inode), (8080, 42));
    }

    #[test]
    fn a_holder_nobody_may_look_at_is_said_to_be_somebody_elses() {
        let holder = PortHolder { address: Ipv4Addr::UNSPECIFIED.into(), pid: None, process: None };
        assert_eq!(holder.to_string(), "a process of another user");
    }
}
