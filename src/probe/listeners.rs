//! What a container listens on, where nothing accepts on the port that was asked: another address, or other ports.
//! Reads /proc/net/tcp and tcp6 inside the container, with its own `cat`; returns the error that says what was found.
//! Never fails by itself: an image without `cat` leaves the error as it was.

use std::collections::BTreeSet;

use super::{ProbeContext, ProbeError, exec};
use crate::plan::ObservedInstance;
use crate::target::{BoxDuplex, TargetError};

/// More ports than these are not listed.
const MOST: usize = 8;

/// The state of a socket that listens, as the kernel writes it.
const LISTEN: &str = "0A";

/// Where a socket listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Every address of its kind.
    Ipv4,
    Ipv6,
    Loopback,
    /// One address that is none of loopback.
    One,
}

/// A stream to a port of the container; where nobody accepts, the error says on what it listens instead.
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

/// The sockets that listen, from both tables.
fn listening(table: &str) -> BTreeSet<(u16, Reach)> {
    let socket = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (local, state) = (words.next()?, words.nth(1)?);
        let (address, port) = local.split_once(':')?;
        (state == LISTEN).then_some((u16::from_str_radix(port, 16).ok()?, reach(address)?))
    };
    table.lines().filter_map(socket).collect()
}

/// Addresses stand in words of the machine's byte order; these are of a little-endian one, and of none for zeros.
fn reach(address: &str) -> Option<Reach> {
    let zero = address.chars().all(|digit| digit == '0');
    Some(match (address.len(), zero) {
        (8, true) => Reach::Ipv4,
        (8, _) if address.ends_with("7F") || address.starts_with("7F") => Reach::Loopback,
        (32, true) => Reach::Ipv6,
        (32, _)
            if address[..24].chars().all(|digit| digit == '0') && matches!(&address[24..], "01000000" | "00000001") =>
        {
            Reach::Loopback
        }
        (8 | 32, _) => Reach::One,
        _ => return None,
    })
}

/// What there is in place of the port that was asked.
fn instead(listening: &BTreeSet<(u16, Reach)>, port: u16) -> Option<String> {
    let here: Vec<Reach> = listening.iter().filter(|(found, _)| *found == port).map(|(_, reach)| *reach).collect();
    let only = |reach: Reach| !here.is_empty() && here.iter().all(|found| *found == reach);
    if only(Reach::Loopback) {
        return Some(format!("it listens on loopback only; let it listen on 0.0.0.0:{port}"));
    }
    if only(Reach::Ipv6) {
        return Some(format!("it listens on IPv6 only; let it listen on 0.0.0.0:{port}"));
    }
    if !here.is_empty() {
        return Some(format!("it listens on one of its addresses only; let it listen on 0.0.0.0:{port}"));
    }
    let ports: BTreeSet<u16> = listening.iter().filter(|(_, r)| *r != Reach::Loopback).map(|(port, _)| *port).collect();
    let listed: Vec<String> = ports.iter().take(MOST).map(u16::to_string).collect();
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
            (&[loopback, other][..], "it listens on loopback only; let it listen on 0.0.0.0:8000"),
            (&[loopback6, loopback], "it listens on loopback only; let it listen on 0.0.0.0:8000"),
            (&[any6], "it listens on IPv6 only; let it listen on 0.0.0.0:8000"),
            (&[other, talking], "it listens on 3000"),
            (&[talking], ""),
            (&[], ""),
        ] {
            assert_eq!(said(lines, 8000), expected, "{lines:?}");
        }
    }
}
