//! Addresses of engines that are reached by ssh: `ssh://[USER@]HOST[:PORT][/SOCKET]`.
//! Reads the text after the scheme; returns its parts, or which of them is not accepted.
//! A project names them, and both ssh's configuration and the shell on the other side read them: nothing that either
//! could take for more than a name, a number or a path is accepted.

/// The parts of an ssh address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAddress {
    /// Login.
    pub user: Option<String>,
    /// Host name, address, or an alias of ssh's configuration.
    pub host: String,
    /// Port.
    pub port: Option<u16>,
    /// Absolute path of the engine's socket there.
    pub socket: Option<String>,
}

/// The text after `ssh://`, when the address has this scheme.
pub fn after_ssh_scheme(address: &str) -> Option<&str> {
    let (scheme, rest) = address.trim().split_once("://")?;
    (scheme == "ssh").then_some(rest)
}

impl SshAddress {
    /// Reads what follows `ssh://`.
    pub fn parse(rest: &str) -> Result<Self, String> {
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, _)) if user.contains(':') => return Err("a password cannot be part of an ssh address".into()),
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        if let Some(user) = user.filter(|user| !is_word(user, "._-+@")) {
            return Err(format!("`{user}` is not a user name: letters, digits and `._-+@`, no `-` first"));
        }
        let (host, port) = host_and_port(place)?;
        let socket = Some(path).filter(|path| path.len() > 1);
        let sound = |path: &str| path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+@:,".contains(c));
        if let Some(path) = socket.filter(|path| !sound(path)) {
            return Err(format!("`{path}` is not the path of a socket: letters, digits and `/._-+@:,`"));
        }
        let owned = |text: &str| text.to_owned();
        Ok(Self { user: user.map(owned), host: owned(host), port, socket: socket.map(owned) })
    }
}

fn host_and_port(place: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or("`[` without `]`")?;
            let sound = host.contains(':') && is_word(&format!("x{host}"), ":.%_-");
            if !sound || !(after.is_empty() || after.starts_with(':')) {
                return Err(format!("`{place}` is not an IPv6 address and a port"));
            }
            (host, after.strip_prefix(':'))
        }
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    if !place.starts_with('[') && !is_word(host, "._-") {
        return Err(format!("`{host}` is not a host name: letters, digits and `._-`, no `-` first"));
    }
    let number = |port: &str| {
        let digits = port.chars().all(|c| c.is_ascii_digit());
        port.parse::<u16>().ok().filter(|port| digits && *port != 0).ok_or_else(|| format!("`{port}` is not a port"))
    };
    Ok((host, port.map(number).transpose()?))
}

/// ssh would read a leading dash as an option.
fn is_word(text: &str, besides: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || besides.contains(c);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let parts = |rest: &str| {
            let address = SshAddress::parse(rest).unwrap();
            (address.user.unwrap_or_default(), address.host, address.port, address.socket.unwrap_or_default())
        };
        let told =
            |user: &str, host: &str, port, socket: &str| (user.to_owned(), host.to_owned(), port, socket.to_owned());
        for (rest, expected) in [
            ("prod", told("", "prod", None, "")),
            ("prod/", told("", "prod", None, "")),
            (
                "deploy@prod:2222/run/user/1000/docker.sock",
                told("deploy", "prod", Some(2222), "/run/user/1000/docker.sock"),
            ),
            ("ann@corp.example@db_1.example.com", told("ann@corp.example", "db_1.example.com", None, "")),
            ("u@[fe80::1%eth0]:22/x", told("u", "fe80::1%eth0", Some(22), "/x")),
            ("[::1]", told("", "::1", None, "")),
        ] {
            assert_eq!(parts(rest), expected, "{rest}");
        }
    }

    #[test]
    fn whatever_a_shell_or_ssh_could_take_for_more_is_refused() {
        let words = [
            ";x",
            "$x",
            "${IFS}x",
            "`x`",
            "$(x)",
            "|x",
            "&x",
            ">x",
            "<x",
            " x",
            "\tx",
            "\nx",
            "\\x",
            "'x",
            "\"x",
            "*",
            "?x",
            "#x",
            "!x",
            "(x",
            "{x",
            "~x",
            "=x",
            "^x",
            "\u{e9}",
            "\0",
            "\u{1b}[1m",
            "%h",
            "%x",
        ];
        for word in words {
            for address in [
                format!("h/s{word}"),
                format!("h/{word}"),
                format!("u{word}@h"),
                format!("{word}@h"),
                format!("h{word}"),
                format!("u@{word}"),
                format!("h:22{word}"),
                format!("h:{word}/s"),
                format!("[::1{word}]:22"),
                format!("[::1]{word}"),
            ] {
                // The zone of an IPv6 address is written so.
                let zone = word.starts_with('%') && address.starts_with("[::1%");
                assert_eq!(SshAddress::parse(&address).is_ok(), zone, "{address}");
            }
        }
        for address in [
            "",
            "/s",
            "@h",
            "-oProxyCommand=x",
            "-h",
            "u@-h",
            "-u@h",
            "u:secret@h",
            "h:",
            "h:0",
            "h:+1",
            "h:65536",
            "a:b:c",
            "[-x]",
            "[]",
            "[::1",
            "[::1]x",
        ] {
            let refused = SshAddress::parse(address).unwrap_err();
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
