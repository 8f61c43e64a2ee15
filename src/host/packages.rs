//! Where this machine's package manager gets packages from: the first host its sources name.
//! Reads apt's sources (both formats) and dnf's repositories under a root folder; returns a host name.
//! Never asks the host anything, and names none of its own.

use std::fs;

use super::system::SystemRoot;

/// The host of the first package source; none where sources are local files, or unknown.
pub fn package_host(root: &SystemRoot) -> Option<String> {
    let mut files = vec!["etc/apt/sources.list".to_owned()];
    for (folder, endings) in [("etc/apt/sources.list.d", &["list", "sources"][..]), ("etc/yum.repos.d", &["repo"])] {
        files.extend(files_of(root, folder, endings));
    }
    files.iter().find_map(|file| root.text(file)?.lines().find_map(host_of_line))
}

/// A folder's files with one of the endings, in the order of their names, as apt and dnf read them.
fn files_of(root: &SystemRoot, folder: &str, endings: &[&str]) -> Vec<String> {
    let entries = fs::read_dir(root.path(folder)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter(|name| name.rsplit_once('.').is_some_and(|(_, ending)| endings.contains(&ending))).collect();
    names.sort();
    names.iter().map(|name| format!("{folder}/{name}")).collect()
}

/// `deb [signed-by=…] http://host/path suite`, `URIs: https://host/path`, `baseurl=https://host/path`.
fn host_of_line(line: &str) -> Option<String> {
    let line = line.trim();
    let (key, rest) = line.split_once([' ', ':', '='])?;
    if !["deb", "URIs", "baseurl", "mirrorlist", "metalink"].contains(&key) {
        return None;
    }
    let address = rest.split("://").nth(1)?;
    let host = address.split(['/', ':', ' ']).next()?;
    // Credentials may stand before the host.
    let host = host.rsplit('@').next()?;
    (!host.is_empty() && !host.contains('$')).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::system::root_with;

    #[test]
    fn the_first_source_of_apt_or_dnf_names_the_host() {
        let list =
            "# deb http://old.example.org/x y\ndeb [arch=amd64] http://packages.example.org/debian bookworm main\n";
        let deb822 = "Types: deb\nURIs: https://mirror.example.org:8443/debian\nSuites: bookworm\n";
        let repo = "[base]\nname=Base\nbaseurl=https://rpm.example.org/$releasever\n";
        type Files<'f> = &'f [(&'f str, &'f str)];
        let cases: &[(Files<'_>, Option<&str>)] = &[
            (&[], None),
            (&[("etc/apt/sources.list", list)], Some("packages.example.org")),
            (
                &[("etc/apt/sources.list", ""), ("etc/apt/sources.list.d/debian.sources", deb822)],
                Some("mirror.example.org"),
            ),
            (&[("etc/apt/sources.list.d/debian.sources.save", deb822)], None),
            (&[("etc/apt/sources.list", "deb file:/media/disc bookworm main\n")], None),
            (&[("etc/yum.repos.d/base.repo", repo)], Some("rpm.example.org")),
            (&[("etc/yum.repos.d/base.repo", "baseurl=https://$host/x\n")], None),
        ];
        for (files, expected) in cases {
            let (_folder, root) = root_with(files);
            assert_eq!(package_host(&root).as_deref(), *expected, "{files:?}");
        }
    }
}
