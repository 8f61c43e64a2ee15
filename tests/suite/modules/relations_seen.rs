//! Snippets that show what the graph of files and the search for words see.
//! Each rule is broken once, in every way it is written.
//! What is allowed stands beside it.

use super::source::SourceFile;
use super::{decisions, files, relations};

/// The files of each circle among these.
fn circles(texts: &[(&str, &str)]) -> Vec<String> {
    relations::circles(&files(texts))
}

#[test]
fn a_circle_of_files_is_seen_however_its_names_are_written() {
    let b_to_a = ("plan/b.rs", "use super::a::A;");
    for a in [
        "use super::b::B;",
        "use super::b::{self, B};",
        "use crate::plan::{b::B, c};",
        "fn f() { super::b::f() }",
        "use super::b; fn f() { b::f() }",
        "fn f() -> crate::plan::b::B {}",
        "use super::b as other; fn f() { other::f() }",
    ] {
        let found = circles(&[("plan/mod.rs", "mod a; mod b;"), ("plan/a.rs", a), b_to_a]);
        assert!(found.len() == 1 && found[0].contains("plan/a.rs -> plan/b.rs"), "{a}: {found:?}");
    }
    let long = [
        ("plan/a.rs", "use crate::plan::c::C;"),
        b_to_a,
        ("plan/c.rs", "use crate::plan::b::B;"),
        ("plan/d.rs", "use super::a::A;"),
    ];
    let found = circles(&long);
    assert!(found.len() == 1 && found[0].starts_with("3 files form a circle"), "{found:?}");
}

#[test]
fn names_are_followed_through_those_who_hand_them_on() {
    let facade = ("plan/mod.rs", "mod a; mod b; pub use a::A; pub(crate) use b::{B as Other};");
    let found = circles(&[facade, ("plan/a.rs", "use super::Other;"), ("plan/b.rs", "use crate::plan::A;")]);
    assert!(found.len() == 1 && found[0].starts_with("2 files"), "{found:?}");
    let globbed = ("plan/mod.rs", "mod a; mod b; pub use a::*;");
    let found = circles(&[globbed, ("plan/a.rs", "use super::b::B;"), ("plan/b.rs", "use super::A;")]);
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn a_parent_is_part_of_a_circle_only_when_its_own_code_needs_the_child() {
    let child = ("plan/a.rs", "use super::Shared;");
    let plain = ("plan/mod.rs", "mod a; pub use a::A; pub struct Shared;");
    assert_eq!(circles(&[plain, child]), Vec::<String>::new());
    for parent in [
        "mod a; pub use a::A; pub struct Shared; fn f(a: A) {}",
        "mod a; pub struct Shared; fn f() { a::f() }",
        "mod a; use a::A; pub struct Shared;",
    ] {
        assert_eq!(circles(&[("plan/mod.rs", parent), child]).len(), 1, "{parent}");
    }
    let tested = ("plan/mod.rs", "mod a; pub struct Shared;\n#[cfg(test)]\nmod tests { use super::a::A; }");
    assert_eq!(circles(&[tested, child]), Vec::<String>::new());
}

#[test]
fn other_verbs_and_engines_are_seen() {
    let all = |name: &str, text: &str| {
        let others = [
            ("workflow/run/start.rs", "pub struct A;"),
            ("engine/memory/mod.rs", "pub struct B;"),
            ("engine/docker/a.rs", ""),
        ];
        let found = relations::strangers(&files(&[&[(name, text)][..], &others].concat()));
        found.join("\n")
    };
    for (name, text, rule) in [
        ("workflow/run/stop.rs", "use super::start::A;", "workflow/run/stop.rs: `super::start::A` is of another verb"),
        (
            "workflow/ship/x/mod.rs",
            "pub use crate::workflow::run::start::A;",
            "workflow/ship/x/mod.rs: `crate::workflow::run::start::A` is of another verb",
        ),
        (
            "workflow/version.rs",
            "fn f(a: super::run::start::A) {}",
            "workflow/version.rs: `super::run::start::A` is of another verb",
        ),
        (
            "engine/docker/x.rs",
            "use crate::engine::memory::B;",
            "engine/docker/x.rs: `crate::engine::memory::B` is of another engine",
        ),
    ] {
        assert_eq!(all(name, text), rule);
    }
    assert_eq!(all("workflow/begin/quickstart/steps.rs", "use crate::workflow::run::start::A;"), "");
    assert_eq!(all("workflow/run/mod.rs", "pub mod start; pub use start::A;"), "");
    assert_eq!(all("session/x.rs", "use crate::engine::memory::B;"), "");
}

#[test]
fn a_search_in_words_is_seen() {
    let found = |name: &str, text: &str| decisions::found(&SourceFile::new(name, text)).len();
    for text in [
        "fn f() { error.message.contains(\"x\"); }",
        "fn f() { error.to_string().to_lowercase().starts_with(known); }",
        "fn f() { step\n    .subject\n    .strip_prefix(\"container \"); }",
        "fn f() { hint.as_deref().find(x); }",
        "fn f() { if step.cause == \"requested\" {} }",
        "fn f() { if detail.as_deref() != Some(\"x\") {} }",
    ] {
        assert_eq!(found("session/x.rs", text), 1, "{text}");
        assert_eq!(found("ui/x.rs", text), 0, "{text}");
    }
    for text in [
        "fn f() { names.contains(\"x\"); message.len() == 0; a == \"x\"; }",
        "fn f() { message(x).contains(y) }",
        "// message.contains(\"x\")\n#[cfg(test)]\nmod tests { fn f() { error.to_string().contains(\"x\"); } }",
    ] {
        assert_eq!(found("session/x.rs", text), 0, "{text}");
    }
}
