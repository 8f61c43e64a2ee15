# What every lab script stands on: a line to the operator, a cache, Debian
# packages and a deadline. Reads the machine's own apt settings; returns
# nothing but exit codes. Never starts or builds anything by itself.

LAB_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAB_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/aictl-lab

# The scripts are quiet when there is nothing to do: only work is announced.
lab_say() { printf 'lab: %s\n' "$*" >&2; }

lab_fail() {
  printf 'lab: error: %s\n' "$*" >&2
  return 1
}

lab_has() { command -v "$1" >/dev/null 2>&1; }

# lab_await SECONDS COMMAND…: polls until the command succeeds.
lab_await() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.2
  done
}

# lab_logged FILE COMMAND…: runs quietly and shows the end of the output when
# the command fails, so that a failure is never a riddle and success never noise.
lab_logged() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null && return 0
  tail -n 30 "$log" >&2
  lab_fail "failed: $* (whole output: $log)"
}

# lab_locked NAME SECONDS COMMAND…: runs the command while no other run does; waits for
# the other run at most so long.
lab_locked() {
  local file=$LAB_CACHE/$1.lock seconds=$2 result=0 lock
  shift 2
  mkdir -p "$LAB_CACHE"
  exec {lock}>"$file"
  flock -w "$seconds" "$lock" || { lab_fail "another run holds $file"; return 1; }
  "$@" || result=1
  exec {lock}>&-
  return "$result"
}

# The package lists of a bare image are empty, and lists older than a day may
# name packages the mirror no longer has.
lab_apt_lists() {
  local lists=/var/lib/apt/lists
  [ -n "$(find "$lists" -maxdepth 1 -name '*_Packages*' -mtime -1 -print -quit 2>/dev/null)" ] && return 0
  # `|| true`: one unreachable third-party source does not stop Debian's own.
  lab_logged "$LAB_CACHE/log/apt-update.log" timeout 300 apt-get -q update || true
}

# lab_apt PACKAGE…: installs with no question asked and no service started.
lab_apt() {
  lab_has apt-get || { lab_fail "apt-get is needed to install: $*"; return 1; }
  [ "$(id -u)" = 0 ] || { lab_fail "root is needed to install: $*"; return 1; }
  lab_apt_lists
  lab_say "installing $*"
  lab_logged "$LAB_CACHE/log/apt-install.log" timeout 900 \
    env DEBIAN_FRONTEND=noninteractive apt-get -qy -o DPkg::Lock::Timeout=300 \
    install --no-install-recommends "$@"
}
