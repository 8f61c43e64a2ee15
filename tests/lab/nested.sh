# A container in which another engine may run: a bare Debian 12 of its own network,
# processes and disk. Reads what this machine may do; returns what the command does.
# Never touches this machine's engine beyond one container and its volume.

# --privileged asks for every capability. Where this machine itself lacks some,
# the container gets the ones there are, which are enough for an engine.
lab_nested_rights() {
  if docker run --rm --privileged aictl/base:bookworm true 2>/dev/null; then
    echo --privileged
    return
  fi
  local capability
  for capability in CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP \
    NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK SYS_CHROOT SYS_PTRACE SYS_ADMIN \
    MKNOD LEASE AUDIT_WRITE SETFCAP SYS_NICE SYSLOG; do
    printf -- '--cap-add=%s ' "$capability"
  done
  echo --security-opt=seccomp=unconfined --security-opt=apparmor=unconfined \
    --security-opt=systempaths=unconfined
}

# Without --privileged the control groups are read-only and devices are refused.
LAB_NESTED_START='
for group in /sys /sys/fs/cgroup/*; do mount -o remount,bind,rw "$group" 2>/dev/null || true; done
exec "$@"'

# lab_nested NAME [DOCKER RUN OPTION…] -- COMMAND…: overlay layers cannot lie on
# overlay layers, so the inner engine gets a volume.
lab_nested() {
  local name=$1 options=()
  shift
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  # shellcheck disable=SC2046  # the rights are words
  docker run --rm --init --name "$name" $(lab_nested_rights) --device-cgroup-rule 'a *:* rwm' \
    --volume /var/lib/docker "${options[@]}" aictl/base:bookworm bash -c "$LAB_NESTED_START" nested "$@"
}
