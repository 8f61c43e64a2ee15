//! The receiver and its spool: whether it receives, what it holds, and what becomes of it when the server no longer has the
//! WAL that would come next.

use std::time::Duration;

use super::received::{Received, SLOT, SPOOL};
use super::wal::Segment;
use crate::backup::error::BackupError;
use crate::backup::inside::Inside;
use crate::backup::postgres::query;
use crate::backup::psql::literal;

/// Receives for as long as the server can be reached. The network of a server that was started again is another one, which only
/// a container that starts joins: the receiver gives up after a while, and the engine starts it again. It stops while less
/// than 2 GiB and 5 % of the disk are free: backups that are not taken must not cost the database its disk.
pub const RECEIVE: &str = r#"
trap 'kill $pid 2>/dev/null; wait; exit 0' TERM INT
cd "$1" || exit 1
full() { df -Pk . | awk 'NR == 2 { exit !($5 + 0 > 95 && $4 < 2097152) }'; }
failed=0
while [ $failed -lt 8 ]; do
  began=$(date +%s)
  if full; then
    echo "less than 2 GiB and 5% of the disk are free" >/tmp/aictl-receive.err
    sleep 10 & pid=$!
    wait $pid
    continue
  fi
  {
    pg_receivewal --no-password --slot="$2" --create-slot --if-not-exists &&
    exec pg_receivewal --no-password --no-loop --slot="$2" --directory=.
  } 2>/tmp/aictl-receive.err & pid=$!
  while kill -0 $pid 2>/dev/null; do
    if full; then kill $pid; fi
    sleep 5 & sleeping=$!
    wait $sleeping
  done
  cat /tmp/aictl-receive.err >&2
  [ $(($(date +%s) - began)) -gt 30 ] && failed=0
  failed=$((failed + 1))
  sleep 2 & pid=$!
  wait $pid
done
exit 1"#;

/// How much WAL the server keeps for a receiver that does not run, where it has no limit of its own.
const KEPT: &str = "2GB";
/// How long the receiver may take to connect.
const CONNECTING: Duration = Duration::from_secs(90);
/// How long moving and removing files may take.
const FILES: Duration = Duration::from_secs(300);

/// Prepares the spool for a base backup: receives, with the WAL of this server only.
pub async fn prepare(received: &Received<'_>) -> Result<(), BackupError> {
    let Received { server, receiver, .. } = received;
    check_server(server).await?;
    await_running(receiver).await?;
    let system = system(server).await?;
    let of_spool = receiver.answer("cat \"$1/system\" 2>/dev/null; exit 0", &[SPOOL]).await?.trim().to_owned();
    let is_lost = slot_is_lost(server).await?;
    let foreign = !of_spool.is_empty() && of_spool != system;
    if is_lost || foreign || is_cut(received).await? {
        begin_anew(received).await?;
    }
    let script = "printf '%s\\n' \"$2\" >\"$1/system.new\" && mv \"$1/system.new\" \"$1/system\"";
    receiver.answer(script, &[SPOOL, &system]).await?;
    await_receiving(received).await?;
    remove_stored(received, &system).await
}

/// Which database cluster a server has.
pub(super) async fn system(server: &Inside<'_>) -> Result<String, BackupError> {
    Ok(query(server, "postgres", "select system_identifier from pg_control_system()").await?.trim().to_owned())
}

/// The user that a server is asked as.
pub async fn user(server: &Inside<'_>) -> Result<String, BackupError> {
    Ok(query(server, "postgres", "select current_user").await?.trim().to_owned())
}

/// The size of a segment.
pub(super) async fn segment_bytes(server: &Inside<'_>) -> Result<u64, BackupError> {
    let bytes = "select bytes_per_wal_segment from pg_control_init()";
    let bytes = query(server, "postgres", bytes).await?.trim().parse::<u64>();
    bytes.ok().filter(|bytes| *bytes > 0).ok_or_else(|| server.failed("cannot read the size of its WAL segments"))
}

/// The names of the received files.
pub(super) async fn names(receiver: &Inside<'_>, folder: &str) -> Result<Vec<String>, BackupError> {
    Ok(receiver.answer("cd \"$1\" && ls", &[folder]).await?.lines().map(str::to_owned).collect())
}

/// What a server must be; a limit of the WAL that it keeps for a dead receiver is set where there is none.
async fn check_server(server: &Inside<'_>) -> Result<(), BackupError> {
    let facts = "select current_setting('wal_level'), current_setting('max_slot_wal_keep_size'), \
                 (select count(*) from pg_tablespace where spcname not in ('pg_default', 'pg_global'))";
    let facts = query(server, "postgres", facts).await?;
    let words: Vec<&str> = facts.trim().split('|').collect();
    match words.as_slice() {
        ["minimal", ..] => Err(server.failed("wal_level is minimal: a base backup needs `replica`")),
        [_, _, spaces] if *spaces != "0" => Err(server.failed("`physical` does not support tablespaces")),
        // Without a limit, a receiver that does not run would fill the disk of the database.
        [_, "-1", _] => {
            let limit = format!("alter system set max_slot_wal_keep_size = {}", literal(KEPT));
            query(server, "postgres", &limit).await?;
            query(server, "postgres", "select pg_reload_conf()").await.map(drop)
        }
        [_, _, _] => Ok(()),
        _ => Err(server.failed("cannot read its settings")),
    }
}

async fn await_running(receiver: &Inside<'_>) -> Result<(), BackupError> {
    let begun = tokio::time::Instant::now();
    loop {
        match receiver.answer("exit 0", &[]).await {
            Ok(_) => return Ok(()),
            Err(error) if begun.elapsed() > CONNECTING => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}

async fn slot_is_lost(server: &Inside<'_>) -> Result<bool, BackupError> {
    let status = format!("select wal_status from pg_replication_slots where slot_name = {}", literal(SLOT));
    Ok(query(server, "postgres", &status).await?.trim() == "lost")
}

/// Removes the slot of a server whose WAL is received no longer, so that it keeps none for it.
pub async fn release(server: &Inside<'_>) -> Result<(), BackupError> {
    query(server, "postgres", &drop_slot()).await.map(drop)
}

fn drop_slot() -> String {
    let slot = literal(SLOT);
    format!(
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = {slot} and not active"
    )
}

/// Whether the server has removed the segment that the receiver would ask for next.
async fn is_cut(received: &Received<'_>) -> Result<bool, BackupError> {
    let Received { server, receiver, .. } = received;
    let bytes = segment_bytes(server).await?;
    let found = names(receiver, SPOOL).await?;
    let whole = found.iter().filter_map(|name| Segment::of(name, bytes));
    let after = whole.map(|segment| Segment { number: segment.number + 1, ..segment }).max();
    let begun = found.iter().filter_map(|name| Segment::of(name.strip_suffix(".partial")?, bytes)).max();
    let Some(next) = after.max(begun) else { return Ok(false) };
    let name = next.name(bytes);
    let gone = format!(
        "select pg_walfile_name(pg_current_wal_lsn()), \
         (select count(*) from pg_ls_waldir() where substr(name, 9) = substr({}, 9))",
        literal(&name)
    );
    let answer = query(server, "postgres", &gone).await?;
    let (current, there) = answer.trim().split_once('|').unwrap_or_default();
    let current = Segment::of(current, bytes).ok_or_else(|| server.failed("cannot read its WAL position"))?;
    Ok(next.number < current.number && there == "0")
}

/// Puts what was received aside, where the next set still stores it, and begins anew with the WAL that the server has.
async fn begin_anew(received: &Received<'_>) -> Result<(), BackupError> {
    let Received { server, receiver, .. } = received;
    let aside = "cd \"$1\" && mkdir -p before && find . -maxdepth 1 -name '0*' -exec mv -f {} before/ ';'";
    receiver.answer_within(FILES, aside, &[SPOOL]).await?;
    query(server, "postgres", &drop_slot()).await?;
    let slot = literal(SLOT);
    // The receiver makes one, too.
    let create = format!(
        "select pg_create_physical_replication_slot({slot}, true) \
         where not exists (select from pg_replication_slots where slot_name = {slot})"
    );
    query(server, "postgres", &create).await.map(drop)
}

async fn await_receiving(Received { server, receiver, .. }: &Received<'_>) -> Result<(), BackupError> {
    let active = format!("select active from pg_replication_slots where slot_name = {}", literal(SLOT));
    let begun = tokio::time::Instant::now();
    while query(server, "postgres", &active).await?.trim() != "t" {
        if begun.elapsed() > CONNECTING {
            let said = receiver.answer("tail -n 1 /tmp/aictl-receive.err", &[]).await.unwrap_or_default();
            return Err(server.failed(format!("its WAL is not received: {}", said.trim())));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Ok(())
}

/// Removes the segments that no base backup from the newest complete set on needs.
async fn remove_stored(received: &Received<'_>, system: &str) -> Result<(), BackupError> {
    let Some((set, previous)) = received.previous.as_ref().filter(|(_, previous)| previous.system == system) else {
        return Ok(());
    };
    let receiver = &received.receiver;
    let script = "cd \"$1\" && if [ -e \"stored-$2\" ]; then rm -rf before; fi";
    receiver.answer_within(FILES, script, &[SPOOL, set]).await?;
    let is_older = |name: &&String| {
        Segment::of(name, previous.segment_bytes).is_some_and(|segment| segment.number < previous.first.number)
    };
    let older: String = names(receiver, SPOOL).await?.iter().filter(is_older).map(|name| format!("{name}\n")).collect();
    if older.is_empty() {
        return Ok(());
    }
    receiver.tell(FILES, ("cd \"$1\" && xargs rm -f", &[SPOOL]), older).await.map(drop)
}

/// Removes what was made for a set. `stored` is its id, where all of it was stored.
pub async fn tidy(receiver: &Inside<'_>, stored: Option<&str>) -> Result<(), BackupError> {
    let script = "cd \"$1\" || exit 1
if [ -f base.pid ]; then
  pid=$(cat base.pid)
  if [ \"$(cat /proc/$pid/comm 2>/dev/null)\" = pg_basebackup ]; then kill \"$pid\"; fi
fi
rm -rf base base.pid wal
if [ -n \"$2\" ]; then rm -f stored-* && : >\"stored-$2\"; fi";
    receiver.answer_within(FILES, script, &[SPOOL, stored.unwrap_or_default()]).await.map(drop)
}
