//! Addresses of repositories as restic writes them: a directory, `sftp:USER@HOST:/PATH`, `sftp://USER@HOST:PORT//PATH`, or
//! `s3:https://HOST/BUCKET/PREFIX`. Host and user of an ssh address follow the rules of ssh addresses of engines.

use std::fmt;
use std::path::PathBuf;

use crate::project::SshAddress;

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A directory of this machine.
    Directory(PathBuf),
    /// A directory of another machine, through its ssh server.
    Sftp(SftpAddress),
    /// Objects of a bucket.
    S3(S3Address),
}

/// A directory on an ssh server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SftpAddress {
    /// User, host and port.
    pub ssh: SshAddress,
    /// The directory; one that is not absolute is in the user's home directory.
    pub path: String,
}

/// Objects of a bucket whose keys begin with a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Address {
    /// Scheme, host and port.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// The prefix, without slashes around it; may be empty.
    pub prefix: String,
}

impl Address {
    /// The address that a text is; none where it names a directory. An error says what is wrong with it.
    pub fn remote(text: &str) -> Result<Option<Self>, String> {
        if let Some(rest) = text.strip_prefix("sftp:") {
            return SftpAddress::parse(rest).map(Self::Sftp).map(Some);
        }
        text.strip_prefix("s3:").map(|rest| S3Address::parse(rest).map(Self::S3)).transpose()
    }
}

impl SftpAddress {
    fn parse(rest: &str) -> Result<Self, String> {
        const FORM: &str = "an SFTP address is `sftp:USER@HOST:/PATH` or `sftp://USER@HOST:PORT//PATH`";
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_once('/').ok_or(FORM)?,
            None => {
                // The colons of an IPv6 address are in brackets.
                let host = rest.rfind(']').unwrap_or_default();
                let colon = host + rest.get(host..).and_then(|rest| rest.find(':')).ok_or(FORM)?;
                let path = &rest[colon + 1..];
                if path.split('/').next().is_some_and(|first| first.contains('@')) {
                    return Err("a password cannot be part of an SFTP address".to_owned());
                }
                (&rest[..colon], path)
            }
        };
        if authority.contains('/') || path.trim_matches('/').is_empty() {
            return Err(FORM.to_owned());
        }
        if path.chars().any(char::is_control) {
            return Err("the path of an SFTP address has a control character".to_owned());
        }
        let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
        Ok(Self { ssh: SshAddress::parse(authority)?, path: path.to_owned() })
    }
}

impl S3Address {
    fn parse(rest: &str) -> Result<Self, String> {
        const FORM: &str = "an S3 address is `s3:https://HOST/BUCKET/PREFIX`";
        let (scheme, rest) = match rest.split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) => (scheme, rest),
            Some(_) => return Err(FORM.to_owned()),
            None => ("https", rest),
        };
        let (host, path) = rest.split_once('/').ok_or(FORM)?;
        if host.contains('@') {
            return Err("credentials cannot be part of an S3 address: set AWS_ACCESS_KEY_ID".to_owned());
        }
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let legal = |text: &str, besides: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || besides.contains(c));
        if host.is_empty() || !legal(host, ".-_:[]") || bucket.is_empty() || !legal(bucket, ".-_") {
            return Err(FORM.to_owned());
        }
        let prefix = prefix.trim_matches('/');
        if prefix.chars().any(char::is_control) || prefix.split('/').any(|part| matches!(part, "." | "..")) {
            return Err("the prefix of an S3 address has a control character, `.` or `..`".to_owned());
        }
        Ok(Self { endpoint: format!("{scheme}://{host}"), bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::Sftp(SftpAddress { ssh, path }) => {
                let user = ssh.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
                let host = if ssh.host.contains(':') { format!("[{}]", ssh.host) } else { ssh.host.clone() };
                match ssh.port {
                    Some(port) => write!(f, "sftp://{user}{host}:{port}/{path}"),
                    None => write!(f, "sftp:{user}{host}:{path}"),
                }
            }
            Self::S3(S3Address { endpoint, bucket, prefix }) if prefix.is_empty() => {
                write!(f, "s3:{endpoint}/{bucket}")
            }
            Self::S3(S3Address { endpoint, bucket, prefix }) => write!(f, "s3:{endpoint}/{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_restic_reads_them_and_shown_so_that_they_are_read_again() {
        for (text, shown) in [
            ("sftp:ann@host:/srv/b", "sftp:ann@host:/srv/b"),
            ("sftp:host:b/c/", "sftp:host:b/c"),
            ("sftp://ann@host:2222//srv/b", "sftp://ann@host:2222//srv/b"),
            ("sftp://ann@host/b", "sftp:ann@host:b"),
            ("sftp:ann@[::1]:/b", "sftp:ann@[::1]:/b"),
            ("s3:https://h.example/bucket/a/b/", "s3:https://h.example/bucket/a/b"),
            ("s3:s3.amazonaws.com/bucket", "s3:https://s3.amazonaws.com/bucket"),
            ("s3:http://127.0.0.1:9000/bucket", "s3:http://127.0.0.1:9000/bucket"),
        ] {
            let address = Address::remote(text).unwrap().unwrap();
            assert_eq!(address.to_string(), shown, "{text}");
            assert_eq!(Address::remote(shown), Ok(Some(address)), "{text}");
        }
        for directory in ["/srv/b", "b", "~/b", "./sftp:x"] {
            assert_eq!(Address::remote(directory), Ok(None), "{directory}");
        }
    }

    #[test]
    fn what_ssh_or_a_shell_could_take_for_more_is_refused() {
        for text in [
            "sftp:-oProxyCommand=x:/b",
            "sftp:a@-h:/b",
            "sftp:$(x)@h:/b",
            "sftp:h;x:/b",
            "sftp:u:secret@h:/b",
            "sftp://u:secret@h//b",
            "sftp:h",
            "sftp:h:",
            "sftp:h:/",
            "sftp://h:22",
            "sftp:h:/b\n",
            "s3:https://h",
            "s3:https://h/",
            "s3:ftp://h/b",
            "s3:https://key:secret@h/b",
            "s3:https://h/b?x",
            "s3:https://h/b/../c",
        ] {
            let refused = Address::remote(text).unwrap_err();
            assert!(!refused.contains("secret"), "{text}: {refused}");
        }
    }
}
