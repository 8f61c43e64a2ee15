//! Secrets that a test plants, and the search for every shape that an encoder gives them.
//! Reads values, texts and files; returns where a value is, never the value.
//! The shapes are made here anew: a mistake of the program's own list must not hide itself.
use std::fs;
use std::path::Path;
use std::process::Command;

use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::support::project::Outcome;

/// Everything that shells, URLs, base64, SQL and env files trip over, and nothing that guesses.
pub const AWKWARD: &str = r#"+/=@:% '"&?#"#;

/// What RFC 3986 leaves as it is.
const UNRESERVED: &[u8] = b"-._~";

/// Values and their shapes.
pub struct Canaries {
    shapes: Vec<(String, String)>,
}

impl Canaries {
    pub fn of<'v>(values: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        let named = |(name, value): (&str, &str)| {
            let of = |(kind, shape): (String, String)| (format!("{name} {kind}"), shape);
            shapes(value).into_iter().map(of).collect::<Vec<_>>()
        };
        let mut shapes: Vec<(String, String)> = values.into_iter().flat_map(named).collect();
        shapes.retain(|(_, shape)| shape.len() >= 12);
        Self { shapes }
    }

    /// Every shape with its name.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.shapes.iter().map(|(name, shape)| (name.as_str(), shape.as_str()))
    }

    /// Which shapes are in a text.
    pub fn found_in(&self, text: &str) -> Vec<&str> {
        self.shapes().filter(|(_, shape)| text.contains(shape)).map(|(name, _)| name).collect()
    }

    /// Files below a folder that hold one, unpacked where they are packed, and how many files there are.
    pub fn found_below(&self, folder: &Path) -> (Vec<String>, usize) {
        let words = tempfile::NamedTempFile::new().unwrap();
        let lines: Vec<&str> = self.shapes().map(|(_, shape)| shape).collect();
        fs::write(words.path(), lines.join("\n") + "\n").unwrap();
        // gzip hands on what it did not pack itself.
        let script = r#"find "$0" -type f | while read -r file; do
            gzip -dcfq "$file" | LC_ALL=C grep -aqFf "$1" && echo "leak $file" || echo "clean $file"; done"#;
        let searched = Command::new("bash").args(["-c", script]).arg(folder).arg(words.path()).output().unwrap();
        let searched = Outcome::from(searched).ended(0).stdout;
        let leaks = searched.lines().filter_map(|line| line.strip_prefix("leak ")).map(str::to_owned).collect();
        (leaks, searched.lines().count())
    }
}

/// Name and text of each shape of a value.
fn shapes(value: &str) -> Vec<(String, String)> {
    let named = |name: &str, shape: String| (name.to_owned(), shape);
    let json = serde_json::Value::from(value).to_string();
    let mut all = vec![named("plain", value.to_owned()), named("in JSON", json[1..json.len() - 1].to_owned())];
    for (encoder, kept) in [("RFC 3986", ""), ("path", "/"), ("browser", "!'()*")] {
        for lower in [false, true] {
            let encoded = percent(value, kept, lower);
            all.push(named(&format!("{encoder}, form, lower {lower}"), encoded.replace("%20", "+")));
            all.push(named(&format!("{encoder}, lower {lower}"), encoded));
        }
    }
    for offset in 0..3 {
        all.push(named(&format!("base64 after {offset}"), aligned(&STANDARD, value, offset)));
        all.push(named(&format!("URL-safe base64 after {offset}"), aligned(&URL_SAFE, value, offset)));
    }
    all
}

fn percent(value: &str, kept: &str, lower: bool) -> String {
    let stays =
        |byte: u8| byte.is_ascii_alphanumeric() || UNRESERVED.contains(&byte) || kept.as_bytes().contains(&byte);
    let one = |byte: u8| match (stays(byte), lower) {
        (true, _) => char::from(byte).to_string(),
        (false, true) => format!("%{byte:02x}"),
        (false, false) => format!("%{byte:02X}"),
    };
    value.bytes().map(one).collect()
}

/// What is the same of the base64 of a longer text whatever stands before and behind the value.
fn aligned(engine: &impl base64::Engine, value: &str, offset: usize) -> String {
    let around = |byte: u8| engine.encode([&vec![byte; offset][..], value.as_bytes(), &[byte; 3]].concat());
    let (one, other) = (around(0), around(0xff));
    let pairs = one.chars().zip(other.chars());
    pairs.skip_while(|(a, b)| a != b).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
}

#[test]
fn a_planted_value_is_found_in_every_shape_and_every_place() {
    let value = format!("canary{AWKWARD}0123");
    let canaries = Canaries::of([("TOKEN", value.as_str())]);
    assert!(canaries.shapes().count() >= 18, "{:?}", canaries.shapes().map(|(name, _)| name).collect::<Vec<_>>());
    // As encoders of the world write them; the third letter of a user moves the base64 by one.
    for text in [
        "x canary%2B%2F%3D%40%3A%25%20%27%22%26%3F%230123",
        "x canary%2b%2f%3d%40%3a%25%20%27%22%26%3f%230123",
        "x canary%2B/%3D%40%3A%25%20%27%22%26%3F%230123",
        "x canary%2B%2F%3D%40%3A%25+'%22%26%3F%230123",
        r#"{"x":"canary+/=@:% '\"&?#0123"}"#,
    ] {
        assert!(!canaries.found_in(text).is_empty(), "{text}");
    }
    use base64::Engine as _;
    let folder = tempfile::tempdir().unwrap();
    for user in ["a", "ab", "abc"] {
        for engine in [STANDARD, URL_SAFE] {
            let basic = engine.encode(format!("{user}:{value}@host"));
            assert!(!canaries.found_in(&basic).is_empty(), "{user}: {basic}");
            fs::write(folder.path().join("log"), &basic).unwrap();
            assert!(Command::new("gzip").arg("-f").arg(folder.path().join("log")).status().unwrap().success());
            assert_eq!(canaries.found_below(folder.path()).0.len(), 1, "not found where it is packed: {user}");
        }
    }
    fs::remove_file(folder.path().join("log.gz")).unwrap();
    fs::write(folder.path().join("log"), "canary").unwrap();
    assert_eq!(canaries.found_below(folder.path()), (Vec::new(), 1));
}
