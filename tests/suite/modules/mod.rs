//! Holds the house: which module may know which, which library has which door, how long things may be.
//! Reads every source file as text; a broken rule fails with file, line and the rule's words.
//! The checker itself is tested on snippets below, so that it cannot fall silent.

mod decisions;
mod paths;
mod purity;
mod relations;
mod relations_seen;
mod rules;
mod source;
mod test_files;

use std::fs;
use std::path::{Path, PathBuf};

use source::SourceFile;

fn sources(directory: &Path, root: &Path, found: &mut Vec<SourceFile>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, root, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            found.push(SourceFile::new(&name, &fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Every file of the crate, with tests marked.
pub fn house() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    sources(&root, &root, &mut all);
    assert!(all.len() > 20, "only {} files under {}", all.len(), root.display());
    test_files::mark(&mut all);
    all
}

/// Files with these names and contents, with tests marked.
fn files(texts: &[(&str, &str)]) -> Vec<SourceFile> {
    let mut all: Vec<SourceFile> = texts.iter().map(|(name, text)| SourceFile::new(name, text)).collect();
    test_files::mark(&mut all);
    all
}

#[test]
fn every_source_file_keeps_the_rules_of_the_house() {
    let broken: Vec<String> = house().iter().flat_map(rules::broken).collect();
    assert!(broken.is_empty(), "{} rules broken:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn files_form_no_circles() {
    let found = relations::circles(&house());
    assert!(found.is_empty(), "{} import cycles:\n{}", found.len(), found.join("\n"));
}

#[test]
fn verbs_know_no_other_verbs_and_engines_no_other_engines() {
    let found = relations::strangers(&house());
    assert!(found.is_empty(), "{} forbidden references:\n{}", found.len(), found.join("\n"));
}

#[test]
fn nothing_is_decided_by_reading_words() {
    let found: Vec<String> = house().iter().flat_map(decisions::found).collect();
    assert!(found.is_empty(), "{} places search human-readable text:\n{}", found.len(), found.join("\n"));
    assert_eq!(decisions::stale(&house()), Vec::<&str>::new(), "allowed although nothing is searched there");
}

/// What the rules say about a file of this name and text, without the module header they all need.
fn said(name: &str, text: &str) -> Vec<String> {
    rules::broken(&SourceFile::new(name, &format!("//! a\n//! b\n//! c\n{text}")))
}

#[test]
fn imports_point_left() {
    for (name, text) in [
        ("plan/mod.rs", "use crate::compose::Stack;"),
        ("compose/load.rs", "use crate::compose::Stack; use crate::{error::Hint, secret};"),
        ("target/mod.rs", "use crate::plan::Plan; use crate::release::Lease;"),
        ("engine/docker/x.rs", "use crate::target::Observe;"),
        ("workflow/start.rs", "use crate::execute::execute; use crate::engine::docker;"),
        ("cli/mod.rs", "use crate::ui::Ui;"),
        ("plan/x.rs", "// use crate::engine::Docker;\nconst A: &str = \"crate::engine\";"),
        ("plan/x.rs", "#[cfg(test)]\nmod tests { use crate::engine::memory; }"),
    ] {
        assert_eq!(said(name, text), Vec::<String>::new(), "{name}: {text}");
    }
    for (name, text, rule) in [
        ("plan/mod.rs", "use crate::engine::docker;", "plan/mod.rs:4: `plan` must not know `engine`"),
        (
            "compose/a/b.rs",
            "\nuse crate::{error::Hint, plan::Step};",
            "compose/a/b.rs:5: `compose` must not know `plan`",
        ),
        ("probe/x.rs", "use crate::backup::X;", "probe/x.rs:4: `probe` must not know `backup`"),
        ("backup/x.rs", "fn f() { crate::host::boot_id() }", "backup/x.rs:4: `backup` must not know `host`"),
        ("workflow/x.rs", "use crate::ui::Ui;", "workflow/x.rs:4: `workflow` must not know `ui`"),
        ("error.rs", "use crate::event::Event;", "error.rs:4: `error` must not know `event`"),
        ("plan/x.rs", "use crate::{compose::{self, A}, target};", "plan/x.rs:4: `plan` must not know `target`"),
        ("attic/x.rs", "", "attic/x.rs:1: `attic` is not a known module"),
    ] {
        assert_eq!(said(name, text), [rule], "{text}");
    }
}

#[test]
fn every_library_has_one_door() {
    assert_eq!(said("template/mod.rs", "use tera::Tera;"), Vec::<String>::new());
    assert_eq!(said("workflow/x.rs", "#[derive(clap::Args)] struct A;"), Vec::<String>::new());
    assert_eq!(said("plan/x.rs", "fn f() { self::console::x(); a.tera; }"), Vec::<String>::new());
    for (name, text, rule) in [
        ("plan/x.rs", "use bollard::Docker;", "plan/x.rs:4: `bollard` is used through `engine/docker` only"),
        (
            "engine/kubernetes/x.rs",
            "bollard::x();",
            "engine/kubernetes/x.rs:4: `bollard` is used through `engine/docker` only",
        ),
        ("cli/mod.rs", "use console::style;", "cli/mod.rs:4: `console` is used through `ui` only"),
        ("ui/x.rs", "use clap::Parser;", "ui/x.rs:4: `clap` is used through `cli`, `workflow`, `session` only"),
    ] {
        assert_eq!(said(name, text), [rule], "{text}");
    }
}

#[test]
fn only_ui_prints() {
    assert_eq!(said("ui/x.rs", "fn f() { std::io::stdout(); }"), Vec::<String>::new());
    for text in
        ["fn f() { println!(\"x\"); }", "fn f() { std::io::stderr().write_all(b\"\"); }", "use std::io::stdout;"]
    {
        assert_eq!(said("workflow/x.rs", text), ["workflow/x.rs:4: only `ui` prints"], "{text}");
    }
}

#[test]
fn programs_are_started_through_one_door() {
    for (name, text) in [
        ("process.rs", "use tokio::process::Command;"),
        ("cli/x.rs", "fn f() { std::process::id(); } use std::process::{ExitCode, Stdio};"),
        ("host/x.rs", "use crate::process; fn f() { process::command(\"x\"); } use tokio::process::Child;"),
        ("host/x.rs", "#[cfg(test)]\nmod tests { fn f() { std::process::Command::new(\"true\"); } }"),
    ] {
        assert_eq!(said(name, text), Vec::<String>::new(), "{text}");
    }
    for text in [
        "fn f() { std::process::Command::new(\"git\"); }",
        "use tokio::process::{Child, Command};",
        "use std::{io, process::Command};",
        "use std::process; fn f() { process::Command::new(\"git\"); }",
        "use std::process::*;",
        "use std::process as p;",
    ] {
        assert_eq!(said("host/x.rs", text), ["host/x.rs:4: only `process` starts programs"], "{text}");
    }
}

#[test]
fn files_are_written_in_one_room() {
    let rule = "workflow/x.rs:4: files are written through `output_file` only";
    for text in [
        "fn f() { std::fs::write(a, b); }",
        "fn f() { fs::rename(a, b); }",
        "fn f() { tokio::fs::create_dir_all(a); }",
        "use std::fs::OpenOptions;",
        "fn f() { File::create(a); }",
        "fn f() { tempfile::tempdir(); }",
        "fn f() { std::os::unix::fs::symlink(a, b); }",
        "use rustix::fs::{CWD, openat};",
    ] {
        assert_eq!(said("workflow/x.rs", text), [rule], "{text}");
        assert_eq!(said("output_file/x.rs", text), Vec::<String>::new(), "{text}");
    }
    for text in [
        "#[serde(rename = \"a\")] struct A;",
        "fn f() { out.write(a); target.create(b); std::fs::read(c); }",
        "#[cfg(test)]\nmod tests { fn f() { std::fs::write(a, b); } }",
    ] {
        assert_eq!(said("workflow/x.rs", text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn pure_modules_neither_wait_nor_look_outside() {
    for (name, text) in [
        ("target/x.rs", "async fn f() { g().await }"),
        ("session/x.rs", "fn f() { path.exists(); std::env::var(\"A\"); }"),
        ("plan/x.rs", "fn f(files: &dyn Files) { files.has_file(path); files.read(path); }"),
        ("plan/x.rs", "use std::fmt; fn f() { env!(\"A\"); entry.fs(); record.exists; metadata(x); }"),
        ("plan/x.rs", "#[cfg(test)]\nmod tests { use std::fs; fn f() { std::env::var(\"A\"); } }"),
    ] {
        assert_eq!(said(name, text), Vec::<String>::new(), "{name}: {text}");
    }
    for text in [
        "async fn f() {}",
        "fn f() { g().await; }",
        "use std::net::TcpStream;",
        "use tokio::fs;",
        "use std::fs::File;",
        "use std::{fmt, fs};",
        "use std::os::unix::fs::FileExt as _;",
        "fn f() { std::fs::read(a); }",
        "fn f() { a.exists(); }",
        "fn f() { a.join(b).is_file(); }",
        "fn f() { list.iter().filter(Path::exists) }",
        "fn f() { link.canonicalize(); }",
        "use crate::input_file::LocalFiles;",
        "fn f() { std::env::var(\"A\"); }",
        "use std::env;",
        "fn f() { OffsetDateTime::now_utc(); }",
        "use std::time::Instant;",
        "fn f(at: std::time::SystemTime) {}",
        "fn f() { std::thread::spawn(g); }",
    ] {
        let rule = "plan/x.rs:4: `plan` is pure: no await, socket, file, environment, clock, thread or program";
        assert_eq!(said("plan/x.rs", text), [rule], "{text}");
    }
}

#[test]
fn reports_are_boxed_in_dispatch_only() {
    let text = "fn run() -> Result<Box<dyn Report>> {}";
    assert_eq!(said("workflow/run/x.rs", text), ["workflow/run/x.rs:4: reports are boxed in `cli/dispatch` only"]);
    assert_eq!(said("cli/dispatch.rs", text), Vec::<String>::new());
    assert_eq!(said("ui/x.rs", "fn show(report: &dyn Report) {}"), Vec::<String>::new());
}

#[test]
fn no_path_counts_folders() {
    let rule = ["plan/x.rs:4: use a `crate::` path instead of `super::super`"];
    assert_eq!(said("plan/x.rs", "use super::super::A;"), rule);
    assert_eq!(said("plan/x.rs", "pub(in super::super) fn f() {}"), rule);
    assert_eq!(said("plan/x.rs", "#[cfg(test)]\nmod tests { use super::super::A; }").len(), 1);
    assert_eq!(said("plan/x.rs", "use super::A; // super::super::A"), Vec::<String>::new());
}

#[test]
fn a_test_file_is_one_that_is_declared_so() {
    let tests = |texts: &[(&str, &str)]| {
        let marked = files(texts);
        marked.into_iter().filter(|file| file.is_test).map(|file| file.name).collect::<Vec<_>>()
    };
    let load = "fn f() {}\n#[cfg(test)]\n#[path = \"load_tests.rs\"]\nmod tests;\n";
    assert_eq!(tests(&[("plan/load.rs", load), ("plan/load_tests.rs", "")]), ["plan/load_tests.rs"]);
    assert_eq!(tests(&[("plan/load.rs", "mod tests;"), ("plan/load/tests.rs", "")]), Vec::<String>::new());
    assert_eq!(tests(&[("plan/mod.rs", "#[cfg(test)]\nmod cases;"), ("plan/cases.rs", "")]), ["plan/cases.rs"]);
    assert_eq!(
        tests(&[("plan/mod.rs", "#[cfg(test)]\nmod tests { fn f() {} }\nmod x;"), ("plan/x.rs", "")]),
        Vec::<String>::new()
    );
    let nested =
        [("plan/mod.rs", "#[cfg(test)]\nmod tests;"), ("plan/tests.rs", "mod more;"), ("plan/tests/more.rs", "")];
    assert_eq!(tests(&nested), ["plan/tests.rs", "plan/tests/more.rs"]);
    assert_eq!(
        said("plan/loose_tests.rs", "use crate::engine::docker;").len(),
        1,
        "a file is not a test file because of its name"
    );
    let long = "fn f() {}\n".repeat(401);
    let marked = files(&[("plan/mod.rs", "#[cfg(test)]\nmod tests;"), ("plan/tests.rs", &long)]);
    assert_eq!(rules::broken(&marked[1]), ["plan/tests.rs:1: has 401 lines; 400 are the most"]);
}

#[test]
fn things_are_small_enough_to_see() {
    let long = |lines: usize| format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines));
    assert_eq!(said("plan/x.rs", &long(38)), Vec::<String>::new());
    assert_eq!(said("plan/x.rs", &long(39)), ["plan/x.rs:4: `f` has 41 lines; 40 are the most"]);
    let nested = format!("impl A {{\n    pub fn g(&self) {{\n{}    }}\n}}\n", "if a { b }\n".repeat(50));
    assert_eq!(said("plan/x.rs", &nested), ["plan/x.rs:5: `g` has 52 lines; 40 are the most"]);
    let tested = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", long(500));
    assert_eq!(said("plan/x.rs", &tested), Vec::<String>::new());
    let file = "const A: u8 = 1;\n".repeat(398);
    assert_eq!(said("plan/x.rs", &file), ["plan/x.rs:1: has 401 lines; 400 are the most"]);
    let wide = "fn f(a: A<B, C>, b: D, c: fn(F, G), d: D, e: E) {}";
    assert_eq!(said("plan/x.rs", wide), ["plan/x.rs:4: `f` has 5 parameters; 4 are the most"]);
    let foreign =
        "impl<T> Verify<T> for A { fn f(a: A, b: B, c: C, d: D, e: E) {} }\nfn g(a: A, b: B, c: C, d: D, e: E) {}";
    assert_eq!(said("plan/x.rs", foreign), ["plan/x.rs:5: `g` has 5 parameters; 4 are the most"]);
    assert_eq!(said("plan/x.rs", "fn f(&self, a: A<B, C>, b: (D, E), c: fn(F, G)) {}"), Vec::<String>::new());
    for (parameters, count) in [
        ("(a, b): (A, B), c: C, d: D, e: E", 5),
        ("a: &'x (A, B), (c, d, e): &mut (C, D, E)", 5),
        ("a: ((A, B), C), b: (D, std::fmt::E)", 5),
    ] {
        let rule = format!("plan/x.rs:4: `f` has {count} parameters; 4 are the most");
        assert_eq!(said("plan/x.rs", &format!("fn f({parameters}) {{}}")), [rule], "{parameters}");
    }
    for parameters in
        ["a: Vec<(A, B)>, b: Option<(C, D)>, c: fn(E, F), d: (A)", "&self, (a, b): (A, B), (c, d): (C, D)"]
    {
        assert_eq!(said("plan/x.rs", &format!("fn f({parameters}) {{}}")), Vec::<String>::new(), "{parameters}");
    }
}

#[test]
fn a_module_says_what_it_decides() {
    let broken = |text: &str| rules::broken(&SourceFile::new("plan/x.rs", text));
    let rule = ["plan/x.rs:1: does not begin with a `//!` header"];
    assert_eq!(broken("use std::fmt;\n"), rule);
    assert_eq!(broken("\n//! one\n"), rule);
    assert_eq!(broken("//! one line\n\nuse std::fmt;\n"), Vec::<String>::new());
    assert_eq!(broken("//! one\n//! two\n//! three\n"), Vec::<String>::new());
}

#[test]
fn text_and_comments_are_no_code() {
    for text in [
        "const A: &str = r#\"crate::engine \" println!()\"#;",
        "const A: char = '\"'; // crate::engine\n/* println!() /* nested */ crate::cli */",
        "const A: &str = \"\\\" crate::engine\"; fn f<'a>(a: &'a str) {}",
        "const A: &[u8] = b\"crate::engine\"; const B: char = '\\'';",
        "const A: char = '\\\\'; const B: &str = \"'crate::engine\";",
    ] {
        assert_eq!(said("plan/x.rs", text), Vec::<String>::new(), "{text}");
    }
}
