//! The files of a bundle into a directory: whatever made the bundle, only files, and only below the directory.
//! Reads the names in the bundle and what is in the directory; writes what is missing.
//! Never overwrites a file, follows a link, or writes what another program would run by itself.

use std::collections::BTreeSet;
use std::path::Path;

use super::files::{is_env_file, is_key_file};
use crate::error::{Error, Result};
use crate::image::Digest;
use crate::image::bundle::{Bundle, BundledFile};
use crate::output_file::{Content, Existing, Found, OutputError, Rules, Tree};
use crate::session::WorkflowError;

/// Everything that can be known to be wrong before the first file is written.
pub(super) fn check(directory: &Path, bundle: &Bundle) -> Result<()> {
    let files = &bundle.contents().files;
    files.iter().try_for_each(check_name)?;
    check_together(files)?;
    let Some(tree) = Tree::existing(directory)? else { return Ok(()) };
    for file in files {
        let name = Path::new(&file.path);
        match tree.look(name).map_err(nothing_loaded)? {
            Found::Absent => tree.check(name, Existing::Keep).map_err(nothing_loaded)?,
            Found::File(there) if digest_of(&there).as_ref() == Some(&file.digest) => {}
            Found::File(_) => return Err(differs(&directory.join(name))),
        }
    }
    Ok(())
}

/// Writes the files; returns those the bundle leaves to an earlier one.
pub(super) fn unpack(directory: &Path, bundle: &Bundle) -> Result<Vec<String>> {
    let mut absent = Vec::new();
    let tree = Tree::create(directory)?;
    for file in &bundle.contents().files {
        let name = Path::new(&file.path);
        if matches!(tree.look(name)?, Found::File(_)) {
            continue;
        }
        if !bundle.has_file(file) {
            absent.push(file.path.clone());
            continue;
        }
        let rules = Rules { existing: Existing::Keep, content: content(file) };
        tree.write_with(name, rules, |out| bundle.write_file(file, out))?;
    }
    Ok(absent)
}

/// Bundles of aictl hold no env file; one that does holds secrets.
fn content(file: &BundledFile) -> Content {
    match file.executable {
        _ if is_env_file(Path::new(&file.path)) || is_key_file(Path::new(&file.path)) => Content::Secret,
        true => Content::Program,
        false => Content::Plain,
    }
}

/// A path below the directory, its parts separated by slashes.
fn check_name(file: &BundledFile) -> Result<()> {
    let parts: Vec<&str> = file.path.split('/').collect();
    if parts.iter().any(|part| part.is_empty() || *part == "." || *part == "..") {
        return Err(refused(format!("{} of the bundle is no path below a directory", file.path)));
    }
    if file.path.contains(|c: char| c.is_control() || c == '\\') {
        return Err(refused(format!("a name in the bundle holds control characters or backslashes: {:?}", file.path)));
    }
    // Git runs programs that its folder names.
    if parts.iter().any(|part| part.eq_ignore_ascii_case(".git")) {
        return Err(refused(format!("{} of the bundle lies in a folder that belongs to git", file.path)));
    }
    Ok(())
}

/// What is wrong with names only beside others.
fn check_together(files: &[BundledFile]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for file in files {
        if !seen.insert(file.path.to_lowercase()) {
            return Err(refused(format!(
                "{} is in the bundle twice, or differs from another name in case only",
                file.path
            )));
        }
    }
    for file in files {
        let lower = file.path.to_lowercase();
        let mut above = Path::new(&lower).ancestors().skip(1).filter_map(Path::to_str);
        if let Some(folder) = above.find(|folder| seen.contains(*folder)) {
            return Err(refused(format!("{folder} is a file and a folder in the bundle")));
        }
        // A folder with these two is a repository to git, whatever its name.
        let config = lower.strip_suffix("head").map(|folder| format!("{folder}config"));
        if Path::new(&lower).file_name().is_some_and(|name| name == "head")
            && config.is_some_and(|config| seen.contains(&config))
        {
            return Err(refused(format!("{} of the bundle makes its folder a git repository", file.path)));
        }
    }
    Ok(())
}

fn digest_of(mut file: &std::fs::File) -> Option<Digest> {
    let mut digester = crate::image::Digester::default();
    std::io::copy(&mut file, &mut digester).ok()?;
    Some(digester.finish())
}

fn refused(message: String) -> Error {
    let hint = Some("get the bundle from who made it, or load its images alone: leave `--to` out".to_owned());
    WorkflowError::Refused { message, hint }.into()
}

/// An existing file that differs is kept.
fn differs(path: &Path) -> Error {
    let message = format!("{} is there and differs from the bundle's", path.display());
    let hint = Some("unpack into an empty directory: `--to NEW`; nothing was loaded".to_owned());
    WorkflowError::Refused { message, hint }.into()
}

fn nothing_loaded(error: OutputError) -> Error {
    match error {
        OutputError::Exists { path } => differs(&path),
        other => Error::from(other).with_hint("unpack into an empty directory: `--to NEW`; nothing was loaded"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> BundledFile {
        BundledFile { path: path.to_owned(), executable: false, digest: Digest::of(b""), size: 0 }
    }

    fn all(paths: &[&str]) -> Result<()> {
        let files: Vec<BundledFile> = paths.iter().map(|path| file(path)).collect();
        files.iter().try_for_each(check_name)?;
        check_together(&files)
    }

    #[test]
    fn names_that_leave_the_directory_or_are_run_by_others_are_refused() {
        for names in [&["a/b.yaml", "a/c.yaml"][..], &["HEAD"], &["config", "b/HEAD"], &[".gitignore", "x.git/y"]] {
            all(names).unwrap();
        }
        for names in [
            &["/etc/x"][..],
            &["a/../x"],
            &["./x"],
            &["a//x"],
            &[".git/hooks/post-checkout"],
            &["sub/.GIT/config"],
            &[".git"],
            &["a\\b"],
            &["a\nb"],
            &["x", "x"],
            &["x", "X"],
            &["a", "a/b"],
            &["r/HEAD", "r/config"],
        ] {
            assert!(all(names).is_err(), "{names:?}");
        }
    }

    #[test]
    fn an_env_file_is_only_its_owners() {
        assert_eq!(content(&file("a/.env")), Content::Secret);
        assert_eq!(content(&file("a/.env.example")), Content::Plain);
        assert_eq!(content(&BundledFile { executable: true, ..file("x") }), Content::Program);
    }
}
