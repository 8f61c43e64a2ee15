# Builds and starts a second, current engine (containerd image store) beside the machine's
# engine, with the lab's images. It has its own network namespace, data, sockets and
# containerd; the machine's engine is not changed.

LAB_MOBY=v2.0.0-beta.24
LAB_CONTAINERD=v2.4.2
# Debian's 1.1 is too old for this containerd.
LAB_RUNC=v1.4.3
# Used if the installed Go is older than 1.21, which downloads no toolchain by itself.
LAB_GO=1.26.8
LAB_GO_SHA256_amd64=30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7
LAB_GO_SHA256_arm64=02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99

LAB_CURRENT_BIN=$LAB_CACHE/tools/moby-$LAB_MOBY-containerd-$LAB_CONTAINERD-runc-$LAB_RUNC
LAB_CURRENT_PROGRAMS='dockerd docker-proxy containerd containerd-shim-runc-v2 runc'
LAB_CURRENT_DATA=/var/lib/aictl-lab-current
LAB_CURRENT_RUN=/run/aictl-lab-current
LAB_CURRENT_LOG=/var/log/aictl-lab-current.log
AICTL_LAB_CURRENT=unix://$LAB_CURRENT_RUN/docker.sock

# Prints the bin folder of a Go that can build the engine.
lab_current_go() {
  local found major minor arch sum zip go=$LAB_CACHE/tools/go-$LAB_GO
  lab_has go || lab_apt golang-go || return 1
  found=$(GOTOOLCHAIN=auto go env GOVERSION 2>/dev/null) || found=go0.0
  IFS=. read -r major minor _ <<<"${found#go}"
  # From 1.21 on, go downloads the toolchain that a module requires.
  if [ "$major" -gt 1 ] || [ "${minor%%[!0-9]*}" -ge 21 ]; then dirname "$(command -v go)"; return; fi
  [ -x "$go/bin/go" ] && { echo "$go/bin"; return; }
  arch=$(dpkg --print-architecture) sum=LAB_GO_SHA256_$arch
  [ -n "${!sum:-}" ] || { lab_fail "no Go is known for $arch"; return 1; }
  lab_say "fetching Go $LAB_GO"
  rm -rf "$go.part" && mkdir -p "$go.part"
  # Any Go fetches it as a module, from where its own configuration says.
  lab_logged "$LAB_CACHE/log/go.log" timeout 600 go mod download -json "golang.org/toolchain@v0.0.1-go$LAB_GO.linux-$arch" || return 1
  zip=$(sed -n 's/^.*"Zip": "\(.*\)",$/\1/p' "$LAB_CACHE/log/go.log")
  echo "${!sum}  $zip" | sha256sum --check --status || { lab_fail "the fetched Go is not $LAB_GO"; return 1; }
  (
    cd "$go.part"
    python3 -m zipfile -e "$zip" x
    # The archive has no file modes.
    chmod +x x/golang.org/*/bin/* x/golang.org/*/pkg/tool/*/*
  ) || return 1
  rm -rf "$go" && mv "$go.part"/x/golang.org/* "$go" && rm -rf "$go.part"
  echo "$go/bin"
}

lab_current_packages() {
  local missing=()
  lab_has pkg-config || missing+=(pkg-config)
  lab_has cc || missing+=(gcc libc6-dev)
  [ -e /usr/include/seccomp.h ] || missing+=(libseccomp-dev)
  lab_has ip || missing+=(iproute2)
  lab_has nsenter || missing+=(util-linux)
  lab_has iptables || missing+=(iptables)
  [ "${#missing[@]}" -eq 0 ] || lab_apt "${missing[@]}"
}

# lab_current_install TAGS PACKAGE…
lab_current_install() {
  local tags=$1
  shift
  lab_logged "$LAB_CACHE/log/current-build.log" timeout 3000 env PATH="$LAB_CURRENT_GO:$PATH" \
    GOBIN="$LAB_CURRENT_BIN.part" GOFLAGS=-buildvcs=false GOTOOLCHAIN=auto \
    nice go install -trimpath -ldflags "-s -w -X github.com/moby/moby/v2/dockerversion.Version=${LAB_MOBY#v}" -tags "$tags" "$@"
}

lab_current_build() {
  local program begun=$SECONDS
  [ -d "$LAB_CURRENT_BIN" ] && return 0
  LAB_CURRENT_GO=$(lab_current_go) || return 1
  lab_say "building a current engine: moby $LAB_MOBY, containerd $LAB_CONTAINERD, runc $LAB_RUNC (about 6 minutes of processor time)"
  rm -rf "$LAB_CURRENT_BIN.part" && mkdir -p "$LAB_CURRENT_BIN.part"
  lab_current_install '' "github.com/moby/moby/v2/cmd/dockerd@$LAB_MOBY" "github.com/moby/moby/v2/cmd/docker-proxy@$LAB_MOBY" \
    && lab_current_install 'no_btrfs no_zfs no_devmapper' "github.com/containerd/containerd/v2/cmd/containerd@$LAB_CONTAINERD" \
      "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2@$LAB_CONTAINERD" \
    && lab_current_install seccomp "github.com/opencontainers/runc@$LAB_RUNC" || return 1
  for program in $LAB_CURRENT_PROGRAMS; do
    [ -x "$LAB_CURRENT_BIN.part/$program" ] || { lab_fail "the build left no $program"; return 1; }
  done
  # Renamed last: an interrupted build is not taken for a complete one.
  mv "$LAB_CURRENT_BIN.part" "$LAB_CURRENT_BIN"
  lab_say "built it in $((SECONDS - begun)) s"
}

# lab_current COMMAND…: runs it in the network namespace of the second engine, from where
# its containers and published ports are reachable, with DOCKER_HOST set.
lab_current() {
  nsenter --net="/proc/$(cat "$LAB_CURRENT_RUN/docker.pid")/ns/net" env DOCKER_HOST="$AICTL_LAB_CURRENT" "$@"
}

lab_current_answers() { DOCKER_HOST=$AICTL_LAB_CURRENT lab_engine_answers; }

# What is mounted below the folder of the second engine, innermost first.
lab_current_mounts() {
  awk -v at="$LAB_CURRENT_RUN/" 'index($2, at) == 1 { print $2 }' /proc/self/mounts | sort -r
}

# Removes what a killed engine left: its containerd and shims keep running in an
# unreachable network, and its pid files name other processes by now.
lab_current_sweep() {
  local process command
  for process in /proc/[0-9]*; do
    command=$({ tr '\0' ' ' <"$process/cmdline"; } 2>/dev/null) || continue
    # Matched by the path of its own folder, which no other engine has.
    case $command in
      *dockerd\ --config-file\ "$LAB_CURRENT_RUN/"* | *containerd*" $LAB_CURRENT_RUN/exec/"* | "$LAB_CURRENT_BIN/docker-proxy "*)
        kill "${process#/proc/}" 2>/dev/null || true ;;
    esac
  done
  sleep 1
  lab_current_mounts | while read -r mount; do umount -l "$mount"; done
  [ -z "$(lab_current_mounts)" ] || { lab_fail "these mounts could not be removed: $(lab_current_mounts | tr '\n' ' ')"; return 1; }
  rm -rf --one-file-system "$LAB_CURRENT_RUN"
}

lab_current_launch() {
  lab_engine_cgroups || lab_say "no control groups could be mounted; the engine may refuse to start"
  lab_current_sweep || return 1
  mkdir -p "$LAB_CURRENT_RUN" "$LAB_CURRENT_DATA"
  cat >"$LAB_CURRENT_RUN/daemon.json" <<CONFIG
{
  "hosts": ["$AICTL_LAB_CURRENT"],
  "data-root": "$LAB_CURRENT_DATA",
  "exec-root": "$LAB_CURRENT_RUN/exec",
  "pidfile": "$LAB_CURRENT_RUN/docker.pid",
  "bip": "10.212.0.1/24",
  "default-address-pools": [{ "base": "10.214.0.0/16", "size": 24 }],
  "userland-proxy-path": "$LAB_CURRENT_BIN/docker-proxy",
  "features": { "containerd-snapshotter": true }
}
CONFIG
  # In its own network namespace: two engines would flush each other's packet filter.
  # It starts its own containerd, found in PATH.
  (
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      [ "$fd" -gt 2 ] && eval "exec $fd>&-"
    done
    export PATH="$LAB_CURRENT_BIN:$PATH" GOGC=400
    unset DOCKER_HOST
    exec setsid unshare --net sh -c 'ip link set lo up && exec "$@"' engine \
      "$LAB_CURRENT_BIN/dockerd" --config-file "$LAB_CURRENT_RUN/daemon.json" >>"$LAB_CURRENT_LOG" 2>&1 </dev/null
  ) &
  disown
}

# Copies missing or outdated images from the machine's engine.
lab_current_images() {
  local name image folder key missing=()
  while read -r name image folder key; do
    [ "$(DOCKER_HOST=$AICTL_LAB_CURRENT lab_image_found "$image")" = "$key" ] || missing+=("$image")
  done < <(lab_images_wanted)
  [ "${#missing[@]}" -gt 0 ] || return 0
  lab_say "loading ${#missing[@]} images into the current engine"
  lab_logged "$LAB_CACHE/log/current-images.log" timeout 900 \
    bash -o pipefail -c 'to=$1; shift; docker save "$@" | docker -H "$to" load --quiet' load "$AICTL_LAB_CURRENT" "${missing[@]}" \
    && lab_logged "$LAB_CACHE/log/current-prune.log" timeout 120 docker -H "$AICTL_LAB_CURRENT" image prune --force
}

lab_current_start() {
  lab_current_packages && lab_current_build || return 1
  if ! lab_current_answers; then
    lab_say "starting the current engine (log: $LAB_CURRENT_LOG)"
    lab_current_launch || return 1
    if ! lab_await 90 lab_current_answers; then
      tail -n 20 "$LAB_CURRENT_LOG" >&2 2>/dev/null
      lab_fail "the current engine did not answer within 90 s"
      return 1
    fi
  fi
  lab_current_images
}

# Two runs at once build and start once: the second waits for the first.
lab_current_up() {
  [ "$(id -u)" = 0 ] || { lab_fail "root is needed to start a second engine"; return 1; }
  lab_locked current 3600 lab_current_start && export AICTL_LAB_CURRENT
}
