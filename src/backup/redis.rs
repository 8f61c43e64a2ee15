//! Redis: a snapshot that was asked for and awaited, read from its data directory; a restore replaces the files of a stopped
//! server, and makes the append-only files anew where the server uses them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::BackupError;
use super::inside::{Inside, Shape, begun};
use super::postgres::{BegunDump, BegunPart};

/// The name of the file in a set.
pub const RDB: &str = "dump.rdb";
/// How long a snapshot, a rewrite or loading may take.
const SAVING: Duration = Duration::from_secs(3600);
/// Time between two looks.
const BETWEEN: Duration = Duration::from_millis(200);
/// A database ends with this byte and a checksum of eight bytes.
const END: u8 = 0xff;
const CHECKSUM: usize = 8;

const SHAPE: Shape = Shape { head: b"REDIS", ends: |tail| tail.iter().rev().nth(CHECKSUM) == Some(&END) };

/// Settings that say where a server keeps its data.
const SETTINGS: [&str; 5] = ["dir", "dbfilename", "appendonly", "appenddirname", "appendfilename"];

/// Has a snapshot saved and begins to read it. What is recorded says when the snapshot was cut, in seconds.
pub async fn begin(inside: &Inside<'_>) -> Result<BegunPart, BackupError> {
    let mut facts = settings(inside).await?;
    let before = lasting_keys(inside).await?;
    save(inside).await?;
    // A count that moved during the save, or of keys that expire, says nothing about the snapshot.
    if let Some(count) = before.filter(|before| *before > 0)
        && lasting_keys(inside).await? == before
    {
        facts.insert(EXACT_KEYS.to_owned(), count.to_string());
    }
    let place = |key: &str| facts.get(key).cloned().unwrap_or_default();
    let path = format!("{}/{}", place("dir").trim_end_matches('/'), place("dbfilename"));
    let stream = inside.dump("exec cat \"$1\"", &[&path], SHAPE).await?;
    let dump = BegunDump { name: RDB.to_owned(), of: String::new(), stream: begun(stream).await? };
    Ok(BegunPart { dumps: vec![dump], facts })
}

/// What the server says of its data directory, its version, and the number of its keys.
pub async fn settings(inside: &Inside<'_>) -> Result<BTreeMap<String, String>, BackupError> {
    let mut facts = BTreeMap::new();
    for name in SETTINGS {
        let answer = client(inside, &["CONFIG", "GET", name]).await?;
        let value = answer.lines().nth(1).unwrap_or_default();
        facts.insert(name.to_owned(), value.to_owned());
    }
    if facts.get("dir").is_none_or(String::is_empty) {
        return Err(inside.failed("CONFIG GET did not return the data directory"));
    }
    let server = client(inside, &["INFO", "server"]).await?;
    facts.extend(field(&server, "redis_version").map(|version| ("server_version".to_owned(), version.to_owned())));
    facts.insert("keys".to_owned(), keys(inside).await?.to_string());
    Ok(facts)
}

/// The fact with the number of keys of a snapshot, where it is known exactly.
pub const EXACT_KEYS: &str = "keys of the snapshot";

/// The number of keys, if none of them expires.
async fn lasting_keys(inside: &Inside<'_>) -> Result<Option<u64>, BackupError> {
    let keyspace = client(inside, &["INFO", "keyspace"]).await?;
    let of = |line: &str| line.split_once("expires=")?.1.split(',').next()?.trim().parse::<u64>().ok();
    let expiring: u64 = keyspace.lines().filter_map(of).sum();
    Ok(if expiring == 0 { Some(keys(inside).await?) } else { None })
}

/// The number of keys of all databases.
pub async fn keys(inside: &Inside<'_>) -> Result<u64, BackupError> {
    let keyspace = client(inside, &["INFO", "keyspace"]).await?;
    let of = |line: &str| line.split_once("keys=")?.1.split(',').next()?.trim().parse::<u64>().ok();
    Ok(keyspace.lines().filter_map(of).sum())
}

/// Saves, and waits until that succeeded: the background save of before is waited for, too.
async fn save(inside: &Inside<'_>) -> Result<(), BackupError> {
    let until = tokio::time::Instant::now() + SAVING;
    let idle = |info: &str| {
        ["rdb_bgsave_in_progress", "aof_rewrite_in_progress"].iter().all(|name| field(info, name) != Some("1"))
    };
    await_info(inside, until, idle).await?;
    let begun = seconds(inside, "TIME").await?;
    let answer = client(inside, &["BGSAVE"]).await?;
    let info = await_info(inside, until, |info| field(info, "rdb_bgsave_in_progress") == Some("0")).await?;
    if field(&info, "rdb_last_bgsave_status") != Some("ok") {
        return Err(inside.failed(format!("BGSAVE failed: {}", answer.trim())));
    }
    if seconds(inside, "LASTSAVE").await? < begun {
        return Err(inside.failed(format!("BGSAVE did not save: {}", answer.trim())));
    }
    Ok(())
}

/// Seconds since 1970, in the first line of the answer.
async fn seconds(inside: &Inside<'_>, command: &str) -> Result<u64, BackupError> {
    let answer = client(inside, &[command]).await?;
    let seconds = answer.lines().next().and_then(|line| line.trim().parse().ok());
    seconds.ok_or_else(|| inside.failed(format!("unexpected answer to {command}: {}", answer.trim())))
}

async fn await_info(
    inside: &Inside<'_>,
    until: tokio::time::Instant,
    is_met: impl Fn(&str) -> bool,
) -> Result<String, BackupError> {
    loop {
        let info = client(inside, &["INFO", "persistence"]).await?;
        if is_met(&info) {
            return Ok(info);
        }
        if tokio::time::Instant::now() > until {
            return Err(inside.failed(format!("it was still saving or loading after {}s", SAVING.as_secs())));
        }
        tokio::time::sleep(BETWEEN).await;
    }
}

/// Waits until the server answers and has loaded its data.
pub async fn await_loaded(inside: &Inside<'_>) -> Result<u64, BackupError> {
    let until = tokio::time::Instant::now() + SAVING;
    let patience = tokio::time::Instant::now() + super::inside::QUERY;
    loop {
        match client(inside, &["INFO", "persistence"]).await {
            Ok(info) if field(&info, "loading") == Some("0") => return keys(inside).await,
            Ok(_) if tokio::time::Instant::now() < until => {}
            Err(_) if tokio::time::Instant::now() < patience => {}
            Ok(_) => return Err(inside.failed("it did not load its data in time")),
            Err(error) => return Err(error),
        }
        tokio::time::sleep(BETWEEN).await;
    }
}

/// Puts what the data directory holds aside, in the same directory. The server must be stopped; `inside` is another
/// container with its volumes.
pub async fn put_aside(inside: &Inside<'_>, facts: &BTreeMap<String, String>, set: &str) -> Result<(), BackupError> {
    let script = "
set -e
cd \"$1\"
mkdir -p \"$2\"
for name in \"$3\" \"$4\" \"$5\"; do
  [ -n \"$name\" ] && [ -e \"$name\" ] || continue
  # After a restore that was killed, what was put aside is the old state.
  if [ -e \"$2/$name\" ]; then rm -rf \"./$name\"; else mv \"$name\" \"$2/\"; fi
done";
    files(inside, script, (facts, set)).await
}

/// Brings back what was put aside.
pub async fn put_back(inside: &Inside<'_>, facts: &BTreeMap<String, String>, set: &str) -> Result<(), BackupError> {
    let script = "
set -e
cd \"$1\"
[ -d \"$2\" ] || exit 0
for name in \"$3\" \"$4\" \"$5\"; do if [ -n \"$name\" ]; then rm -rf \"./$name\"; fi; done
find \"$2\" -mindepth 1 -maxdepth 1 -exec mv {} . \\;
rmdir \"$2\"";
    files(inside, script, (facts, set)).await
}

/// Removes what was put aside, also by a restore of another set that was killed.
pub async fn remove_aside(inside: &Inside<'_>, facts: &BTreeMap<String, String>, set: &str) -> Result<(), BackupError> {
    files(inside, "cd \"$1\" && rm -rf \"./$2\" ./.aictl-before-*", (facts, set)).await
}

async fn files(
    inside: &Inside<'_>,
    script: &str,
    (facts, set): (&BTreeMap<String, String>, &str),
) -> Result<(), BackupError> {
    let fact = |key: &str| facts.get(key).cloned().unwrap_or_default();
    let aside = format!(".aictl-before-{set}");
    let words = [fact("dir"), aside, fact("dbfilename"), fact("appenddirname"), fact("appendfilename")];
    inside.answer(script, &words.each_ref().map(String::as_str)).await.map(drop)
}

/// Puts a database file in place. A server with append-only files would ignore it, so those are made from it.
pub async fn load(
    inside: &Inside<'_>,
    facts: &BTreeMap<String, String>,
    dump: crate::target::ByteStream,
) -> Result<(), BackupError> {
    let fact = |key: &str| facts.get(key).cloned().unwrap_or_default();
    let (directory, rdb) = (fact("dir"), fact("dbfilename"));
    let path = format!("{}/{rdb}", directory.trim_end_matches('/'));
    // Its owner is that of the directory: the server may run as another user than we do.
    let write = "set -e; cat >\"$1.new\"; chown \"$(stat -c %u:%g \"$2\")\" \"$1.new\"; mv \"$1.new\" \"$1\"";
    inside.feed(write, &[&path, &directory], dump).await?;
    inside.answer_within(SAVING, "exec redis-check-rdb \"$1\" >&2", &[&path]).await?;
    if fact("appendonly") != "yes" {
        return Ok(());
    }
    let script = "
set -e
unset REDISCLI_AUTH
cd \"$1\"
socket=/tmp/aictl-restore.sock
redis-server --port 0 --unixsocket \"$socket\" --dir \"$1\" --dbfilename \"$2\" --appendonly no --save '' \
  ${3:+--appenddirname \"$3\"} ${4:+--appendfilename \"$4\"} --daemonize no >/tmp/aictl-restore.log 2>&1 &
server=$!
ask() { redis-cli -s \"$socket\" \"$@\"; }
value() { ask INFO persistence | tr -d '\\r' | sed -n \"s/^$1://p\"; }
end() { tail -n 3 /tmp/aictl-restore.log >&2; kill $server 2>/dev/null; exit 1; }
until [ \"$(value loading 2>/dev/null)\" = 0 ]; do kill -0 $server 2>/dev/null || end; sleep 0.1; done
ask CONFIG SET appendonly yes >/dev/null || end
until [ \"$(value aof_rewrite_in_progress)\" = 0 ] && [ \"$(value aof_rewrite_scheduled)\" = 0 ]; do sleep 0.1; done
[ \"$(value aof_last_bgrewrite_status)\" = ok ] || end
kill $server
wait $server || end
chown -R \"$(stat -c %u:%g .)\" \"./${3:-.}\" \"./$2\"";
    let words = [directory, rdb, fact("appenddirname"), fact("appendfilename")];
    inside.answer_within(SAVING, script, &words.each_ref().map(String::as_str)).await.map(drop)
}

/// Finds the client of the image.
pub(super) const CLIENT: &str = "
for client in redis-cli valkey-cli; do if command -v $client >/dev/null 2>&1; then break; fi; client=; done
if [ -z \"$client\" ]; then echo 'the image has neither redis-cli nor valkey-cli' >&2; exit 127; fi";

async fn client(inside: &Inside<'_>, words: &[&str]) -> Result<String, BackupError> {
    // A client before 7.0 exits with 0 when the server answered with an error.
    let script = "
answer=$($client \"$@\" 2>&1) || { echo \"$answer\" >&2; exit 1; }
case \"$answer\" in
  'ERR '*|'NOAUTH '*|'WRONGPASS '*|'NOPERM '*|'LOADING '*|'MISCONF '*|'BUSY '*) echo \"$answer\" >&2; exit 1 ;;
esac
printf '%s\\n' \"$answer\"";
    inside.answer(&format!("{CLIENT}{script}"), words).await
}

/// A field of INFO.
fn field<'t>(info: &'t str, name: &str) -> Option<&'t str> {
    info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_info_are_whole_names() {
        let info = "# Persistence\r\nrdb_bgsave_in_progress:0\r\nrdb_last_bgsave_status:ok\r\n";
        assert_eq!(field(info, "rdb_last_bgsave_status"), Some("ok"));
        assert_eq!(field(info, "rdb_bgsave"), None);
    }

    #[test]
    fn a_database_file_ends_with_its_mark_and_a_checksum() {
        assert!((SHAPE.ends)(b"data\xff12345678"));
        assert!(!(SHAPE.ends)(b"data\xff1234567") && !(SHAPE.ends)(b""));
    }
}
