# Decides whether a Docker engine has to be installed or started here. Reads
# DOCKER_HOST and the machine's state; leaves an engine that answers, or fails.
# Never touches an engine that is up, nor starts one when DOCKER_HOST names it.

LAB_ENGINE_LOG=${LAB_ENGINE_LOG:-/var/log/aictl-lab-dockerd.log}

lab_engine_answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

lab_engine_install() {
  lab_has docker && lab_has dockerd && return 0
  lab_apt docker.io
}

# A machine without an init system may have no control groups mounted at all.
lab_engine_cgroups() {
  grep -q ' /sys/fs/cgroup' /proc/self/mounts && return 0
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
}

lab_engine_launch() {
  if [ -d /run/systemd/system ]; then
    timeout 120 systemctl start docker
    return
  fi
  lab_engine_cgroups || lab_say "no control groups could be mounted; the engine may refuse to start"
  # A daemon of its own session: it outlives the script and a closed terminal.
  # Descriptors above 2 are closed, or the engine would hold our locks for ever.
  (
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      [ "$fd" -gt 2 ] && eval "exec $fd>&-"
    done
    # It starts itself several times for each container, for moments: collecting garbage then only takes time.
    # Of its own accord it has addresses for 30 networks, fewer than tests that run side by side may need.
    GOGC=400 exec setsid dockerd --bip 172.17.0.1/16 --default-address-pool base=172.18.0.0/15,size=24 \
      >>"$LAB_ENGINE_LOG" 2>&1 </dev/null
  ) &
  disown
}

lab_engine_up() {
  lab_has docker && lab_engine_answers && return 0
  if [ -n "${DOCKER_HOST:-}" ]; then
    lab_has docker || lab_apt docker.io
    lab_engine_answers && return 0
    lab_fail "cannot connect to the engine at DOCKER_HOST=$DOCKER_HOST; start it or unset DOCKER_HOST"
    return 1
  fi
  lab_engine_install || return 1
  # The package's own start-up may already be on its way.
  lab_await 5 lab_engine_answers && return 0
  lab_say "starting the Docker engine (log: $LAB_ENGINE_LOG)"
  lab_engine_launch
  lab_await 90 lab_engine_answers && return 0
  tail -n 20 "$LAB_ENGINE_LOG" >&2 2>/dev/null
  lab_fail "the Docker engine did not answer within 90 s"
}
