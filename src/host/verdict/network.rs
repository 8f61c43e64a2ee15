//! Judges ports, name resolution and clocks.
//! Reads facts; returns findings.
//! Never takes a port held by this project's own container for a conflict.

use super::finding::{Finding, as_root};
use crate::host::facts::{Facts, Lookup, PortFact, PortState};

/// Beyond this many seconds tokens and certificates of one side look wrong to the other.
const SKEW_FAILED: f64 = 60.0;
const SKEW_WARNED: f64 = 3.0;
/// The start of 2025: a clock before it was never set.
const NEVER_SET: i64 = 1_735_689_600;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = facts.ports.iter().map(|port| self::port(facts, port)).collect();
    findings.push(clock(facts));
    findings.push(resolver(facts));
    findings
}

/// Programs of container engines that listen on published ports.
pub const PORT_PROXIES: [&str; 4] = ["docker-proxy", "rootlesskit", "rootlessport", "conmon"];

/// The port number in `127.0.0.1:8000/tcp`.
fn number_of(port: &str) -> &str {
    port.rsplit(':').next().unwrap_or_default().split('/').next().unwrap_or_default()
}

fn port(facts: &Facts, port: &PortFact) -> Finding {
    let looked_at = format!("{} {}", port.service, port.port);
    let state = match &port.holder {
        Ok(state) => state,
        Err(why) => return Finding::unseen("port", looked_at, why),
    };
    let finding = |found: String| Finding::new("port", looked_at.clone(), found).wanted("free");
    let or_another = "or publish another port";
    match state {
        PortState::Free => finding("free".to_owned()),
        PortState::Ours(container) => finding(format!("held by this project's own `{container}`")),
        PortState::Container { name, project } => {
            let found = match project.is_empty() {
                true => format!("held by container `{name}`"),
                false => format!("held by container `{name}` of project `{project}`"),
            };
            finding(found).failed(format!("stop it (`docker stop {name}`), {or_another}"))
        }
        // Killing the proxy would leave its container without the port.
        PortState::Process { words, .. } if PORT_PROXIES.iter().any(|name| words.contains(name)) => {
            let number = number_of(&port.port);
            let find = format!("find its container (`docker ps --filter publish={number}`) and stop it, {or_another}");
            finding(format!("held by {words}")).failed(find)
        }
        PortState::Process { words, pid } => {
            let number = number_of(&port.port);
            let stop = match pid {
                Some(pid) => format!("stop it ({})", as_root(facts, &format!("kill {pid}"))),
                None => format!("find the process ({})", as_root(facts, &format!("ss -lnp 'sport = :{number}'"))),
            };
            finding(format!("held by {words}")).failed(format!("{stop}, {or_another}"))
        }
    }
}

fn clock(facts: &Facts) -> Finding {
    let set = as_root(facts, "timedatectl set-ntp true");
    if facts.clock.ours < NEVER_SET {
        let finding = Finding::new("clock", "this machine", format!("{} seconds after 1970", facts.clock.ours));
        return finding.wanted("the time").failed(format!("certificates are rejected with a wrong clock: {set}"));
    }
    let ahead = match &facts.clock.ahead {
        Ok(ahead) => *ahead,
        Err(why) => return Finding::unseen("clock", "engine", why),
    };
    let words = match ahead {
        a if a.abs() < 1.0 => "equal to this machine".to_owned(),
        a if a > 0.0 => format!("{a:.0} s ahead of this machine"),
        a => format!("{:.0} s behind this machine", -a),
    };
    let finding = Finding::new("clock", "engine", words).wanted(format!("within {SKEW_WARNED:.0} s"));
    match ahead.abs() {
        skew if skew > SKEW_FAILED => finding.failed(format!("on both machines: {set}")),
        skew if skew > SKEW_WARNED => finding.warning(format!("on both machines: {set}")),
        _ => finding,
    }
}

fn resolver(facts: &Facts) -> Finding {
    let dns = &facts.dns;
    let found = match &dns.host {
        Ok(found) => found,
        Err(why) => return Finding::unseen("dns", &dns.name, why),
    };
    let ask = format!("`getent hosts {}`", dns.name);
    let needed = facts.stack.missing_images > 0 && !dns.proxied;
    let finding = Finding::new("dns", &dns.name, words(found)).wanted("an address");
    match found {
        Lookup::Found(_) => finding,
        Lookup::Unknown => finding.warning(format!("names on other networks may still resolve: {ask}")),
        // With every image there, or a proxy that resolves names itself, nothing has to be looked up.
        Lookup::Silent(_) => {
            let remedy = format!("set a name server in /etc/resolv.conf, then try {ask}");
            if needed { finding.failed(remedy) } else { finding.warning(remedy) }
        }
    }
}

fn words(found: &Lookup) -> String {
    match found {
        Lookup::Found(address) => address.clone(),
        Lookup::Unknown => "no such name".to_owned(),
        Lookup::Silent(why) => why.clone(),
    }
}
