//! Which sets are kept, each with its reason, by the rules of `restic forget`.

use time::OffsetDateTime;

use crate::project::KeepPolicy;

/// What a rule counts.
struct Bucket {
    name: &'static str,
    left: u32,
    key: fn(OffsetDateTime, usize) -> i64,
    last: Option<i64>,
}

/// Why each set is kept, in the order given; none for one that is not. Times are seconds since 1970, newest first. The
/// newest one is always kept.
pub fn reasons(times: &[i64], rules: &KeepPolicy) -> Vec<Vec<String>> {
    let mut buckets = buckets(rules);
    let newest = times.first().copied().unwrap_or_default();
    let all = times.iter().enumerate().map(|(index, seconds)| {
        let time = OffsetDateTime::from_unix_timestamp(*seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let mut reasons = Vec::new();
        let within = rules.within.and_then(|within| i64::try_from(within.0.as_secs()).ok());
        if within.is_some_and(|within| *seconds > newest - within) {
            reasons.push("within".to_owned());
        }
        for bucket in buckets.iter_mut().filter(|bucket| bucket.left > 0) {
            let key = (bucket.key)(time, index);
            if bucket.last != Some(key) {
                bucket.last = Some(key);
                bucket.left -= 1;
                reasons.push(bucket.name.to_owned());
            }
        }
        if index == 0 && reasons.is_empty() {
            reasons.push("newest".to_owned());
        }
        reasons
    });
    all.collect()
}

fn buckets(rules: &KeepPolicy) -> [Bucket; 6] {
    let bucket = |name, left, key| Bucket { name, left, key, last: None };
    [
        bucket("last", rules.last, |_, index| index as i64),
        bucket("hourly", rules.hourly, |time, _| i64::from(time.to_julian_day()) * 24 + i64::from(time.hour())),
        bucket("daily", rules.daily, |time, _| i64::from(time.to_julian_day())),
        bucket("weekly", rules.weekly, |time, _| {
            let (year, week, _) = time.to_iso_week_date();
            i64::from(year) * 100 + i64::from(week)
        }),
        bucket("monthly", rules.monthly, |time, _| i64::from(time.year()) * 100 + i64::from(u8::from(time.month()))),
        bucket("yearly", rules.yearly, |time, _| i64::from(time.year())),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::macros::datetime;

    use super::*;
    use crate::project::Period;

    fn kept(times: &[OffsetDateTime], rules: KeepPolicy) -> Vec<usize> {
        let seconds: Vec<i64> = times.iter().map(|time| time.unix_timestamp()).collect();
        let reasons = reasons(&seconds, &rules);
        reasons.iter().enumerate().filter(|(_, why)| !why.is_empty()).map(|(index, _)| index).collect()
    }

    /// Newest first.
    fn times() -> Vec<OffsetDateTime> {
        vec![
            datetime!(2026-03-10 12:40 UTC), // 0 Tuesday
            datetime!(2026-03-10 12:10 UTC), // 1 same hour
            datetime!(2026-03-10 03:00 UTC), // 2 same day
            datetime!(2026-03-09 03:00 UTC), // 3 Monday, same week
            datetime!(2026-03-08 23:59 UTC), // 4 Sunday, week before
            datetime!(2026-03-02 00:00 UTC), // 5 Monday of that week
            datetime!(2026-02-28 12:00 UTC), // 6 month before
            datetime!(2026-01-01 00:00 UTC), // 7 week 1 of 2026
            datetime!(2025-12-31 23:59 UTC), // 8 ISO week 1 of 2026, too
            datetime!(2025-12-28 10:00 UTC), // 9 week 52 of 2025
            datetime!(2024-06-01 10:00 UTC), // 10
        ]
    }

    #[test]
    fn every_rule_keeps_the_newest_of_its_buckets() {
        let (times, none) = (times(), KeepPolicy::default());
        let hours = |count: u64| Period(Duration::from_secs(count * 3600));
        for (rules, expected) in [
            (none, vec![0]),
            (KeepPolicy { last: 1, ..none }, vec![0]),
            (KeepPolicy { last: 3, ..none }, vec![0, 1, 2]),
            (KeepPolicy { last: 99, ..none }, (0..11).collect()),
            (KeepPolicy { hourly: 1, ..none }, vec![0]),
            (KeepPolicy { hourly: 2, ..none }, vec![0, 2]),
            (KeepPolicy { hourly: 4, ..none }, vec![0, 2, 3, 4]),
            (KeepPolicy { daily: 1, ..none }, vec![0]),
            (KeepPolicy { daily: 2, ..none }, vec![0, 3]),
            (KeepPolicy { daily: 4, ..none }, vec![0, 3, 4, 5]),
            (KeepPolicy { daily: 7, ..none }, vec![0, 3, 4, 5, 6, 7, 8]),
            (KeepPolicy { weekly: 1, ..none }, vec![0]),
            (KeepPolicy { weekly: 2, ..none }, vec![0, 4]),
            (KeepPolicy { weekly: 3, ..none }, vec![0, 4, 6]),
            (KeepPolicy { weekly: 4, ..none }, vec![0, 4, 6, 7]),
            (KeepPolicy { weekly: 5, ..none }, vec![0, 4, 6, 7, 9]),
            (KeepPolicy { monthly: 1, ..none }, vec![0]),
            (KeepPolicy { monthly: 2, ..none }, vec![0, 6]),
            (KeepPolicy { monthly: 3, ..none }, vec![0, 6, 7]),
            (KeepPolicy { monthly: 4, ..none }, vec![0, 6, 7, 8]),
            (KeepPolicy { monthly: 9, ..none }, vec![0, 6, 7, 8, 10]),
            (KeepPolicy { yearly: 1, ..none }, vec![0]),
            (KeepPolicy { yearly: 2, ..none }, vec![0, 8]),
            (KeepPolicy { yearly: 3, ..none }, vec![0, 8, 10]),
            (KeepPolicy { within: Some(hours(1)), ..none }, vec![0, 1]),
            (KeepPolicy { within: Some(hours(24)), ..none }, vec![0, 1, 2]),
            (KeepPolicy { within: Some(hours(48)), ..none }, vec![0, 1, 2, 3, 4]),
            (KeepPolicy { last: 1, daily: 2, ..none }, vec![0, 3]),
            (KeepPolicy { last: 2, daily: 1, ..none }, vec![0, 1]),
            (KeepPolicy { daily: 2, weekly: 2, monthly: 2, ..none }, vec![0, 3, 4, 6]),
            (KeepPolicy { last: 1, yearly: 2, within: Some(hours(1)), ..none }, vec![0, 1, 8]),
        ] {
            assert_eq!(kept(&times, rules), expected, "{rules:?}");
        }
        assert!(kept(&[], KeepPolicy { last: 1, ..none }).is_empty());
    }

    #[test]
    fn every_reason_is_named() {
        let times: Vec<i64> = times().iter().map(|time| time.unix_timestamp()).collect();
        let why = reasons(&times[..2], &KeepPolicy { last: 1, daily: 1, ..Default::default() });
        assert_eq!(why, [vec!["last".to_owned(), "daily".to_owned()], Vec::new()]);
        assert_eq!(reasons(&times[..1], &KeepPolicy::default()), [["newest"]]);
    }
}
