//! Whether name resolution works: first as programs see it, then by asking the configured name servers themselves.
//! Reads resolv.conf under a root folder and looks one name up; returns an address, "no such name" or silence.
//! Never waits longer than a few seconds.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::facts::Lookup;
use super::system::SystemRoot;

/// The resolver library itself retries for longer.
const PATIENCE: Duration = Duration::from_secs(6);
/// For one name server.
const SERVER_PATIENCE: Duration = Duration::from_secs(2);

/// Looks a name up.
pub async fn look_up(root: &SystemRoot, name: &str) -> Lookup {
    let found = timeout(PATIENCE, tokio::net::lookup_host((name, 443))).await;
    if let Ok(Ok(mut addresses)) = found
        && let Some(address) = addresses.next()
    {
        return Lookup::Found(address.ip().to_string());
    }
    // The library has the same message for "no such name" and "no answer".
    let servers = name_servers(&root.text("etc/resolv.conf").unwrap_or_default());
    for server in &servers {
        if answers(SocketAddr::new(*server, 53), name).await {
            return Lookup::Unknown;
        }
    }
    let names: Vec<String> = servers.iter().map(IpAddr::to_string).collect();
    Lookup::Silent(match names.is_empty() {
        true => "/etc/resolv.conf names no name server".to_owned(),
        false => format!("{} {}", names.join(", "), if names.len() == 1 { "does not answer" } else { "do not answer" }),
    })
}

fn name_servers(text: &str) -> Vec<IpAddr> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    // `fe80::1%eth0` names an interface that an address alone cannot.
    lines.filter_map(|rest| rest.split_whitespace().next()?.parse().ok()).collect()
}

/// Whether a name server says anything at all.
async fn answers(server: SocketAddr, name: &str) -> bool {
    let ask = async {
        let here: SocketAddr = if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
        let socket = UdpSocket::bind(here).await?;
        socket.connect(server).await?;
        socket.send(&question(name)).await?;
        let mut answer = [0; 512];
        let length = socket.recv(&mut answer).await?;
        Ok::<bool, std::io::Error>(length >= 12 && answer[..2] == ID)
    };
    timeout(SERVER_PATIENCE, ask).await.is_ok_and(|answer| answer.unwrap_or(false))
}

const ID: [u8; 2] = [0x61, 0x69];

/// A question for an IPv4 address, recursion desired (RFC 1035, 4.1).
fn question(name: &str) -> Vec<u8> {
    let mut packet = vec![ID[0], ID[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let bytes = &label.as_bytes()[..label.len().min(63)];
        packet.push(bytes.len() as u8);
        packet.extend_from_slice(bytes);
    }
    packet.extend([0, 0, 1, 0, 1]);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(resolv: &str) -> (tempfile::TempDir, SystemRoot) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("etc")).unwrap();
        std::fs::write(folder.path().join("etc/resolv.conf"), resolv).unwrap();
        let root = SystemRoot(folder.path().to_owned());
        (folder, root)
    }

    #[test]
    fn name_servers_are_read_from_odd_files() {
        let text = "# made by hand\nsearch lan\nnameserver 127.0.0.53\n nameserver\t::1 # six\nnameserver nonsense\n";
        assert_eq!(name_servers(text), ["127.0.0.53".parse::<IpAddr>().unwrap(), "::1".parse().unwrap()]);
    }

    #[test]
    fn a_question_is_what_the_standard_says() {
        assert_eq!(&question("a.bc")[12..], [1, b'a', 2, b'b', b'c', 0, 0, 1, 0, 1]);
    }

    #[tokio::test]
    async fn a_name_that_resolves_has_an_address() {
        let (_folder, root) = root("");
        assert!(matches!(look_up(&root, "localhost").await, Lookup::Found(_)));
    }

    #[tokio::test]
    async fn no_name_server_and_a_silent_one_are_told() {
        let (_folder, none) = root("search lan\n");
        let Lookup::Silent(words) = look_up(&none, "does-not-exist.invalid").await else { panic!() };
        assert!(words.contains("no name server"), "{words}");
        // Nobody listens there.
        let (_folder, silent) = root("nameserver 127.0.0.99\n");
        let Lookup::Silent(words) = look_up(&silent, "does-not-exist.invalid").await else { panic!() };
        assert!(words.contains("127.0.0.99 does not answer"), "{words}");
    }

    #[tokio::test]
    async fn a_server_that_says_anything_is_alive() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let mut question = [0; 512];
            let (length, from) = server.recv_from(&mut question).await.unwrap();
            server.send_to(&question[..length], from).await.unwrap();
        });
        assert!(answers(address, "x.invalid").await);
        serving.await.unwrap();
    }
}
