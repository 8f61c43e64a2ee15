//! Explains a refused connection: reads /proc/net/tcp and tcp6 in the container and adds to the error where it listens.
//! In an image without `cat` the error stays as it is.

use std::collections::BTreeSet;

use super::{ProbeContext, ProbeError, exec};
use crate::plan::ObservedInstance;
use crate::target::{BoxDuplex, TargetError};

/// Ports listed at most.
const MAX_LISTED: usize = 8;

/// `TCP_LISTEN` in /proc/net/tcp.
const LISTEN: &str = "0A";

/// Address of a listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ListenAddress {
    AnyIpv4,
    AnyIpv6,
    Loopback,
    Other,
}

/// Connects to a port of the container; the error of a refused connection says where the container listens instead.
pub(super) async fn dial(
    context: &ProbeContext<'_>,
    container: &ObservedInstance,
    port: u16,
) -> Result<BoxDuplex, ProbeError> {
    let refused = match context.target.need_dial()?.dial(container, port).await {
        Err(refused @ TargetError::NotListening { .. }) => refused,
        dialled => return Ok(dialled?),
    };
    let command = ["cat", "/proc/net/tcp", "/proc/net/tcp6"].map(str::to_owned).to_vec();
    let table = exec::run(context, container, command, Vec::new()).await;
    let found = table.ok().and_then(|answer| instead(&listening(&answer.text), port));
    Err(match found {
        Some(found) => ProbeError::wrong(format!("{refused}: {found}")),
        None => refused.into(),
    })
}

/// The listening sockets in both tables.
fn listening(table: &str) -> BTreeSet<(u16, ListenAddress)> {
    let socket = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (local, state) = (words.next()?, words.nth(1)?);
        let (address, port) = local.split_once(':')?;
        (state == LISTEN).then_some((u16::from_str_radix(port, 16).ok()?, listen_address(address)?))
    };
    table.lines().filter_map(socket).collect()
}

/// The kernel writes addresses in words of the machine's byte order; both orders are recognised.
fn listen_address(address: &str) -> Option<ListenAddress> {
    let zero = address.chars().all(|digit| digit == '0');
    Some(match (address.len(), zero) {
        (8, true) => ListenAddress::AnyIpv4,
        (8, _) if address.ends_with("7F") || address.starts_with("7F") => ListenAddress::Loopback,
        (32, true) => ListenAddress::AnyIpv6,
        (32, _)
            if address[..24].chars().all(|digit| digit == '0') && matches!(&address[24..], "01000000" | "00000001") =>
        {
            ListenAddress::Loopback
        }
        (8 | 32, _) => ListenAddress::Other,
        _ => return None,
    })
}

/// Where the container listens instead of an address that can be reached on this port.
fn instead(listening: &BTreeSet<(u16, ListenAddress)>, port: u16) -> Option<String> {
    let here: Vec<ListenAddress> =
        listening.iter().filter(|(found, _)| *found == port).map(|(_, address)| *address).collect();
    let only = |address: ListenAddress| !here.is_empty() && here.iter().all(|found| *found == address);
    if only(ListenAddress::Loopback) {
        return Some(format!("it listens on loopback only, not on 0.0.0.0:{port}"));
    }
    if only(ListenAddress::AnyIpv6) {
        return Some(format!("it listens on IPv6 only, not on 0.0.0.0:{port}"));
    }
    if !here.is_empty() {
        return Some(format!("it listens on one of its addresses only, not on 0.0.0.0:{port}"));
    }
    let ports: BTreeSet<u16> =
        listening.iter().filter(|(_, r)| *r != ListenAddress::Loopback).map(|(port, _)| *port).collect();
    let listed: Vec<String> = ports.iter().take(MAX_LISTED).map(u16::to_string).collect();
    (!listed.is_empty()).then(|| format!("it listens on {}", listed.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n";

    fn said(lines: &[&str], port: u16) -> String {
        let table = format!("{HEAD}{}", lines.join("\n"));
        instead(&listening(&table), port).unwrap_or_default()
    }

    #[test]
    fn loopback_ipv6_and_other_ports_are_told_apart() {
        // 8000 is 1F40, 3000 is 0BB8.
        let loopback = "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0";
        let loopback6 =
            "   0: 00000000000000000000000001000000:1F40 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0";
        let any6 = "   0: 00000000000000000000000000000000:1F40 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0";
        let other = "   1: 00000000:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0";
        let talking = "   2: 0200000A:1F40 0300000A:9999 01 00000000:00000000 00:00000000 00000000     0";
        for (lines, expected) in [
            (&[loopback, other][..], "it listens on loopback only, not on 0.0.0.0:8000"),
            (&[loopback6, loopback], "it listens on loopback only, not on 0.0.0.0:8000"),
            (&[any6], "it listens on IPv6 only, not on 0.0.0.0:8000"),
            (&[other, talking], "it listens on 3000"),
            (&[talking], ""),
            (&[], ""),
        ] {
            assert_eq!(said(lines, 8000), expected, "{lines:?}");
        }
    }
}
