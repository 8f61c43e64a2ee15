//! The one door to other programs of this machine; a test of the house keeps all others shut.
//! Reads the search path; returns a command whose program is an absolute path.
//! Never starts what lies in the folder of a project: relative parts of the search path do not count, here nor in the
//! program itself, and it starts in `/`, where no project's settings lie.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// Where programs are looked for without a search path.
const STANDARD: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program that can be started: a plain name from the search path, or an absolute path. It reads nothing and starts
/// in `/` unless the caller says otherwise. `NotFound` when it is not there.
pub fn command(program: &str) -> io::Result<Command> {
    let path = std::env::var("PATH").ok();
    command_in(program, path.as_deref())
}

/// The same with the search path of another environment.
pub fn command_in(program: &str, search_path: Option<&str>) -> io::Result<Command> {
    let search_path = absolute_parts(search_path);
    let mut command = Command::new(find(program, &search_path)?);
    command.env("PATH", search_path).current_dir("/").stdin(Stdio::null());
    Ok(command)
}

/// An empty part means the current directory too.
fn absolute_parts(search_path: Option<&str>) -> String {
    let parts: Vec<&str> =
        search_path.into_iter().flat_map(|path| path.split(':')).filter(|part| part.starts_with('/')).collect();
    if parts.is_empty() { STANDARD.to_owned() } else { parts.join(":") }
}

fn find(program: &str, search_path: &str) -> io::Result<PathBuf> {
    let absent = || io::Error::new(io::ErrorKind::NotFound, format!("no program `{program}` in {search_path}"));
    if program.starts_with('/') {
        return Some(PathBuf::from(program)).filter(|path| is_program(path)).ok_or_else(absent);
    }
    if program.is_empty() || program.contains('/') {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{program}` is not the name of a program")));
    }
    search_path
        .split(':')
        .map(|folder| Path::new(folder).join(program))
        .find(|path| is_program(path))
        .ok_or_else(absent)
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(folder: &Path, name: &str, text: &str) {
        std::fs::write(folder.join(name), format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The way to a folder from here, as `.` would be one.
    fn relative(folder: &Path) -> String {
        let up = std::env::current_dir().unwrap().components().skip(1).map(|_| "../").collect::<String>();
        format!("{up}{}", folder.display().to_string().trim_start_matches('/'))
    }

    #[tokio::test]
    async fn relative_parts_of_the_search_path_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        program(folder.path(), "ours", "echo \"$PATH $PWD\"");
        let relative = relative(folder.path());
        assert!(Path::new(&relative).join("ours").is_file(), "{relative}");
        for path in [relative.clone(), String::new(), ".".to_owned(), format!(":{relative}:")] {
            assert_eq!(command_in("ours", Some(&path)).unwrap_err().kind(), io::ErrorKind::NotFound, "{path}");
        }
        let absolute = folder.path().display().to_string();
        let path = format!(".:{relative}::{absolute}:/usr/bin");
        let output = command_in("ours", Some(&path)).unwrap().output().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{absolute}:/usr/bin /\n"));
    }

    #[test]
    fn a_program_is_a_name_or_an_absolute_path() {
        let folder = tempfile::tempdir().unwrap();
        program(folder.path(), "ours", "true");
        let absolute = folder.path().join("ours").display().to_string();
        assert!(command_in(&absolute, None).is_ok());
        assert!(command_in("sh", None).is_ok(), "without a search path the standard one");
        for wrong in ["", "./ours", "../ours", "x/ours", &relative(&folder.path().join("ours"))] {
            assert_eq!(command_in(wrong, None).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{wrong}");
        }
        std::fs::set_permissions(&absolute, std::fs::Permissions::from_mode(0o644)).unwrap();
        for absent in [absolute.as_str(), "no-such-program-here"] {
            assert_eq!(command_in(absent, None).unwrap_err().kind(), io::ErrorKind::NotFound, "{absent}");
        }
    }
}
