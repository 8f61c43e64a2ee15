//! Holds the house: which module may know which, which library has which door, how long things may be.
//! Reads every source file as text; a broken rule fails with file, line and the rule's words.
//! The checker itself is tested on snippets below, so that it cannot fall silent.

mod rules;
mod source;

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

#[test]
fn every_source_file_keeps_the_rules_of_the_house() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    sources(&root, &root, &mut all);
    assert!(all.len() > 20, "only {} files under {}", all.len(), root.display());
    let broken: Vec<String> = all.iter().flat_map(rules::broken).collect();
    assert!(broken.is_empty(), "{} rules broken:\n{}", broken.len(), broken.join("\n"));
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
        ("attic/x.rs", "", "attic/x.rs:1: `attic` is no module of the house"),
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
fn pure_rooms_neither_wait_nor_dial() {
    assert_eq!(said("target/x.rs", "async fn f() { g().await }"), Vec::<String>::new());
    for text in ["async fn f() {}", "fn f() { g().await; }", "use std::net::TcpStream;", "use tokio::fs;"] {
        assert_eq!(said("plan/x.rs", text), ["plan/x.rs:4: `plan` is pure: no await, no socket"], "{text}");
    }
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
    assert_eq!(said("plan/tests.rs", &file), Vec::<String>::new());
    let wide = "fn f(a: A<B, C>, b: (D, E), c: fn(F, G), d: D, e: E) {}";
    assert_eq!(said("plan/x.rs", wide), ["plan/x.rs:4: `f` has 5 parameters; 4 are the most"]);
    let foreign =
        "impl<T> Verify<T> for A { fn f(a: A, b: B, c: C, d: D, e: E) {} }\nfn g(a: A, b: B, c: C, d: D, e: E) {}";
    assert_eq!(said("plan/x.rs", foreign), ["plan/x.rs:5: `g` has 5 parameters; 4 are the most"]);
    assert_eq!(said("plan/x.rs", "fn f(&self, a: A<B, C>, b: (D, E), c: fn(F, G), d: D) {}"), Vec::<String>::new());
}

#[test]
fn a_module_says_what_it_decides() {
    let broken = |text: &str| rules::broken(&SourceFile::new("plan/x.rs", text));
    let rule = ["plan/x.rs:1: does not begin with three lines of `//!`"];
    assert_eq!(broken("use std::fmt;\n"), rule);
    assert_eq!(broken("//! one line\n\nuse std::fmt;\n"), rule);
    assert_eq!(broken("//! one\n//! two\n//! three\n"), Vec::<String>::new());
}

#[test]
fn text_and_comments_are_no_code() {
    for text in [
        "const A: &str = r#\"crate::engine \" println!()\"#;",
        "const A: char = '\"'; // crate::engine\n/* println!() /* nested */ crate::cli */",
        "const A: &str = \"\\\" crate::engine\"; fn f<'a>(a: &'a str) {}",
        "const A: &[u8] = b\"crate::engine\"; const B: char = '\\'';",
    ] {
        assert_eq!(said("plan/x.rs", text), Vec::<String>::new(), "{text}");
    }
}
