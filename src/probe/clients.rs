//! The scripts that run psql and redis-cli inside the service's own container with the container's own credentials.
//! Text for `sh -c`; arguments of the client follow.
//! Never carries a password out of the container.

macro_rules! postgres_login {
    () => {
        r#"
export PGUSER="${PGUSER:-${POSTGRES_USER:-${POSTGRESQL_USERNAME:-postgres}}}"
export PGDATABASE="${PGDATABASE:-${POSTGRES_DB:-${POSTGRESQL_DATABASE:-$PGUSER}}}"
if [ -z "${PGPASSWORD:-}" ]; then
  password="${POSTGRES_PASSWORD:-${POSTGRESQL_PASSWORD:-}}"
  if [ -z "$password" ] && [ -r "${POSTGRES_PASSWORD_FILE:-}" ]; then password="$(cat "$POSTGRES_PASSWORD_FILE")"; fi
  if [ -n "$password" ]; then export PGPASSWORD="$password"; fi
fi
"#
    };
}

macro_rules! redis_login {
    () => {
        r#"
if [ -z "${REDISCLI_AUTH:-}" ]; then
  password="${REDIS_PASSWORD:-${VALKEY_PASSWORD:-}}"
  if [ -z "$password" ] && [ -r "${REDIS_PASSWORD_FILE:-}" ]; then password="$(cat "$REDIS_PASSWORD_FILE")"; fi
  if [ -n "$password" ]; then export REDISCLI_AUTH="$password"; fi
fi
"#
    };
}

/// User, database and password as the official image's variables say.
pub const POSTGRES_LOGIN: &str = postgres_login!();

/// The password, where redis-cli reads it.
pub const REDIS_LOGIN: &str = redis_login!();

/// psql after the login; each flag overrides it.
pub const PSQL: &str = concat!(
    postgres_login!(),
    r#"
if command -v psql >/dev/null 2>&1; then exec psql "$@"; fi
echo "the image has no psql" >&2
exit 127
"#
);

/// redis-cli after the login.
pub const REDIS_CLI: &str = concat!(
    redis_login!(),
    r#"
if command -v redis-cli >/dev/null 2>&1; then exec redis-cli "$@"; fi
if command -v valkey-cli >/dev/null 2>&1; then exec valkey-cli "$@"; fi
echo "the image has neither redis-cli nor valkey-cli" >&2
exit 127
"#
);

/// How both begin to say what an image lacks, with exit code 127.
pub(super) const LACKING: &str = "the image has ";

/// Ends a client that hangs, where the image has a program for it: what runs in a container outlives who asked for it.
pub(super) const BOUNDED: &str = r#"
limit="$1"; shift
if command -v timeout >/dev/null 2>&1; then exec timeout "$limit" "$@"; else exec "$@"; fi
"#;
