//! The recovery of a base backup to a point in time, in a scratch container from the image of the server.

use std::time::Duration;

use crate::backup::error::BackupError;
use crate::backup::inside::Inside;
use crate::backup::psql::literal;
use crate::target::ByteStream;

/// Days of WAL take hours.
const LONG: Duration = Duration::from_secs(24 * 3600);
/// Who runs the server.
const USER: &str = "postgres";
/// Where its socket is.
const SOCKET: &str = "/tmp";

/// What is recovered.
pub struct Archives {
    /// The base backup.
    pub base: ByteStream,
    /// The WAL, oldest first.
    pub wal: Vec<ByteStream>,
}

/// Where to.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The time, as PostgreSQL reads it, with its zone.
    pub time: &'a str,
    /// The user that the server knows.
    pub user: &'a str,
}

/// Recovers in a scratch container: everything that was committed up to the time is there, that time included. Returns the
/// way to the recovered server.
pub async fn recover<'a>(
    scratch: &Inside<'a>,
    Archives { base, wal }: Archives,
    target: Target<'_>,
) -> Result<Inside<'a>, BackupError> {
    let folder = "folder=\"${PGDATA:-/var/lib/postgresql/data}/aictl\"; mkdir -p \"$folder\" && printf %s \"$folder\"";
    let folder = scratch.answer(folder, &[]).await?;
    scratch.target.copy_in(&scratch.container, &folder, base).await?;
    for archive in wal {
        scratch.target.copy_in(&scratch.container, &folder, archive).await?;
    }
    let script = "cd \"$1\" || exit 1
printf 'local all all trust\\n' >hba.conf && : >base/recovery.signal || exit
printf '%s\\n' \"$3\" >>base/postgresql.auto.conf || exit
rm -rf wal/before
chown -R \"$2\" . && chmod 700 base && chmod a+rx . ..";
    let settings = settings(&folder, target.time);
    scratch.answer_within(LONG, script, &[&folder, USER, &settings]).await?;
    let server = Inside { user: Some(USER.to_owned()), ..scratch.clone() };
    // A server that is no standby counts as started while it recovers: its own word for it is in postmaster.pid.
    let start = "cd \"$1\" || exit 1
pg_ctl --pgdata=base --log=log --wait start >/dev/null 2>&1
while pg_ctl --pgdata=base status >/dev/null 2>&1; do
  case $(sed -n 8p base/postmaster.pid) in ready*) exit 0 ;; esac
  sleep 0.3
done
grep -E ' (FATAL|PANIC): ' log | tail -n 1 >&2
exit 1";
    server.answer_within(LONG, start, &[&folder]).await?;
    let environment = [format!("PGHOST={SOCKET}"), format!("PGUSER={}", target.user)];
    Ok(Inside { environment: environment.to_vec(), ..server })
}

/// What the recovered server is told besides its own settings: nothing of it leaves the container.
fn settings(folder: &str, time: &str) -> String {
    let restore = format!("cp \"{folder}/wal/%f\" \"%p\" 2>/dev/null || cp \"{folder}/wal/%f.partial\" \"%p\"");
    let hba = format!("{folder}/hba.conf");
    let settings = [
        ("restore_command", restore.as_str()),
        ("recovery_target_time", time),
        ("recovery_target_inclusive", "on"),
        ("recovery_target_timeline", "latest"),
        ("recovery_target_action", "promote"),
        ("hba_file", &hba),
        ("listen_addresses", ""),
        ("unix_socket_directories", SOCKET),
        // A standby would refuse smaller limits of connections than those of the command line it had.
        ("hot_standby", "off"),
        ("archive_mode", "off"),
        ("ssl", "off"),
        ("logging_collector", "off"),
        ("log_destination", "stderr"),
        ("lc_messages", "C"),
        ("primary_conninfo", ""),
        ("primary_slot_name", ""),
        ("shared_buffers", "128MB"),
    ];
    settings.iter().map(|(key, value)| format!("{key} = {}\n", literal(value))).collect()
}
