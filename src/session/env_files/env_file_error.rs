//! What keeps an env file from being read or written, and the command that mends it.
//! Reads what the system said and the owner of the place; returns an error with a hint.
//! Never shows what is in the file.

use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::session::context::{quoted_word, shown};
use crate::session::{Context, WorkflowError};

/// Links that lead to one another end here, as they do for the system.
const MOST_LINKS: usize = 40;

/// Refuses what is no file: a named pipe would be waited for, and a device replaced by a file.
pub fn refuse_irregular(context: &Context, path: &Path) -> Result<(), Error> {
    let Ok(found) = path.metadata() else { return Ok(()) };
    let reason = match (found.is_file(), found.is_dir()) {
        (true, _) => return Ok(()),
        (_, true) => "it is a directory, not a file",
        _ => "not a regular file",
    };
    Err(told(context, path, reason, move_away(context, path)))
}

/// A file that is there and cannot be read.
pub fn unreadable(context: &Context, path: &Path, error: &io::Error) -> Error {
    let hint = match error.kind() {
        // A chain of links without an end.
        _ if path.metadata().is_err() && path.is_symlink() => move_away(context, path),
        ErrorKind::PermissionDenied => permitted(context, path, "r"),
        _ => look(context, path),
    };
    told(context, path, &error.to_string(), hint)
}

/// A file in another encoding.
pub fn not_text(context: &Context, path: &Path) -> Error {
    let name = quoted_word(&shown(context, path));
    let hint = format!("convert it with `iconv -f LATIN1 -t UTF-8 {name} >{name}.utf8`");
    told(context, path, "it is not valid UTF-8", hint)
}

/// Where a file that does not exist is to be written: at the end of the links that lead nowhere yet.
pub fn end_of_links(path: &Path) -> PathBuf {
    let mut end = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(next) = end.read_link() else { break };
        end = end.parent().unwrap_or(Path::new("")).join(next);
    }
    end
}

/// A file that cannot be written; `place` is where a link leads.
pub fn unwritable(context: &Context, path: &Path, place: &Path, error: &io::Error) -> Error {
    let folder = place.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let written = quoted_word(&shown(context, folder));
    let hint = match error.kind() {
        ErrorKind::NotFound => format!("create its directory with `mkdir -p {written}`"),
        ErrorKind::PermissionDenied => permitted(context, folder, "w"),
        ErrorKind::ReadOnlyFilesystem => {
            format!("find the read-only mount with `findmnt -T {written}`, or use another file with `--env-file FILE`")
        }
        ErrorKind::StorageFull => format!("free some space (check with `df -h {written}`)"),
        // Somebody else wrote to it meanwhile.
        ErrorKind::InvalidData | ErrorKind::AlreadyExists => {
            format!("then run `{} secrets generate` again", context.options.command())
        }
        _ => look(context, folder),
    };
    if place == path || path.exists() {
        return told(context, path, &error.to_string(), hint);
    }
    let (name, place) = (shown(context, path), shown(context, place));
    let message = format!("`{name}` is a link to `{place}`, which cannot be created: {error}");
    WorkflowError::Refused { message, hint: Some(hint) }.into()
}

fn told(context: &Context, path: &Path, reason: &str, hint: String) -> Error {
    Error::from(WorkflowError::File { path: shown(context, path), reason: reason.to_owned() }).with_hint(hint)
}

fn move_away(context: &Context, path: &Path) -> String {
    let name = shown(context, path);
    let (from, to) = (quoted_word(&name), quoted_word(&format!("{name}.away")));
    let command = context.options.command();
    format!("move it away with `mv {from} {to}`, then run `{command} secrets generate`")
}

fn permitted(context: &Context, path: &Path, right: &str) -> String {
    let name = quoted_word(&shown(context, path));
    let owner = |path: &Path| path.metadata().map(|found| found.uid()).ok();
    match owner(path) {
        None => look(context, path),
        Some(uid) if owner(Path::new("/proc/self")) == Some(uid) => format!("allow it with `chmod u+{right} {name}`"),
        Some(_) => format!("it is owned by another user: `sudo chown \"$(id -un)\" {name}` makes it yours"),
    }
}

fn look(context: &Context, path: &Path) -> String {
    format!("check its type and owner with `ls -ld {}`", quoted_word(&shown(context, path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_to_where_nothing_is_yet() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink("second", at("first")).unwrap();
        std::os::unix::fs::symlink(at("real.env"), at("second")).unwrap();
        assert_eq!(end_of_links(&at("first")), at("real.env"));
        assert_eq!(end_of_links(&at("plain")), at("plain"));
        std::os::unix::fs::symlink("round", at("round")).unwrap();
        assert_eq!(end_of_links(&at("round")), at("round"));
    }
}
