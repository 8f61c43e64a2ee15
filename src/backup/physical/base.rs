//! What a set stores of a server: a base backup that was verified, and the WAL received up to now.

use std::time::Duration;

use super::received::{Received, SPOOL};
use super::spool::{names, segment_bytes, system};
use super::wal::{Physical, Segment, missing, reach, runs};
use crate::backup::error::BackupError;
use crate::backup::inside::Inside;
use crate::backup::postgres::{BegunDump, query};
use crate::backup::volume;
use crate::event::human;

/// The base backup of many gigabytes takes hours.
const LONG: Duration = Duration::from_secs(24 * 3600);
/// How long the last segment may take to be received.
const RECEIVING: Duration = Duration::from_secs(120);

/// A base backup.
pub struct StoredBase {
    /// The segment that its recovery begins with.
    first: Segment,
    /// The first time it can be recovered to.
    from: i64,
    bytes: u64,
}

/// Takes a base backup and verifies it. `--no-sync`: it is copied away at once.
pub async fn base(received: &Received<'_>) -> Result<(StoredBase, BegunDump), BackupError> {
    let Received { server, receiver, .. } = received;
    check_room(received).await?;
    let bytes = segment_bytes(server).await?;
    let script = "cd \"$1\" || exit 1
pg_basebackup --no-password --pgdata=base --wal-method=none --checkpoint=fast --no-sync --label=aictl &
echo $! >base.pid; wait $! || exit
rm -f base.pid
pg_verifybackup --quiet --no-parse-wal base >&2 || exit
cat base/backup_label";
    let label = receiver.answer_within(LONG, script, &[SPOOL]).await?;
    let name = label.lines().next().and_then(|line| line.split_once("(file ")?.1.strip_suffix(')'));
    let first = name.and_then(|name| Segment::of(name, bytes));
    let first = first.ok_or_else(|| server.failed("the base backup does not say where its WAL begins"))?;
    let from = "select ceil(extract(epoch from clock_timestamp()))::bigint";
    let from = query(server, "postgres", from).await?.trim().parse();
    let from = from.map_err(|_| server.failed("cannot read its clock"))?;
    Ok((StoredBase { first, from, bytes }, archive(receiver, "base").await?))
}

/// Has the server end the current segment, and takes what was received until then. Warnings say what is missing.
pub async fn wal(
    received: &Received<'_>,
    StoredBase { first, from, bytes }: StoredBase,
) -> Result<(Physical, Vec<String>, BegunDump), BackupError> {
    let Received { server, receiver, previous } = received;
    // The window is of whole seconds, and ends after it begins.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    // A recovery stops at the first transaction that committed later: this one writes nothing but its end.
    let mark = "select floor(extract(epoch from clock_timestamp()))::bigint || ' ' || txid_current()";
    let mark = query(server, "postgres", mark).await?;
    let until = mark.split_whitespace().next().and_then(|seconds| seconds.parse().ok());
    let until = until.ok_or_else(|| server.failed("cannot read its clock"))?;
    let switched = query(server, "postgres", "select pg_walfile_name(pg_switch_wal())").await?;
    let last = Segment::of(switched.trim(), bytes).ok_or_else(|| server.failed("cannot read its WAL position"))?;
    await_segment(receiver, switched.trim()).await?;
    let names = link(receiver).await?;
    let (runs, histories) = runs(names.iter().map(String::as_str), bytes);
    let system = system(server).await?;
    let physical = Physical { system, segment_bytes: bytes, first, last, from, until, runs, histories };
    if reach(&[&physical]).is_none() {
        let lost = missing(&[&physical]).map(|segment| segment.name(bytes)).unwrap_or_default();
        return Err(server.failed(format!("WAL segment {lost} was not received")));
    }
    let warnings = previous.iter().filter_map(|(_, previous)| gap(server, (previous, &physical))).collect();
    Ok((physical, warnings, archive(receiver, "wal").await?))
}

/// What is not reachable between two sets.
fn gap(server: &Inside<'_>, (previous, now): (&Physical, &Physical)) -> Option<String> {
    let times =
        format!("it cannot be restored to a time between {} and {}", human::utc(previous.until), human::utc(now.from));
    let service = &server.service;
    if previous.system != now.system {
        return Some(format!("{service} has another database cluster than the backup set before: {times}"));
    }
    let lost = missing(&[previous, now])?.name(now.segment_bytes);
    Some(format!("the WAL of {service} has a gap, from segment {lost} on: {times}"))
}

/// The base backup is made beside the WAL before it is stored: a full disk would stop the receiver.
async fn check_room(Received { server, receiver, .. }: &Received<'_>) -> Result<(), BackupError> {
    let size = query(server, "postgres", "select sum(pg_database_size(oid))::bigint from pg_database").await?;
    let free = receiver.answer("df -Pk \"$1\" | awk 'NR == 2 { print $4 }'", &[SPOOL]).await?;
    let (Ok(size), Ok(free)) = (size.trim().parse::<u64>(), free.trim().parse::<u64>()) else { return Ok(()) };
    if free.saturating_mul(1024) < size / 10 * 11 {
        let (size, free) = (human::bytes(size), human::bytes(free.saturating_mul(1024)));
        return Err(server.failed(format!("a base backup needs {size}, and the volume of its WAL has {free} free")));
    }
    Ok(())
}

async fn await_segment(receiver: &Inside<'_>, name: &str) -> Result<(), BackupError> {
    let script = "until [ -f \"$1/$2\" ]; do sleep 0.2; done";
    let arrived = receiver.answer_within(RECEIVING, script, &[SPOOL, name]).await;
    arrived.map(drop).map_err(|_| receiver.failed(format!("WAL segment {name} was not received")))
}

/// Gives what was received a second name, under which it does not change while it is stored. Returns the names of the files.
async fn link(receiver: &Inside<'_>) -> Result<Vec<String>, BackupError> {
    let script = "cd \"$1\" && rm -rf wal && mkdir wal || exit
find . -maxdepth 1 -name '0*' ! -name '*.partial' -exec ln {} wal/ ';' || exit
for file in 0*.partial; do [ ! -f \"$file\" ] || cp \"$file\" wal/; done
if [ -d before ]; then mkdir wal/before && find before -type f -exec ln {} wal/before/ ';'; fi";
    receiver.answer_within(RECEIVING, script, &[SPOOL]).await?;
    names(receiver, &format!("{SPOOL}/wal")).await
}

async fn archive(receiver: &Inside<'_>, folder: &str) -> Result<BegunDump, BackupError> {
    let volume = (folder.to_owned(), format!("{SPOOL}/{folder}"));
    let begun = volume::begin(receiver.target, &receiver.container, &[volume]).await?;
    let dump = begun.dumps.into_iter().next().ok_or_else(|| receiver.failed("it has no archive"))?;
    Ok(BegunDump { of: String::new(), ..dump })
}
