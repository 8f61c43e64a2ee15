# Builds and starts the lab's Kubernetes clusters: `lab`, with one real node, and `second` and
# `third`, whose nodes and pods kwok plays. Sets AICTL_LAB_KUBECONFIG, which has a context for
# each. The Docker engines are not changed; every start of a stopped cluster is a new cluster.

LAB_KUBERNETES=v1.34.4
LAB_PROMETHEUS_OPERATOR=v0.85.0

LAB_CLUSTER_BIN=$LAB_CACHE/tools/kubernetes-$LAB_KUBERNETES-$(cat "$LAB_ROOT"/tests/lab/cluster/{*.go,go.*} | sha256sum | cut -c1-12)
LAB_CLUSTER_PROGRAMS='etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl
  coredns metrics-server kwok provisioner certificates'
LAB_CLUSTER_DATA=/var/lib/aictl-lab-cluster
LAB_CLUSTER_RUN=/run/aictl-lab-cluster
LAB_CLUSTER_LOG=/var/log/aictl-lab-cluster
# Of the bridge, which is the node's too. Pods have 10.218.0.0/16, Services 10.219.0.0/16.
LAB_CLUSTER_ADDRESS=10.218.0.1
LAB_CLUSTER_BRIDGE=aictl-cluster
LAB_CLUSTER_CGROUP=aictl-lab-cluster
AICTL_LAB_KUBECONFIG=$LAB_CLUSTER_RUN/kubeconfig

# The port of each cluster's API server.
lab_cluster_port() {
  case $1 in
    lab) echo 16443 ;;
    second) echo 16444 ;;
    third) echo 16445 ;;
    *) lab_fail "unknown cluster: $1" ;;
  esac
}

lab_cluster_packages() {
  local missing=()
  lab_has curl || missing+=(curl)
  lab_has ctr || missing+=(containerd)
  [ -x /usr/lib/cni/bridge ] || missing+=(containernetworking-plugins)
  [ "${#missing[@]}" -eq 0 ] || lab_apt "${missing[@]}"
}

lab_cluster_go() {
  env PATH="$LAB_CLUSTER_GO:$PATH" GOFLAGS="${GOFLAGS:-} -buildvcs=false" GOTOOLCHAIN=auto \
    nice timeout 3000 go "$@"
}

# This kwok, written for Kubernetes 1.33, insists on an annotation that 1.34 does not send any more:
# it asks for one that is always there in that place.
lab_cluster_kwok_source() {
  local from file=$1/kwok/pkg/utils/informer/informer.go
  lab_logged "$LAB_CACHE/log/cluster-kwok.log" lab_cluster_go mod download -C "$1" sigs.k8s.io/kwok || return 1
  from=$(lab_cluster_go list -C "$1" -m -f '{{.Dir}}' sigs.k8s.io/kwok) \
    && cp -r "$from" "$1/kwok" && chmod -R u+w "$1/kwok" \
    && sed -i 's/InitialEventsListBlueprintAnnotationKey/InitialEventsAnnotationKey/' "$file" \
    && lab_cluster_go mod edit -replace sigs.k8s.io/kwok=./kwok "$1/go.mod"
}

lab_cluster_build() {
  local program module flags version=k8s.io/component-base/version begun=$SECONDS part=$LAB_CLUSTER_BIN.part
  [ -d "$LAB_CLUSTER_BIN" ] && return 0
  LAB_CLUSTER_GO=$(lab_current_go) || return 1
  lab_say "building Kubernetes $LAB_KUBERNETES (about 9 minutes of processor time)"
  rm -rf "$part" && mkdir -p "$part/source" && cp "$LAB_ROOT"/tests/lab/cluster/{*.go,go.*} "$part/source"
  flags="-s -w -X $version.gitVersion=$LAB_KUBERNETES -X $version.gitMajor=1 -X $version.gitMinor=$(cut -d. -f2 <<<"$LAB_KUBERNETES") -X $version.gitTreeState=clean"
  module=github.com/prometheus-operator/prometheus-operator@$LAB_PROMETHEUS_OPERATOR
  lab_cluster_kwok_source "$part/source" || return 1
  lab_logged "$LAB_CACHE/log/cluster-build.log" lab_cluster_go build -C "$part/source" -trimpath -ldflags "$flags" -o ../kubernetes . \
    && lab_logged "$LAB_CACHE/log/cluster-definitions.log" lab_cluster_go mod download -json "$module" || return 1
  module=$(sed -n 's/^.*"Dir": "\(.*\)",$/\1/p' "$LAB_CACHE/log/cluster-definitions.log")
  cp "$module"/example/prometheus-operator-crd/monitoring.coreos.com_{servicemonitors,prometheusrules}.yaml "$part" || return 1
  rm -rf "$part/source"
  for program in $LAB_CLUSTER_PROGRAMS; do ln -s kubernetes "$part/$program"; done
  [ "$("$part/kubectl" version --client -o json | jq -r .clientVersion.gitVersion)" = "$LAB_KUBERNETES" ] \
    || { lab_fail "the programs built are not Kubernetes $LAB_KUBERNETES"; return 1; }
  # Renamed last: an interrupted build is not taken for a complete one.
  mv "$part" "$LAB_CLUSTER_BIN"
  lab_say "built it in $((SECONDS - begun)) s"
}

# Prints the process of that name if it still runs. Process ids are used again: the time of its
# start tells whether it is the one that was started here. One that ended may still be listed (Z).
lab_cluster_pid() {
  local pid started found
  read -r pid started 2>/dev/null <"$LAB_CLUSTER_RUN/$1.pid" || return 1
  found=$(cut -d' ' -f3,22 "/proc/$pid/stat" 2>/dev/null) || return 1
  [ "${found#* }" = "$started" ] && [ "${found%% *}" != Z ] && echo "$pid"
}

# lab_cluster_run NAME COMMAND…: starts the process unless it runs.
lab_cluster_run() {
  local name=$1
  shift
  ! lab_cluster_pid "$name" >/dev/null || return 0
  rm -f "$LAB_CLUSTER_RUN/$name.pid"
  # In a session of its own; descriptors above 2 are closed, or it would hold our locks for ever.
  (
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      [ "$fd" -gt 2 ] && eval "exec $fd>&-"
    done
    export PATH="$LAB_CLUSTER_BIN:$LAB_CURRENT_BIN:$PATH" GOGC=200
    # What runs here talks to this machine only.
    unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY KUBECONFIG
    # shellcheck disable=SC2016  # expanded by the inner shell, which the command replaces
    exec setsid sh -c 'echo "$$ $(cut -d" " -f22 "/proc/$$/stat")" >"$1.new" && mv "$1.new" "$1" && shift && exec "$@"' \
      start "$LAB_CLUSTER_RUN/$name.pid" "$@" >>"$LAB_CLUSTER_LOG/$name.log" 2>&1 </dev/null
  ) &
  disown
  lab_await 5 lab_cluster_pid "$name" >/dev/null || { lab_fail "could not start $name"; return 1; }
}

lab_cluster_kubectl() { "$LAB_CLUSTER_BIN/kubectl" --kubeconfig "$AICTL_LAB_KUBECONFIG" "$@"; }

lab_cluster_ctr() { ctr --address "$LAB_CLUSTER_RUN/containerd.sock" --namespace k8s.io "$@"; }

# A line of the file for the user of that certificate, without a path to anything else.
lab_cluster_access() {
  local user=$1 keys=$LAB_CLUSTER_RUN/keys name
  shift
  printf 'apiVersion: v1\nkind: Config\ncurrent-context: %s\nclusters:\n' "$1"
  for name in "$@"; do
    printf -- '- name: %s\n  cluster: { server: "https://%s:%s", certificate-authority-data: %s }\n' \
      "$name" "$LAB_CLUSTER_ADDRESS" "$(lab_cluster_port "$name")" "$(base64 -w0 "$keys/ca.crt")"
  done
  printf 'contexts:\n'
  for name in "$@"; do printf -- '- name: %s\n  context: { cluster: %s, user: %s }\n' "$name" "$name" "$user"; done
  printf 'users:\n- name: %s\n  user: { client-certificate-data: %s, client-key-data: %s }\n' \
    "$user" "$(base64 -w0 "$keys/$user.crt")" "$(base64 -w0 "$keys/$user.key")"
}

lab_cluster_keys() {
  local keys=$LAB_CLUSTER_RUN/keys name user
  [ ! -d "$keys" ] || return 0
  (
    umask 077
    rm -rf "$keys.part" && mkdir "$keys.part"
    "$LAB_CLUSTER_BIN/certificates" "$keys.part" admin=admin/system:masters accounts=accounts front-proxy=front-proxy \
      controllers=system:kube-controller-manager scheduler=system:kube-scheduler proxy=system:kube-proxy \
      "node=system:node:lab/system:nodes@lab,$LAB_CLUSTER_ADDRESS" kubelet-client=kube-apiserver/system:masters \
      "metrics=metrics-server/system:masters@metrics-server.kube-system.svc,$LAB_CLUSTER_ADDRESS" \
      "server=kubernetes@$LAB_CLUSTER_ADDRESS,10.219.0.1,127.0.0.1,localhost,kubernetes,kubernetes.default,kubernetes.default.svc,kubernetes.default.svc.cluster.local" \
      && mv "$keys.part" "$keys" || return 1
    for name in lab second third; do
      for user in admin controllers scheduler proxy node metrics; do
        lab_cluster_access "$user" "$name" >"$LAB_CLUSTER_RUN/$name-$user.kubeconfig"
      done
    done
    lab_cluster_access admin lab second third >"$AICTL_LAB_KUBECONFIG"
  )
}

lab_cluster_answers() {
  curl --noproxy '*' -fsS -o /dev/null --max-time 2 --cacert "$LAB_CLUSTER_RUN/keys/ca.crt" "https://$LAB_CLUSTER_ADDRESS:$1/readyz" 2>/dev/null
}

# lab_cluster_control NAME: API server, controllers and scheduler of one cluster. All clusters
# keep their objects in one etcd.
lab_cluster_control() {
  local name=$1 port keys=$LAB_CLUSTER_RUN/keys
  port=$(lab_cluster_port "$name") || return 1
  # Nothing here has to outlive the machine.
  lab_cluster_run etcd etcd --name lab --data-dir "$LAB_CLUSTER_DATA/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:16379 --advertise-client-urls http://127.0.0.1:16379 \
    --listen-peer-urls http://127.0.0.1:16380 --initial-advertise-peer-urls http://127.0.0.1:16380 \
    --initial-cluster lab=http://127.0.0.1:16380 || return 1
  lab_cluster_run "$name-apiserver" kube-apiserver --etcd-servers http://127.0.0.1:16379 --etcd-prefix "/$name" \
    --bind-address "$LAB_CLUSTER_ADDRESS" --advertise-address "$LAB_CLUSTER_ADDRESS" --secure-port "$port" \
    --service-cluster-ip-range 10.219.0.0/16 --authorization-mode Node,RBAC --enable-aggregator-routing \
    --client-ca-file "$keys/ca.crt" --tls-cert-file "$keys/server.crt" --tls-private-key-file "$keys/server.key" \
    --kubelet-client-certificate "$keys/kubelet-client.crt" --kubelet-client-key "$keys/kubelet-client.key" \
    --kubelet-certificate-authority "$keys/ca.crt" --kubelet-preferred-address-types InternalIP \
    --service-account-key-file "$keys/accounts.key" --service-account-signing-key-file "$keys/accounts.key" \
    --service-account-issuer https://kubernetes.default.svc.cluster.local --requestheader-client-ca-file "$keys/front-ca.crt" \
    --requestheader-allowed-names front-proxy --requestheader-username-headers X-Remote-User \
    --requestheader-group-headers X-Remote-Group --requestheader-extra-headers-prefix X-Remote-Extra- \
    --proxy-client-cert-file "$keys/front-proxy.crt" --proxy-client-key-file "$keys/front-proxy.key" || return 1
  lab_await 90 lab_cluster_answers "$port" || { lab_cluster_failed "$name-apiserver" 'did not answer within 90 s'; return 1; }
  lab_cluster_run "$name-controllers" kube-controller-manager --kubeconfig "$LAB_CLUSTER_RUN/$name-controllers.kubeconfig" \
    --leader-elect=false --secure-port 0 --use-service-account-credentials --root-ca-file "$keys/ca.crt" \
    --service-account-private-key-file "$keys/accounts.key" --cluster-signing-cert-file "$keys/ca.crt" \
    --cluster-signing-key-file "$keys/ca.key" --horizontal-pod-autoscaler-sync-period 5s --kube-api-qps 200 --kube-api-burst 400 || return 1
  lab_cluster_run "$name-scheduler" kube-scheduler --kubeconfig "$LAB_CLUSTER_RUN/$name-scheduler.kubeconfig" \
    --leader-elect=false --secure-port 0 --kube-api-qps 200 --kube-api-burst 400 || return 1
  lab_cluster_run "$name-provisioner" provisioner "$LAB_CLUSTER_RUN/$name-admin.kubeconfig" "$LAB_CLUSTER_DATA/volumes"
}

# lab_cluster_failed NAME WHAT: shows the end of its log.
lab_cluster_failed() {
  tail -n 20 "$LAB_CLUSTER_LOG/$1.log" >&2 2>/dev/null
  lab_fail "$1 $2 (log: $LAB_CLUSTER_LOG/$1.log)"
}

# lab_cluster_objects NAME FILE…: applied once for each new cluster.
lab_cluster_objects() {
  local name=$1 file files=()
  [ ! -e "$LAB_CLUSTER_RUN/$name.objects" ] || return 0
  for file in "${@:2}" "$LAB_ROOT/tests/lab/cluster/every.yaml" "$LAB_CLUSTER_BIN"/monitoring.*.yaml; do files+=(-f "$file"); done
  lab_logged "$LAB_CLUSTER_LOG/$name-objects.log" lab_cluster_kubectl --context "$name" apply --server-side "${files[@]}" \
    && touch "$LAB_CLUSTER_RUN/$name.objects"
}

lab_cluster_node_ready() {
  [ "$(lab_cluster_kubectl --context lab get node lab -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null)" = True ]
}

lab_cluster_ready() {
  local name
  [ -e "$LAB_CLUSTER_RUN/lab.objects" ] && lab_cluster_node_ready || return 1
  for name in etcd containerd lab-apiserver lab-controllers lab-scheduler lab-provisioner kubelet proxy dns metrics; do
    lab_cluster_pid "$name" >/dev/null || return 1
  done
}

lab_cluster_prepare() {
  lab_cluster_packages && lab_current_packages && lab_current_build && lab_cluster_build || return 1
  # Nothing runs any more: what it left would only be half a cluster.
  [ -n "$(lab_cluster_running)" ] || lab_cluster_sweep || return 1
  mkdir -p "$LAB_CLUSTER_RUN" "$LAB_CLUSTER_LOG" "$LAB_CLUSTER_DATA/volumes"
  lab_cluster_keys && lab_cluster_network
}

lab_cluster_start() {
  local begun=$SECONDS
  ! lab_cluster_ready || return 0
  lab_cluster_prepare || return 1
  lab_say "starting the cluster (logs: $LAB_CLUSTER_LOG)"
  lab_engine_cgroups || lab_say "no control groups could be mounted; the kubelet may refuse to start"
  lab_cluster_containerd && lab_cluster_control lab || return 1
  lab_await 30 lab_cluster_ctr version >/dev/null 2>&1 || { lab_cluster_failed containerd 'did not answer within 30 s'; return 1; }
  lab_cluster_load aictl-lab/pause:1 && lab_cluster_kubelet && lab_cluster_services \
    && lab_cluster_objects lab "$LAB_ROOT/tests/lab/cluster/node.yaml" || return 1
  lab_await 60 lab_cluster_node_ready || { lab_cluster_failed kubelet 'made no node ready within 60 s'; return 1; }
  lab_say "the cluster is up after $((SECONDS - begun)) s, UID $(lab_cluster_uid lab)"
}

# lab_cluster_uid NAME: what identifies a cluster.
lab_cluster_uid() {
  lab_cluster_kubectl --context "$1" get namespace kube-system -o 'jsonpath={.metadata.uid}'
}

# Two runs at once start once: the second waits for the first.
lab_cluster_up() {
  [ "$(id -u)" = 0 ] || { lab_fail "root is needed to start a cluster"; return 1; }
  lab_locked cluster 3600 lab_cluster_start && export AICTL_LAB_KUBECONFIG
}

lab_cluster_kwok_start() {
  local name=$1 number begun=$SECONDS ready='{.items[*].status.conditions[?(@.type=="Ready")].status}'
  [ -e "$LAB_CLUSTER_RUN/$name.objects" ] && lab_cluster_pid "$name-kwok" >/dev/null \
    && lab_cluster_answers "$(lab_cluster_port "$name")" && return 0
  lab_cluster_prepare || return 1
  lab_say "starting the cluster $name"
  lab_cluster_control "$name" || return 1
  lab_cluster_run "$name-kwok" kwok --kubeconfig "$LAB_CLUSTER_RUN/$name-admin.kubeconfig" --manage-all-nodes --node-lease-duration-seconds 40 \
    --cidr 10.218.0.0/16 --node-ip "$LAB_CLUSTER_ADDRESS" || return 1
  for number in 1 2 3; do
    sed "s/NAME/$name-$number/" "$LAB_ROOT/tests/lab/cluster/kwok-node.yaml" >"$LAB_CLUSTER_RUN/$name-$number.yaml"
  done
  lab_cluster_objects "$name" "$LAB_CLUSTER_RUN/$name"-[123].yaml || return 1
  lab_await 30 eval '[ "$(lab_cluster_kubectl --context "$name" get node -o "jsonpath=$ready")" = "True True True" ]' \
    || { lab_cluster_failed "$name-kwok" 'made no nodes ready within 30 s'; return 1; }
  lab_say "the cluster $name is up after $((SECONDS - begun)) s, UID $(lab_cluster_uid "$name")"
}

# Clusters without a machine, for tests of several: their pods are ready and run nothing.
lab_cluster_second_up() { lab_locked cluster 3600 lab_cluster_kwok_start second && export AICTL_LAB_KUBECONFIG; }
lab_cluster_third_up() { lab_locked cluster 3600 lab_cluster_kwok_start third && export AICTL_LAB_KUBECONFIG; }

# Prints the names of the processes that run.
lab_cluster_running() {
  local file name
  for file in "$LAB_CLUSTER_RUN"/*.pid; do
    name=$(basename "$file" .pid)
    ! lab_cluster_pid "$name" >/dev/null || echo "$name"
  done
}

lab_cluster_mounts() {
  awk -v run="$LAB_CLUSTER_RUN/" -v data="$LAB_CLUSTER_DATA/" 'index($2, run) == 1 || index($2, data) == 1 { print $2 }' \
    /proc/self/mounts | sort -r
}

# What runs in the pods is known by its control group, and their shims by the socket that they
# serve; both outlive containerd.
lab_cluster_sweep_pods() {
  local group pid process command
  for group in $(lab_cluster_groups); do
    find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null | while read -r pid; do kill -KILL "$pid" 2>/dev/null || true; done
  done
  for process in /proc/[0-9]*; do
    command=$({ tr '\0' ' ' <"$process/cmdline"; } 2>/dev/null) || continue
    case $command in
      *containerd-shim*" -address $LAB_CLUSTER_RUN/containerd.sock "*) kill -KILL "${process#/proc/}" 2>/dev/null || true ;;
    esac
  done
}

lab_cluster_groups_removed() {
  local group
  for group in $(lab_cluster_groups); do
    [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || return 1
  done
}

# Removes what a cluster left, except for its images.
lab_cluster_sweep() {
  local data=$LAB_CLUSTER_DATA
  lab_cluster_sweep_pods
  lab_cluster_mounts | while read -r mount; do umount -l "$mount"; done
  [ -z "$(lab_cluster_mounts)" ] || { lab_fail "these mounts could not be removed: $(lab_cluster_mounts | tr '\n' ' ')"; return 1; }
  rm -rf --one-file-system "$LAB_CLUSTER_RUN" "$LAB_CLUSTER_LOG" "$data/etcd" "$data/kubelet" "$data/volumes" "$data/plugins"
  # A process that was killed leaves its group a moment later.
  lab_await 5 lab_cluster_groups_removed \
    || { lab_fail "these control groups could not be removed: $(lab_cluster_groups | tr '\n' ' ')"; return 1; }
}

lab_cluster_stop() {
  local name
  [ -n "$(lab_cluster_running)" ] || return 0
  # The kubelet first, which would start again what ends. Nothing is asked to end in order: what
  # they keep is removed.
  for name in kubelet $(lab_cluster_running); do
    ! lab_cluster_pid "$name" >/dev/null || kill -KILL "$(lab_cluster_pid "$name")"
  done
  lab_await 10 lab_cluster_ended || { lab_fail "these processes did not end: $(lab_cluster_running)"; return 1; }
  lab_cluster_sweep || return 1
  lab_logged "$LAB_CACHE/log/cluster-proxy.log" timeout 60 "$LAB_CLUSTER_BIN/kube-proxy" --cleanup || return 1
  lab_cluster_network_down
}

lab_cluster_ended() { [ -z "$(lab_cluster_running)" ]; }

# For use by hand: ends all clusters and what runs in them. Images stay.
lab_cluster_down() { lab_locked cluster 3600 lab_cluster_stop; }
