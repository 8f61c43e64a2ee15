//! `.dockerignore`: which files of a build context stay at home.
//! Reads the file's text; answers for one path at a time, the last matching rule winning, as the Docker CLI does.
//! Never touches the disk.

/// The rules of one file.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    keep: bool,
    parts: Vec<String>,
}

impl Ignore {
    pub(super) fn parse(text: &str) -> Self {
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        let rules = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).filter_map(Rule::parse);
        Self { rules: rules.collect() }
    }

    /// Whether a path, relative and with `/`, is left out: it, or a directory above it, matches.
    pub(super) fn ignores(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let mut ignored = false;
        for rule in &self.rules {
            if ignored == rule.keep && (1..=parts.len()).any(|depth| matches(&rule.parts, &parts[..depth])) {
                ignored = !rule.keep;
            }
        }
        ignored
    }

    /// Whether an ignored directory may still hold something that is kept.
    pub(super) fn may_keep_below(&self) -> bool {
        self.rules.iter().any(|rule| rule.keep)
    }
}

impl Rule {
    fn parse(line: &str) -> Option<Self> {
        let (keep, pattern) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, line),
        };
        let mut parts: Vec<String> = Vec::new();
        for part in pattern.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                other => parts.push(other.to_owned()),
            }
        }
        (!parts.is_empty()).then_some(Self { keep, parts })
    }
}

/// Whole path against whole pattern; `**` is any number of parts. Only the last `**` is ever tried again: what an earlier
/// one could take besides, the last one can, too.
fn matches(pattern: &[String], path: &[&str]) -> bool {
    let (mut at, mut part) = (0, 0);
    let mut again = None;
    while part < path.len() {
        if pattern.get(at).is_some_and(|first| first == "**") {
            again = Some((at, part));
            at += 1;
        } else if pattern.get(at).is_some_and(|first| glob(first.as_bytes(), path[part].as_bytes())) {
            (at, part) = (at + 1, part + 1);
        } else if let Some((star, taken)) = again {
            again = Some((star, taken + 1));
            (at, part) = (star + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|rest| rest == "**")
}

/// `*`, `?`, `[a-z]` and `\` within one part; of several stars only the last is ever tried again.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut byte) = (0, 0);
    let mut again = None;
    while byte < text.len() {
        if pattern.get(at) == Some(&b'*') {
            again = Some((at, byte));
            at += 1;
        } else if let Some(length) = one(&pattern[at..], text[byte]) {
            (at, byte) = (at + length, byte + 1);
        } else if let Some((star, taken)) = again {
            again = Some((star, taken + 1));
            (at, byte) = (star + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|rest| *rest == b'*')
}

/// How much of a pattern one byte takes, if it matches.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    let (first, rest) = pattern.split_first()?;
    match first {
        b'?' => Some(1),
        b'[' => {
            let end = rest.iter().position(|b| *b == b']')?;
            in_class(&rest[..end], byte).then_some(end + 2)
        }
        b'\\' if !rest.is_empty() => (rest[0] == byte).then_some(2),
        other => (*other == byte).then_some(1),
    }
}

fn in_class(class: &[u8], byte: u8) -> bool {
    let (negated, class) = match class.split_first() {
        Some((b'^', rest)) => (true, rest),
        _ => (false, class),
    };
    let mut found = false;
    let mut at = 0;
    while at < class.len() {
        if at + 2 < class.len() && class[at + 1] == b'-' {
            found |= (class[at]..=class[at + 2]).contains(&byte);
            at += 3;
        } else {
            found |= class[at] == byte;
            at += 1;
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_matching_rule_wins() {
        let ignore =
            Ignore::parse("# comment\n*.md\n!README.md\n/build/\n**/node_modules\ntemp?\nfile[0-9].txt\n!build/keep\n");
        for (path, ignored) in [
            ("notes.md", true),
            ("README.md", false),
            ("docs/notes.md", false),
            ("build/x/y", true),
            ("build/keep", false),
            ("a/b/node_modules/c.js", true),
            ("node_modules/c.js", true),
            ("temp1", true),
            ("temp", false),
            ("file7.txt", true),
            ("filex.txt", false),
        ] {
            assert_eq!(ignore.ignores(path), ignored, "{path}");
        }
        assert!(ignore.may_keep_below());
    }

    #[test]
    fn everything_but_one_directory_can_be_kept() {
        let ignore = Ignore::parse("**\n!src\n");
        assert!(ignore.ignores("Makefile") && ignore.ignores("a/b"));
        assert!(!ignore.ignores("src") && !ignore.ignores("src/a/b.rs"));
    }

    #[test]
    fn double_star_inside_a_pattern_spans_directories() {
        let ignore = Ignore::parse("a/**/b\n");
        assert!(ignore.ignores("a/b") && ignore.ignores("a/x/y/b"));
        assert!(!ignore.ignores("c/a/b"));
    }

    #[test]
    fn many_stars_take_no_longer_than_the_path_is_long() {
        let began = std::time::Instant::now();
        let ignore = Ignore::parse(&format!("{}b\n{}b\n", "*a".repeat(40), "**/a/".repeat(40)));
        let (part, path) = ("a".repeat(200), "a/".repeat(200));
        assert!(!ignore.ignores(&part) && !ignore.ignores(&format!("{path}c")));
        assert!(Ignore::parse("*a*b*c").ignores("xaybabzbc") && !Ignore::parse("*a*b*c").ignores("xaybabzb"));
        assert!(Ignore::parse("a/**/b/**/c").ignores("a/b/x/b/y/c"));
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }
}
