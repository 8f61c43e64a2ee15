//! Mutated projects in a process of their own: none panics, takes a second or more, or takes 256 MB of memory or more.
//! A failure names the number of the input, which alone makes it again.

use std::io::Write as _;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aictl::compose::{FileSource, LoadArgs, env_file, load};
use aictl::input_file::LocalFiles;
use aictl::template::{Scope, TemplateFile, render};

/// What one input may take of a processor. Debug builds are ten times as slow as what users run.
const TIME: Duration = Duration::from_secs(1);
/// Kibibytes that one input may make the process hold more.
const MEMORY: u64 = 256 * 1024;
/// Inputs that are measured together: the measurement takes as long as one of them.
const TOGETHER: usize = 32;
/// An input that has not ended for this long never will.
const HANGS: Duration = Duration::from_secs(60);
/// Set in the process that reads the inputs.
const CHILD: &str = "AICTL_TEST_FUZZ";

const COMPOSE: &[&str] = &[
    "services:\n  web: { image: 'x:${TAG:-1}', ports: ['8000:80', '90-95'], environment: [A=b, C], deploy: { replicas: 2 } }\n",
    "x-a: &a { image: x }\nservices:\n  a: { <<: *a, command: 'sh -c \"$A ${B:?no}\"', volumes: ['d:/d:ro', './x:/y'] }\nvolumes: { d: }\n",
    "services:\n  a: { extends: { service: b } , healthcheck: { test: [CMD, x], interval: 1m30s }, mem_limit: 1.5g }\n  b: { build: { context: ., args: { X: 1 } } }\n",
    "name: p\nnetworks: { n: { ipam: { config: [ { subnet: 10.0.0.0/24 } ] } } }\nservices: { s: { image: i, networks: { n: { aliases: [z] } } } }\n",
];
const DOTENV: &[&str] = &["A=1\nexport B='x y' # c\nC=\"${A:-z}\\n$B\"\n", "A=$A$A\nB: ${C-${D:+e}}\n#\nF\n"];
const TEMPLATES: &[&str] = &[
    "{% for a in range(end=9) %}{{ a * 2 }}{% endfor %}",
    "{% set s = 'x' %}{{ s ~ s | upper }}{% if s == 'y' %}n{% endif %}",
];
/// Pieces that grammars trip over.
const PIECES: &[&str] = &[
    "${",
    "}",
    "$$",
    "{{",
    "}}",
    "{%",
    "%}",
    "*a",
    "&a",
    "<<: ",
    "[",
    "]",
    "{",
    "- ",
    ": ",
    "\n",
    "\t",
    "'",
    "\"",
    "\\",
    "1-65535",
    "99999999999999999999",
    "-1",
    "0x",
    "~",
    "!reset ",
    "!override ",
    "é",
    "\u{0}",
    "\u{feff}",
    "../",
    "range(end=100000)",
    "${A:-",
    "|\n",
];

/// A generator of numbers that needs nothing and repeats itself.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap()
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

fn mutated(random: &mut Random, seeds: &[&str]) -> String {
    let mut text: Vec<char> = random.of(seeds).chars().collect();
    for _ in 0..=random.below(6) {
        let at = random.below(text.len());
        match random.below(4) {
            0 => drop(text.drain(at..(at + 1 + random.below(8)).min(text.len()))),
            1 => drop(text.splice(at..at, random.of(PIECES).chars())),
            2 => {
                let piece: Vec<char> = text[at..(at + 1 + random.below(20)).min(text.len())].to_vec();
                let times = 1 + random.below(4);
                text.splice(at..at, std::iter::repeat_n(piece, times).flatten());
            }
            _ => {
                let other = random.of(seeds).to_owned();
                text.splice(at..at, other.chars().skip(random.below(other.len())).take(30));
            }
        }
    }
    text.into_iter().collect()
}

fn look(random: &mut Random) -> String {
    match random.below(10) {
        0 => {
            let text = mutated(random, TEMPLATES);
            let values = serde_json::Map::new();
            let sources = [TemplateFile { name: "x.tera".into(), text: text.clone() }];
            let _ = render(&sources, &Scope { values: &values, environment: "", project: "" });
            text
        }
        1..=6 => {
            let text = mutated(random, DOTENV);
            let _ = env_file::entries(&text, &Default::default());
            text
        }
        _ => {
            let text = mutated(random, COMPOSE);
            let name = PathBuf::from("/nonexistent/compose.yaml");
            let files = vec![FileSource::Inline { name, text: text.clone() }];
            let args = LoadArgs { working_dir: "/nonexistent".into(), files, ..LoadArgs::default() };
            let _ = load(&args, &LocalFiles);
            text
        }
    }
}

/// A line of /proc/self/status in KiB. `VmHWM` is the most memory this process has held since it was last reset.
fn kibibytes(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
}

/// Time on a processor of this thread: other tests and sessions share the processors.
fn worked() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

fn looked_at(inputs: u64) {
    for first in (1..=inputs).step_by(TOGETHER) {
        let numbers = first..=inputs.min(first + TOGETHER as u64 - 1);
        // What all of them together do not take, none of them does.
        if measured(numbers.clone()).is_err() {
            numbers.for_each(|number| measured(number..=number).unwrap());
        }
    }
}

/// What these inputs take.
fn measured(numbers: RangeInclusive<u64>) -> Result<(), String> {
    // From here on VmHWM is of these inputs.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let (began, held) = (worked(), kibibytes("VmRSS"));
    let mut last = String::new();
    for number in numbers.clone() {
        NUMBER.store(number, Ordering::Relaxed);
        let mut random = Random(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        last = look(&mut random);
    }
    let (took, more) = (worked() - began, kibibytes("VmHWM").saturating_sub(held));
    let is_bounded = took < TIME && more < MEMORY;
    is_bounded.then_some(()).ok_or_else(|| format!("input {numbers:?} took {took:?} and {more} KiB: {last:?}"))
}

/// The number of the input that is being read.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Ends the process when an input does not end at all.
fn watched() {
    let mut last = 0;
    loop {
        std::thread::sleep(HANGS);
        let number = NUMBER.load(Ordering::Relaxed);
        if number == last {
            let _ = writeln!(std::io::stderr(), "input {number} does not end");
            std::process::abort();
        }
        last = number;
    }
}

/// Reads the inputs in a process of its own: the memory of other tests does not count, and a panic by an overflow of the
/// stack names the input.
#[track_caller]
fn in_a_child(test: &str, inputs: u64) {
    if std::env::var_os(CHILD).is_some() {
        std::thread::spawn(watched);
        // A thread has the stack of those that run verbs, 2 MiB.
        std::thread::spawn(move || looked_at(inputs)).join().unwrap();
        return;
    }
    let words = ["--exact", test, "--include-ignored", "--nocapture", "--test-threads=1"];
    let output = Command::new(std::env::current_exe().unwrap()).args(words).env(CHILD, "1").output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{:?}\n{said}", output.status);
}

#[test]
fn a_hundred_thousand_mutated_inputs_end_in_time() {
    in_a_child("bounds::fuzz::a_hundred_thousand_mutated_inputs_end_in_time", 100_000);
}

#[test]
#[ignore = "takes half an hour (tests/run --full)"]
fn ten_million_mutated_inputs_end_in_time() {
    in_a_child("bounds::fuzz::ten_million_mutated_inputs_end_in_time", 10_000_000);
}
