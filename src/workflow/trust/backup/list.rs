//! `aictl backup list`: the sets of the project with their age, size and state.

use clap::Args;
use serde::Serialize;

use super::point_in_time::{Window, windows};
use super::sets::OpenSets;
use crate::backup::{Damage, Finding, FoundSets, LoadedSet, LockKind, SetState};
use crate::error::{ErrorKind, Result};
use crate::event::human;
use crate::session::Context;
use crate::session::report::{Block, Cell, Report, Tone, to_json};

/// Arguments of `backup list`.
#[derive(Debug, Clone, Default, Args)]
pub struct ListArgs {}

/// One set.
#[derive(Debug, Serialize)]
pub struct ListedSet {
    set: String,
    time: String,
    age_seconds: i64,
    complete: bool,
    partial: bool,
    state: SetState,
    checked: Option<String>,
    restore_ms: Option<u64>,
    bytes: Option<u64>,
    added_bytes: Option<u64>,
    skew_ms: Option<i64>,
    /// The times that `backup restore --at` reaches from it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    windows: Vec<Window>,
    parts: Vec<String>,
    tags: Vec<String>,
}

/// The sets, newest first.
#[derive(Debug, Serialize)]
pub struct ListReport {
    project: String,
    repository: String,
    sets: Vec<ListedSet>,
    /// Snapshots and manifests that cannot be read: there may be more sets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<Damage>,
}

/// Lists.
pub(super) async fn run(context: &Context, _: ListArgs) -> Result<ListReport> {
    let open = OpenSets::open(context, LockKind::Shared).await?;
    let now = context.unix_time();
    let FoundSets { sets, unreadable } = open.all().await?;
    let list = |set| ListedSet { windows: windows(&sets, set), ..listed(set, now) };
    let mut sets: Vec<ListedSet> = sets.iter().map(list).collect();
    sets.reverse();
    let repository = open.repository.shown().to_owned();
    Ok(ListReport { project: open.project, repository, sets, unreadable })
}

fn listed(set: &LoadedSet, now: i64) -> ListedSet {
    let manifest = set.manifest.as_ref();
    ListedSet {
        set: set.found.id.set.clone(),
        time: human::utc(set.found.time),
        age_seconds: (now - set.found.time).max(0),
        complete: set.is_complete(),
        partial: manifest.is_some_and(|manifest| manifest.partial),
        state: set.state(),
        checked: set.mark().map(|mark| human::utc(mark.at_ms / 1000)),
        restore_ms: set.mark().and_then(|mark| match mark.finding {
            Finding::Proven { took_ms } => Some(took_ms),
            Finding::Verified | Finding::Damaged => None,
        }),
        bytes: manifest.map(crate::backup::Manifest::bytes),
        added_bytes: manifest.map(|manifest| manifest.added_bytes),
        skew_ms: manifest.map(|manifest| manifest.skew_ms),
        windows: Vec::new(),
        parts: manifest.iter().flat_map(|manifest| &manifest.parts).map(|part| part.name.clone()).collect(),
        tags: set.found.id.tags.clone(),
    }
}

impl ListedSet {
    /// Its row, with the times that it reaches where that is a column.
    fn row(&self, has_windows: bool) -> Vec<Cell> {
        let size = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), human::bytes);
        let tone = match self.state {
            SetState::Incomplete | SetState::Damaged => Tone::Bad,
            SetState::Taken => Tone::Plain,
            SetState::Verified | SetState::Proven => Tone::Good,
        };
        let state = match self.partial {
            true => format!("{}, partial", self.state.word()),
            false => self.state.word().to_owned(),
        };
        let windows: Vec<String> = self.windows.iter().map(Window::words).collect();
        let mut cells: Vec<Cell> = vec![
            Cell::whole(self.set.clone()),
            Cell::whole(self.time.clone()),
            Cell::new(state, tone),
            self.checked.clone().unwrap_or_else(|| "-".to_owned()).into(),
            size(self.bytes).into(),
            size(self.added_bytes).into(),
            self.parts.join(", ").into(),
            self.tags.join(", ").into(),
        ];
        cells.extend(has_windows.then(|| Cell::whole(windows.join(", "))));
        cells
    }
}

impl Report for ListReport {
    fn blocks(&self) -> Vec<Block> {
        let unreadable = self
            .unreadable
            .iter()
            .map(|file| Block::Line(vec![Cell::new(format!("{}: {}", file.what, file.problem), Tone::Bad)]));
        if self.sets.is_empty() {
            let line = format!("no backup sets of {} in {}", self.project, self.repository);
            return unreadable.chain([Block::Line(vec![line.into()])]).collect();
        }
        let mut header =
            ["SET", "CREATED", "STATE", "CHECKED", "SIZE", "NEW", "PARTS", "TAGS"].map(str::to_owned).to_vec();
        let has_windows = self.sets.iter().any(|set| !set.windows.is_empty());
        header.extend(has_windows.then(|| "RESTORE --AT".to_owned()));
        let table = Block::Table { header, rows: self.sets.iter().map(|set| set.row(has_windows)).collect() };
        [table].into_iter().chain(unreadable).collect()
    }

    fn exit_code(&self) -> u8 {
        if self.unreadable.is_empty() { 0 } else { ErrorKind::ChecksFailed.exit_code() }
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}
