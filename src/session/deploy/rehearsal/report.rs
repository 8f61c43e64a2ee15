//! What a rehearsal found, and the verdict that follows from it.

use std::time::Duration;

use serde::Serialize;

use crate::backup::migration_watch::{TableChange, TableLock};
use crate::error::ErrorKind;
use crate::event::human;
use crate::session::deploy::rehearsed_plan::Verdict;
use crate::session::report::{Block, Cell, Report, Tone, to_json};

/// A lock that keeps all other clients from a table for longer fails a rehearsal.
pub(super) const LONGEST_LOCK: Duration = Duration::from_secs(5);

/// A migration as it went.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct RehearsedMigration {
    pub(super) task: String,
    pub(super) took_ms: u64,
    /// Exclusive locks of tables, the longest first.
    pub(super) locks: Vec<TableLock>,
    pub(super) tables: Vec<TableChange>,
    pub(super) bytes_before: u64,
    pub(super) bytes_after: u64,
    /// The end of its output, where it failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) error: Vec<String>,
}

/// Whose code a check looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Code {
    /// That of the release that serves, before the migrations.
    Before,
    /// The new one.
    New,
    /// That of the release that serves, after the migrations.
    Old,
}

/// A check of a rehearsal.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RehearsedCheck {
    pub(super) code: Code,
    pub(super) name: String,
    pub(super) passed: bool,
    pub(super) message: String,
}

/// Something that was found wrong.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Problem {
    pub(super) verdict: Verdict,
    pub(super) message: String,
}

/// What a rehearsal found.
#[derive(Debug, Clone, Serialize)]
pub struct RehearsalReport {
    pub(super) set: String,
    /// The worst that was found.
    pub verdict: Verdict,
    /// Exclusive locks that last longer fail the rehearsal.
    pub(super) lock_limit_ms: u64,
    pub(super) migrations: Vec<RehearsedMigration>,
    pub(super) checks: Vec<RehearsedCheck>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
}

impl RehearsalReport {
    pub(super) fn new(set: &str) -> Self {
        Self {
            set: set.to_owned(),
            verdict: Verdict::Passed,
            lock_limit_ms: LONGEST_LOCK.as_secs() * 1000,
            migrations: Vec::new(),
            checks: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Notes a problem.
    pub(super) fn fails(&mut self, verdict: Verdict, message: String) {
        self.verdict = self.verdict.min(verdict);
        self.problems.push(Problem { verdict, message });
    }

    /// Notes how a migration went. Behind the maintenance page a long lock keeps nobody out.
    pub(super) fn migrated(&mut self, migration: RehearsedMigration, behind_page: bool) {
        let task = migration.task.clone();
        let limit = human::duration(LONGEST_LOCK);
        let limit_ms = self.lock_limit_ms;
        for lock in migration.locks.iter().filter(|lock| lock.ms > limit_ms) {
            let took = human::duration(Duration::from_millis(lock.ms));
            let message =
                format!("migration `{task}` locks {} exclusively for {took}, longer than {limit}", lock.table);
            match behind_page {
                true => self.warnings.push(message),
                false => self.fails(Verdict::LongLock, message),
            }
        }
        if !migration.error.is_empty() {
            let message = format!("migration `{task}` fails on the data: {}", migration.error.join("; "));
            self.fails(Verdict::MigrationFailed, message);
        }
        self.migrations.push(migration);
    }

    /// Notes the checks of a code. What fails before the migrations, too, says nothing of them.
    pub(super) fn checked(&mut self, checks: Vec<RehearsedCheck>, is_allowed: bool) {
        for check in checks {
            let failed_before =
                self.checks.iter().any(|known| known.code == Code::Before && known.name == check.name && !known.passed);
            let words = match check.code {
                Code::Before => "with the release that serves, before the migrations",
                Code::New => "with the new release",
                Code::Old => "with the release that serves, after the migrations",
            };
            let message = format!("check `{}` fails {words}: {}", check.name, check.message);
            match (check.passed, check.code, failed_before) {
                (true, _, _) => {}
                (false, Code::Before, _) | (false, _, true) => self.warnings.push(message),
                (false, Code::Old, false) if is_allowed => self.warnings.push(message),
                (false, Code::Old, false) => self.fails(Verdict::OldCodeFailed, message),
                (false, Code::New, false) => self.fails(Verdict::NewCodeFailed, message),
            }
            self.checks.push(check);
        }
    }

    /// Whether nothing was wrong.
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }

    /// What it measured and found, without the verdict.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.migrations.iter().flat_map(RehearsedMigration::lines).collect();
        let count = |code: Code| self.checks.iter().filter(|check| check.code == code && check.passed).count();
        for (code, words) in
            [(Code::New, "with the new release"), (Code::Old, "with the release that serves, after the migrations")]
        {
            if self.checks.iter().any(|check| check.code == code) {
                lines.push(format!("{} passed {words}", human::count(count(code), "check")));
            }
        }
        lines.extend(self.warnings.iter().map(|warning| format!("warning: {warning}")));
        lines.extend(self.problems.iter().map(|problem| problem.message.clone()));
        lines
    }

    /// The verdict in words.
    pub fn last_line(&self) -> String {
        format!("rehearsal on backup set {}: {}", self.set, self.verdict.words())
    }
}

impl RehearsedMigration {
    fn lines(&self) -> Vec<String> {
        let took = human::duration(Duration::from_millis(self.took_ms));
        let (before, after) = (human::bytes(self.bytes_before), human::bytes(self.bytes_after));
        let mut lines = vec![format!("migration `{}`: {took}, database {before} before, {after} after", self.task)];
        lines.extend(self.locks.iter().map(|lock| {
            format!("  {}: locked exclusively for {}", lock.table, human::duration(Duration::from_millis(lock.ms)))
        }));
        lines.extend(self.tables.iter().map(|table| {
            let rewritten = table.rewritten.map(|rows| format!("rewritten, {}; ", human::count(rows as usize, "row")));
            let (inserted, updated, deleted) = (table.inserted, table.updated, table.deleted);
            let rewritten = rewritten.unwrap_or_default();
            format!("  {}: {rewritten}{inserted} inserted, {updated} updated, {deleted} deleted", table.table)
        }));
        lines
    }
}

impl Report for RehearsalReport {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = self.lines().into_iter().map(|line| Block::Line(vec![line.into()])).collect();
        let tone = if self.passed() { Tone::Good } else { Tone::Bad };
        blocks.push(Block::Line(vec![Cell::new(self.last_line(), tone)]));
        blocks
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }

    fn exit_code(&self) -> u8 {
        if self.passed() { 0 } else { ErrorKind::ChecksFailed.exit_code() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: Code, name: &str, passed: bool) -> RehearsedCheck {
        RehearsedCheck { code, name: name.into(), passed, message: "no".into() }
    }

    #[test]
    fn the_worst_problem_is_the_verdict_and_what_failed_before_the_migrations_is_none() {
        let mut report = RehearsalReport::new("s");
        report.checked(vec![check(Code::Before, "outside", false), check(Code::Before, "api", true)], false);
        report.checked(vec![check(Code::New, "outside", false), check(Code::Old, "outside", false)], false);
        assert!(report.passed(), "{report:?}");
        let lock = |ms| TableLock { table: "public.a".into(), ms };
        let migration = RehearsedMigration { task: "m".into(), locks: vec![lock(4999)], ..Default::default() };
        report.migrated(migration.clone(), false);
        assert!(report.passed(), "{report:?}");
        report.migrated(RehearsedMigration { locks: vec![lock(5001)], ..migration.clone() }, true);
        assert!(report.passed(), "{report:?}");
        report.migrated(RehearsedMigration { locks: vec![lock(5001)], ..migration }, false);
        assert_eq!(report.verdict, Verdict::LongLock);
        report.checked(vec![check(Code::Old, "api", false)], true);
        assert_eq!(report.verdict, Verdict::LongLock);
        report.checked(vec![check(Code::New, "api", false)], false);
        assert_eq!(report.verdict, Verdict::NewCodeFailed);
        report.checked(vec![check(Code::Old, "api", false)], false);
        assert_eq!((report.verdict, report.problems.len()), (Verdict::OldCodeFailed, 3));
    }
}
