//! What became much less since the set before: a backup of a database that was emptied by mistake is not noticed otherwise.

use super::elasticsearch::DOCUMENTS_OF;
use super::physical::WAL;
use super::qdrant::POINTS_OF;
use super::redis::EXACT_KEYS;
use super::set::{Part, PartKind};
use super::table_counts::ROWS_OF;

/// What has less than half of what the set before had, in words: bytes of a part, rows of its databases, keys, points, documents.
pub fn shrinkage(before: &[Part], now: &[Part]) -> Vec<String> {
    let data = before.iter().filter(|part| part.kind != PartKind::Configuration);
    let pairs = data.filter_map(|old| Some((old, now.iter().find(|part| part.name == old.name)?)));
    let mut found = Vec::new();
    for (old, new) in pairs {
        // A quiet night has less WAL than a busy one.
        let data = |part: &Part| part.files.iter().filter(|file| file.name != WAL).map(|file| file.bytes).sum::<u64>();
        let measured = [
            ("bytes", Some(data(old)), Some(data(new))),
            ("rows", count(old, ROWS_OF), count(new, ROWS_OF)),
            ("keys", count(old, EXACT_KEYS), count(new, EXACT_KEYS)),
            ("documents", count(old, DOCUMENTS_OF), count(new, DOCUMENTS_OF)),
            ("points", count(old, POINTS_OF), count(new, POINTS_OF)),
        ];
        for (what, old_count, new_count) in measured {
            if let (Some(then), Some(now)) = (old_count, new_count)
                && now < then / 2
            {
                found.push(format!("{} has {now} {what}, the set before had {then}", old.name));
            }
        }
    }
    found
}

/// The sum of the counts whose names begin so, estimates included; none where nothing was counted.
fn count(part: &Part, prefix: &str) -> Option<u64> {
    let counts = part.facts.iter().filter(|(name, _)| name.starts_with(prefix));
    let numbers = counts.filter_map(|(_, count)| count.trim_start_matches('~').parse::<u64>().ok());
    numbers.fold(None, |sum: Option<u64>, number| Some(sum.unwrap_or_default().saturating_add(number)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::PartFile;

    fn part(bytes: u64, rows: &[(&str, &str)]) -> Vec<Part> {
        vec![Part {
            name: "db".into(),
            kind: PartKind::Postgres,
            started_ms: 0,
            image: String::new(),
            facts: rows.iter().map(|(table, rows)| (format!("{ROWS_OF}{table}"), (*rows).to_owned())).collect(),
            files: vec![PartFile {
                name: "app.dump".into(),
                bytes,
                sha256: String::new(),
                of: "app".into(),
                mode: None,
            }],
            snapshot: String::new(),
        }]
    }

    #[test]
    fn a_drop_of_more_than_half_is_named_and_one_of_half_is_not() {
        let before = part(1000, &[("a", "60"), ("b", "~40")]);
        assert!(shrinkage(&before, &part(500, &[("a", "50")])).is_empty());
        assert!(shrinkage(&before, &part(500, &[])).is_empty());
        assert_eq!(
            shrinkage(&before, &part(499, &[("a", "10"), ("b", "~39")])),
            ["db has 499 bytes, the set before had 1000", "db has 49 rows, the set before had 100"]
        );
    }
}
