//! WAL segments by their names, and which times the base backups and segments of several sets reach. Computes only.

use serde::{Deserialize, Serialize};

/// Digits of a timeline, and of each half of a segment's number.
const DIGITS: usize = 8;
/// Addresses that one log number covers.
const LOG: u64 = 1 << 32;

/// A segment: its timeline and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Segment {
    /// The timeline.
    pub timeline: u32,
    /// The number, counted from the beginning of all WAL.
    pub number: u64,
}

impl Segment {
    /// A segment by the name of its file, such as `000000010000000000000002`.
    pub fn of(name: &str, bytes: u64) -> Option<Self> {
        let is_name = name.len() == 3 * DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let field = |at: usize| u64::from_str_radix(name.get(at * DIGITS..(at + 1) * DIGITS)?, 16).ok();
        if !is_name || bytes == 0 {
            return None;
        }
        let number = field(1)?.checked_mul(LOG / bytes)?.checked_add(field(2)?)?;
        Some(Self { timeline: u32::try_from(field(0)?).ok()?, number })
    }

    /// The name of its file.
    pub fn name(self, bytes: u64) -> String {
        let per_log = (LOG / bytes.max(1)).max(1);
        format!("{:08X}{:08X}{:08X}", self.timeline, self.number / per_log, self.number % per_log)
    }
}

/// Segments that follow each other on a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The timeline.
    pub timeline: u32,
    /// The number of the first segment.
    pub first: u64,
    /// The number of the last one.
    pub last: u64,
}

/// The runs of segments that files are, and the timelines whose history is among them. What is received only partly does
/// not count.
pub fn runs<'n>(names: impl Iterator<Item = &'n str>, bytes: u64) -> (Vec<Run>, Vec<u32>) {
    let (mut segments, mut histories) = (Vec::new(), Vec::new());
    for name in names {
        let history = name.strip_suffix(".history").and_then(|tli| u32::from_str_radix(tli, 16).ok());
        histories.extend(history);
        segments.extend(Segment::of(name, bytes));
    }
    segments.sort_unstable();
    segments.dedup();
    let mut runs: Vec<Run> = Vec::new();
    for Segment { timeline, number } in segments {
        match runs.last_mut() {
            Some(run) if run.timeline == timeline && run.last + 1 == number => run.last = number,
            _ => runs.push(Run { timeline, first: number, last: number }),
        }
    }
    histories.sort_unstable();
    (runs, histories)
}

/// A base backup, and the WAL that was stored with it. Its WAL begins before the base backup of the set before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Physical {
    /// Which database cluster it is of: the server draws it when its data is initialised.
    pub system: String,
    /// The size of a segment.
    pub segment_bytes: u64,
    /// The segment that the recovery of the base backup begins with.
    pub first: Segment,
    /// The segment that ends with `until`.
    pub last: Segment,
    /// The first time that the base backup can be recovered to, in seconds since 1970.
    pub from: i64,
    /// The last time that the stored WAL reaches.
    pub until: i64,
    /// The stored segments.
    pub runs: Vec<Run>,
    /// The stored histories of timelines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub histories: Vec<u32>,
}

/// What one base backup reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The first time, in seconds since 1970.
    pub from: i64,
    /// The last time.
    pub until: i64,
    /// How many of the following sets the WAL comes from.
    pub following: usize,
}

/// What the base backup of the first of these sets reaches, by its WAL and that of the following ones, oldest first. None
/// where its own WAL is not whole.
pub fn reach(sets: &[&Physical]) -> Option<Reach> {
    let base = sets.first()?;
    let is_whole = |count: usize| missing(&sets[..=count]).is_none();
    let of_it = |set: &&Physical| set.system == base.system && set.segment_bytes == base.segment_bytes;
    let following = (0..sets.len()).take_while(|at| of_it(&sets[*at]) && is_whole(*at)).last()?;
    Some(Reach { from: base.from, until: sets[following].until, following })
}

/// The first segment that a recovery from the base backup of the first set to the end of the last one lacks.
pub fn missing(sets: &[&Physical]) -> Option<Segment> {
    let (base, end) = (sets.first()?, sets.last()?);
    let timelines = base.first.timeline..=end.last.timeline;
    let runs = || sets.iter().flat_map(|set| &set.runs).filter(|run| timelines.contains(&run.timeline));
    let mut number = base.first.number;
    while number <= end.last.number {
        match runs().filter(|run| run.first <= number && number <= run.last).map(|run| run.last).max() {
            Some(last) => number = last + 1,
            None => return Some(Segment { timeline: end.last.timeline, number }),
        }
    }
    // Without its history, a recovery does not find the way onto another timeline.
    let knows = |timeline: &u32| sets.iter().any(|set| set.histories.contains(timeline));
    let used = |timeline: &u32| runs().any(|run| run.timeline == *timeline && run.last >= base.first.number);
    let lost = timelines.clone().skip(1).find(|timeline| used(timeline) && !knows(timeline));
    lost.map(|timeline| Segment { timeline, number: end.last.number })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: u64 = 16 << 20;

    fn physical(first: u64, runs: &[(u32, u64, u64)]) -> Physical {
        let runs: Vec<Run> = runs
            .iter()
            .map(|(timeline, first, last)| Run { timeline: *timeline, first: *first, last: *last })
            .collect();
        let last = runs.last().map_or(0, |run| run.last);
        let timeline = runs.last().map_or(1, |run| run.timeline);
        Physical {
            system: "7".to_owned(),
            segment_bytes: BYTES,
            first: Segment { timeline: runs.first().map_or(1, |run| run.timeline), number: first },
            last: Segment { timeline, number: last },
            from: first as i64 * 10,
            until: last as i64 * 10,
            runs,
            histories: Vec::new(),
        }
    }

    #[test]
    fn segments_have_the_names_of_their_files() {
        for (name, timeline, number) in [
            ("000000010000000000000002", 1, 2),
            ("0000000200000000000000FF", 2, 255),
            ("000000010000000100000000", 1, 256),
            ("0000000A0000000200000003", 10, 515),
        ] {
            assert_eq!(Segment::of(name, BYTES), Some(Segment { timeline, number }), "{name}");
            assert_eq!(Segment { timeline, number }.name(BYTES), name);
        }
        for other in ["000000010000000000000002.partial", "00000002.history", "base", "00000001000000000000000G"] {
            assert_eq!(Segment::of(other, BYTES), None, "{other}");
        }
        assert_eq!(Segment::of("000000010000000100000001", 64 << 20).unwrap().number, 65);
    }

    #[test]
    fn runs_end_where_a_segment_is_missing() {
        let names = ["000000010000000000000003", "000000010000000000000002", "000000010000000000000005"];
        let others = ["000000010000000000000006.partial", "00000002.history", "000000020000000000000006"];
        let (runs, histories) = runs(names.into_iter().chain(others), BYTES);
        let seen: Vec<_> = runs.iter().map(|run| (run.timeline, run.first, run.last)).collect();
        assert_eq!((seen, histories), (vec![(1, 2, 3), (1, 5, 5), (2, 6, 6)], vec![2]));
    }

    #[test]
    fn a_base_backup_reaches_as_far_as_the_wal_is_whole() {
        let of = |sets: &[&Physical]| reach(sets).map(|reach| (reach.from, reach.until, reach.following));
        let first = physical(4, &[(1, 2, 5)]);
        let second = physical(9, &[(1, 4, 10)]);
        assert_eq!(of(&[&first]), Some((40, 50, 0)));
        assert_eq!(of(&[&first, &second]), Some((40, 100, 1)));
        // The second set was pruned: the third has only what follows its base backup.
        let third = physical(14, &[(1, 9, 15)]);
        assert_eq!(of(&[&first, &third]), Some((40, 50, 0)));
        assert_eq!(of(&[&first, &second, &third]), Some((40, 150, 2)));
        // A receiver that was dead for too long.
        let after_gap = physical(14, &[(1, 4, 7), (1, 12, 15)]);
        assert_eq!(of(&[&first, &after_gap]), Some((40, 50, 0)));
        assert_eq!(missing(&[&first, &after_gap]), Some(Segment { timeline: 1, number: 8 }));
        assert_eq!(of(&[&after_gap]), Some((140, 150, 0)));
        // The WAL of the base backup itself is not whole.
        assert_eq!(of(&[&physical(4, &[(1, 5, 6)])]), None);
        // Another cluster under the same service.
        let other = Physical { system: "8".to_owned(), ..second };
        assert_eq!(of(&[&first, &other]), Some((40, 50, 0)));
    }

    #[test]
    fn another_timeline_is_followed_only_with_its_history() {
        let first = physical(4, &[(1, 2, 5)]);
        let second = physical(7, &[(1, 4, 6), (2, 6, 8)]);
        assert_eq!(reach(&[&first, &second]).unwrap().following, 0);
        let second = Physical { histories: vec![2], ..second };
        assert_eq!(reach(&[&first, &second]).unwrap(), Reach { from: 40, until: 80, following: 1 });
    }
}
