//! Open connections in the text of /proc/net/tcp and tcp6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// ESTABLISHED, SYN_SENT, SYN_RECV.
const OPEN: [&str; 3] = ["01", "02", "03"];

/// How many open connections lead to one of the addresses.
pub(super) fn open(table: &str, addresses: &[IpAddr]) -> usize {
    let leads = |line: &&str| {
        let mut columns = line.split_whitespace().skip(2);
        let (remote, state) = (columns.next(), columns.next());
        let is_open = state.is_some_and(|state| OPEN.contains(&state));
        is_open && remote.and_then(address).is_some_and(|remote| addresses.contains(&remote))
    };
    table.lines().filter(leads).count()
}

/// `020012AC:1F40`: words of four bytes in the byte order of the machine.
fn address(remote: &str) -> Option<IpAddr> {
    let (digits, _) = remote.split_once(':')?;
    let bytes = hex::decode(digits).ok()?;
    let mut ordered = Vec::new();
    for word in bytes.chunks_exact(4) {
        let word = u32::from_be_bytes([word[0], word[1], word[2], word[3]]);
        ordered.extend_from_slice(&if cfg!(target_endian = "little") { word.swap_bytes() } else { word }.to_be_bytes());
    }
    match ordered.len() {
        4 => Some(IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(ordered).ok()?))),
        16 => Some(IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(ordered).ok()?)).to_canonical()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 030012AC:9C40 020012AC:1F40 01 00000000:00000000 00:00000000 00000000   101        0 2 1
   2: 030012AC:9C42 020012AC:1F40 06 00000000:00000000 00:00000000 00000000   101        0 0 1
   3: 030012AC:9C44 040012AC:1F40 01 00000000:00000000 00:00000000 00000000   101        0 3 1
";
    const SIX: &str = "  sl  local_address                         remote_address                        st
   0: 0000000000000000FFFF0000030012AC:9C40 0000000000000000FFFF0000020012AC:1F40 01 00000000:00000000
";

    #[test]
    fn only_open_connections_to_the_address_count() {
        let address = [IpAddr::from([172, 18, 0, 2])];
        assert_eq!(open(FOUR, &address), 1);
        assert_eq!(open(SIX, &address), 1);
        assert_eq!(open(FOUR, &[IpAddr::from([172, 18, 0, 9])]), 0);
    }
}
