//! Mutated projects in this process: none panics, takes longer than a second, or makes the process hold much more memory.
//! A failure names the number of the input, which alone makes it again.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use aictl::compose::{FileSource, LoadArgs, env_file, load};
use aictl::input_file::LocalFiles;
use aictl::template::{Scope, TemplateFile, render};

/// What one input may take. Debug builds on two shared processors are ten times as slow as what users run.
const TIME: Duration = Duration::from_secs(1);
/// Kibibytes that all inputs together may make this process hold more.
const MEMORY: u64 = 256 * 1024;

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

fn held() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn looked_at(inputs: u64) {
    let before = held();
    for number in 1..=inputs {
        let began = Instant::now();
        let mut random = Random(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let text = look(&mut random);
        assert!(began.elapsed() < TIME, "input {number} took {:?}: {text:?}", began.elapsed());
        assert!(
            number % 1000 != 0 || held() < before + MEMORY,
            "before input {number}: {} KiB, now {}",
            before,
            held()
        );
    }
}

#[test]
fn a_hundred_thousand_mutated_inputs_end_in_time() {
    looked_at(100_000);
}

#[test]
#[ignore = "takes half an hour (tests/run --full)"]
fn ten_million_mutated_inputs_end_in_time() {
    looked_at(10_000_000);
}
