//! The build script: lists the files of every example, so that the binary holds what `aictl init` writes.
//! Reads examples/SYSTEM; writes a Rust table of names and contents into the build's own folder.
//! Never lists what only a checkout has: env files with secrets, caches, dependencies.

#![expect(clippy::print_stdout, reason = "a build script speaks to cargo by printing")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The checkout as seen from the manifest, `src/model/Cargo.toml`, which is where cargo runs this.
const ROOT: &str = "../..";

/// Folders that tools make.
const FOLDERS: &[&str] = &["__pycache__", "node_modules", "target", "dist", "venv"];

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed={ROOT}/templates/stacks/embed.rs");
    let mut table =
        "type File = (&'static str, &'static [u8]);\npub(super) static STACKS: &[(&str, &[File])] = &[\n".to_owned();
    for system in sorted(&Path::new(ROOT).join("examples"))? {
        if !system.join("aictl.yaml").is_file() {
            continue;
        }
        let mut files = Vec::new();
        collect(&system, &mut files)?;
        writeln!(table, "    ({:?}, &[", name(&system)).map_err(io::Error::other)?;
        for file in files {
            // Not the folder: an .env made beside them would compile everything anew. A test finds files that are new.
            println!("cargo:rerun-if-changed={}", file.display());
            let relative = file.strip_prefix(&system).map_err(io::Error::other)?.to_string_lossy().into_owned();
            // Where the checkout is, is asked when the table is compiled: clones that share a build folder share this.
            let place = format!("/{ROOT}/examples/{}/{relative}", name(&system));
            writeln!(
                table,
                "        ({relative:?}, include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {place:?}))),"
            )
            .map_err(io::Error::other)?;
        }
        table.push_str("    ]),\n");
    }
    table.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("stacks.rs"), table)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for path in sorted(folder)? {
        let name = name(&path);
        if path.is_dir() {
            if !FOLDERS.contains(&name.as_str()) && !name.starts_with('.') {
                collect(&path, files)?;
            }
        } else if belongs(&name) {
            files.push(path);
        }
    }
    Ok(())
}

/// Hidden files belong when everybody has them: `.env.example`, `.gitignore`, `.dockerignore`, `.helmignore`; `.env` and `.env.prod` never.
fn belongs(name: &str) -> bool {
    match name {
        ".env.example" | ".gitignore" | ".dockerignore" | ".helmignore" => true,
        _ => !name.starts_with('.') && !name.ends_with(".pyc") && !name.ends_with('~'),
    }
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
