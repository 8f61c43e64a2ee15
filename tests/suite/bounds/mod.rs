//! Projects that would never end or take all memory: each is refused in time, within memory, with an error that names
//! the bound. And the first signal ends what only reads. No engine is needed.

mod fuzz;
mod run;

use std::fmt::Write as _;
use std::time::Duration;

use run::Folder;
pub use run::held;

/// What reads a project and prints it.
const LOOK: &[&str] = &["config", "--quiet"];

#[test]
fn nested_variables_end_at_a_bound_and_a_long_line_of_them_does_not() {
    let folder = Folder::new();
    folder.write(
        "compose.yaml",
        &format!("services: {{ a: {{ image: '{}' }} }}\n", "${A:-".repeat(20_000) + &"}".repeat(20_000)),
    );
    folder.refused(LOOK, "more than 64 variables inside each other");
    folder.refused(&["config", "--variables"], "more than 64 variables inside each other");
    folder.write(
        "compose.yaml",
        &format!("services: {{ a: {{ image: 'x', command: '{}' }} }}\n", "${A:-b}".repeat(20_000)),
    );
    folder.ends(LOOK, 0);
}

#[test]
fn includes_that_multiply_end_at_a_bound() {
    let folder = Folder::new();
    for level in 0..40 {
        let include = format!("include: [{{ path: {0}.yaml }}, {{ path: ./{0}.yaml }}]\n", level + 1);
        folder.write(&format!("{level}.yaml"), &include);
    }
    folder.write("40.yaml", "services: { a: { image: x } }\n");
    folder.write("compose.yaml", "include: [0.yaml]\n");
    folder.refused(LOOK, "more than 1000 files are included");
}

#[test]
fn values_that_double_end_at_a_bound() {
    let folder = Folder::new();
    folder.write("compose.yaml", "services: { a: { image: x } }\n");
    let mut text = "A0=xxxxxxxx\n".to_owned();
    (1..40).for_each(|n| writeln!(text, "A{n}=$A{}$A{}", n - 1, n - 1).unwrap());
    folder.write(".env", &text);
    folder.refused(LOOK, "longer than 1 MiB");
    // A long value in many places.
    folder.write(".env", &format!("A={}\n", "x".repeat(500_000)));
    let list = "        - $A\n".repeat(5000);
    folder.write("compose.yaml", &format!("services:\n  a:\n    image: x\n    command:\n{list}"));
    folder.refused(LOOK, "larger than 32 MiB");
}

#[test]
fn an_endless_file_is_refused_wherever_it_is_named() {
    let folder = Folder::new();
    let words = "larger than 16 MiB";
    let service = |rest: &str| format!("services: {{ a: {{ image: x, {rest} }} }}\n");
    folder.write("compose.yaml", &service("read_only: true"));
    folder.refused(&["-f", "/dev/zero", "config", "--quiet"], words);
    folder.refused(&["--env-file", "/dev/zero", "config", "--quiet"], words);
    // What the project chose is not even read.
    let words = "it is a character device, not a regular file";
    for text in [
        service("env_file: /dev/zero"),
        service("label_file: /dev/zero"),
        service("extends: { service: a, file: /dev/zero }"),
        "include: [/dev/zero]\n".to_owned(),
        "include: [{ path: other.yaml, env_file: /dev/zero }]\n".to_owned(),
    ] {
        folder.write("other.yaml", "services: { b: { image: x } }\n");
        folder.write("compose.yaml", &text);
        folder.refused(LOOK, words);
    }
}

#[test]
fn ports_beyond_what_anybody_publishes_are_refused() {
    let folder = Folder::new();
    let services: String = (0..20).map(|n| format!("  s{n}: {{ image: x, ports: ['1-65535'] }}\n")).collect();
    folder.write("compose.yaml", &format!("services:\n{services}"));
    folder.refused(LOOK, "publish more than 32768 ports together");
    folder.write("compose.yaml", "services: { sip: { image: x, ports: ['10000-20000:10000-20000/udp'] } }\n");
    folder.ends(LOOK, 0);
}

#[test]
fn templates_that_do_not_end_are_given_up() {
    let folder = Folder::new();
    folder.write("aictl.yaml", "environments: { dev: { compose: compose.yaml.tera } }\n");
    for (text, words) in [
        (
            "{% for a in range(end=100000) %}{% for b in range(end=100000) %}0123456789{% endfor %}{% endfor %}",
            "larger than 16 MiB",
        ),
        (
            "{% set_global s = 'xxxxxxxx' %}{% for i in range(end=60) %}{% set_global s = s ~ s %}{% endfor %}",
            "192 MiB of memory",
        ),
        ("{% include \"compose.yaml.tera\" %}", "compose.yaml.tera"),
    ] {
        folder.write("compose.yaml.tera", text);
        folder.refused(LOOK, words);
    }
}

#[test]
fn a_pipe_in_place_of_an_env_file_is_told() {
    let folder = Folder::new();
    folder.write("compose.yaml", "services: { a: { image: x } }\n");
    folder.pipe(".env");
    let said = folder.ends(LOOK, 0);
    assert!(said.contains(".env is not a regular file"), "{said}");
}

#[test]
fn the_first_signal_ends_what_only_reads() {
    let folder = Folder::new();
    folder.pipe("pipe");
    folder.write("t/aictl.yaml", "environments: { dev: { compose: compose.yaml.tera } }\n");
    let endless = "{% for a in range(end=100000) %}{% for b in range(end=100000) %}{% endfor %}{% endfor %}";
    folder.write("t/compose.yaml.tera", endless);
    let hung = folder.hung_engine();
    for (line, engine) in [
        (&["-f", "pipe", "config"][..], None),
        (&["-f", "pipe", "plan"], None),
        (&["-f", "pipe", "secrets", "check"], None),
        (&["--project-dir", "t", "config"], None),
        (&["ls"], Some(&hung)),
        (&["doctor"], Some(&hung)),
        (&["-p", "x", "status"], Some(&hung)),
    ] {
        for (signal, code) in [("INT", 130), ("TERM", 143)] {
            folder.ends_at(line, engine, (signal, code));
        }
    }
}

#[test]
fn the_timeout_bounds_calls_of_an_engine_that_hangs() {
    let folder = Folder::new();
    let hung = folder.hung_engine();
    for line in [
        &["--timeout", "2s", "ls"][..],
        &["--timeout", "2s", "-p", "x", "status"],
        &["--timeout", "2s", "-p", "x", "stop"],
    ] {
        let began = std::time::Instant::now();
        let outcome = folder.on(&hung, line);
        assert_eq!(outcome.code, 9, "{line:?}: {outcome:?}");
        assert!(began.elapsed() < Duration::from_secs(8), "{line:?} took {:?}", began.elapsed());
    }
}

/// The project is named after the directory as it was typed, as Compose and the shells have it.
#[test]
fn a_linked_folder_is_the_project_of_the_link() {
    let folder = Folder::new();
    folder.write("real/compose.yaml", "services: { a: { image: x } }\n");
    std::os::unix::fs::symlink("real", folder.path().join("link")).unwrap();
    let link = folder.path().join("link");
    let name = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_aictl"));
        let outcome = crate::support::project::Outcome::from(
            command.args(words).current_dir(&link).env("PWD", &link).output().unwrap(),
        );
        outcome.ended(0).stdout.lines().next().unwrap_or_default().to_owned()
    };
    let file = link.join("compose.yaml").display().to_string();
    assert_eq!(name(&["config"]), "name: link");
    assert_eq!(name(&["-f", &file, "config"]), "name: link");
    assert_eq!(name(&["--project-dir", &link.display().to_string(), "config"]), "name: link");
}
