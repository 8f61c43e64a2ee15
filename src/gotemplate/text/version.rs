//! Semantic versions and constraints as Masterminds/semver reads them: `v1.2` is 1.2.0, `^1`, `~1.2`, `1.x`, `a - b`, `||`.

use std::cmp::Ordering;
use std::fmt;

/// A version. Metadata does not count in comparisons.
#[derive(Debug, Clone)]
pub struct Version {
    pub numbers: [u64; 3],
    pub prerelease: String,
    pub metadata: String,
    pub original: String,
}

impl Version {
    /// Reads a version; missing parts are 0.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || "invalid semantic version".to_owned();
        let (numbers, count, prerelease, metadata) = split(text).ok_or_else(bad)?;
        let core = text.split(['-', '+']).next().unwrap_or_default();
        if count == 0 || core.contains(['x', 'X', '*']) {
            return Err(bad());
        }
        let numbers = numbers.map(|number| number.unwrap_or(0));
        Ok(Self { numbers, prerelease, metadata, original: text.to_owned() })
    }
}

type Parts = ([Option<u64>; 3], usize, String, String);

/// Numbers, their count, prerelease and metadata; `x`, `X` and `*` stand for any number.
fn split(text: &str) -> Option<Parts> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, metadata) = text.split_once('+').unwrap_or((text, ""));
    let (text, prerelease) = text.split_once('-').unwrap_or((text, ""));
    let valid = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
    if !valid(prerelease) || !valid(metadata) {
        return None;
    }
    let mut numbers = [None; 3];
    let (mut count, mut any) = (0, false);
    for (at, part) in text.split('.').enumerate() {
        if at > 2 {
            return None;
        }
        if matches!(part, "x" | "X" | "*") {
            any = true;
            continue;
        }
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        if !any {
            numbers[at] = Some(part.parse().ok()?);
            count = at + 1;
        }
    }
    Some((numbers, count, prerelease.to_owned(), metadata.to_owned()))
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => prereleases(&self.prerelease, &other.prerelease),
        })
    }
}

fn prereleases(a: &str, b: &str) -> Ordering {
    for (a, b) in a.split('.').zip(b.split('.')) {
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        if order.is_ne() {
            return order;
        }
    }
    a.split('.').count().cmp(&b.split('.').count())
}

/// A constraint on versions.
#[derive(Debug, Clone)]
pub struct Constraint {
    /// One of the groups must hold, each as a whole.
    groups: Vec<Vec<Comparison>>,
}

#[derive(Debug, Clone)]
struct Comparison {
    operator: String,
    numbers: [Option<u64>; 3],
    count: usize,
    version: Version,
}

const OPERATORS: &[&str] = &["=<", "=>", "!=", ">=", "<=", "~>", "=", ">", "<", "~", "^"];

impl Constraint {
    /// Reads a constraint.
    pub fn parse(text: &str) -> Result<Self, String> {
        let groups: Result<Vec<_>, String> = text.split("||").map(|group| comparisons(group, text)).collect();
        Ok(Self { groups: groups? })
    }

    /// Whether the version is allowed. A prerelease is only where the comparison names one.
    pub fn allows(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| group.iter().all(|comparison| comparison.allows(version)))
    }
}

fn comparisons(group: &str, whole: &str) -> Result<Vec<Comparison>, String> {
    let bad = || format!("improper constraint: {whole}");
    // `1.2 - 3` is a range.
    let spaced = match group.split_once(" - ") {
        Some((low, high)) => format!(">={} <={}", low.trim(), high.trim()),
        None => group.to_owned(),
    };
    let mut found = Vec::new();
    let mut rest = spaced.trim();
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator)).copied().unwrap_or("");
        rest = rest[operator.len()..].trim_start();
        let end = rest.find(|c: char| c.is_whitespace() || c == ',' || "<>=!~^".contains(c)).unwrap_or(rest.len());
        let (numbers, count, prerelease, metadata) = split(&rest[..end]).ok_or_else(bad)?;
        let original = rest[..end].to_owned();
        let version = Version { numbers: numbers.map(|n| n.unwrap_or(0)), prerelease, metadata, original };
        found.push(Comparison { operator: operator.to_owned(), numbers, count, version });
        rest = rest[end..].trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    }
    Ok(found)
}

impl Comparison {
    fn allows(&self, given: &Version) -> bool {
        // `>=1.2` is silent about 1.3.0-beta.
        if !given.prerelease.is_empty() && self.version.prerelease.is_empty() {
            return false;
        }
        let partial = self.count < 3;
        match self.operator.as_str() {
            "" | "=" if partial => self.same_prefix(given, self.count),
            "" | "=" => *given == self.version,
            "!=" if partial => !self.same_prefix(given, self.count),
            "!=" => *given != self.version,
            ">" if partial => {
                given.numbers[..self.count.max(1)] > self.version.numbers[..self.count.max(1)] && self.count > 0
            }
            ">" => *given > self.version,
            "<" => *given < self.version,
            ">=" | "=>" => *given >= self.version,
            "<=" | "=<" if partial => {
                given.numbers[..self.count] <= self.version.numbers[..self.count] || self.count == 0
            }
            "<=" | "=<" => *given <= self.version,
            "~" | "~>" => *given >= self.version && self.same_prefix(given, self.count.min(2)),
            _ => *given >= self.version && self.caret(given),
        }
    }

    fn same_prefix(&self, given: &Version, count: usize) -> bool {
        given.numbers[..count] == self.version.numbers[..count]
    }

    /// `^`: the first number that is not 0 stays.
    fn caret(&self, given: &Version) -> bool {
        match self.numbers {
            [None, ..] => true,
            [Some(major), minor, _] if major > 0 || minor.is_none() => self.same_prefix(given, 1),
            [_, Some(minor), patch] if minor > 0 || patch.is_none() => self.same_prefix(given, 2),
            _ => self.same_prefix(given, 3),
        }
    }
}
