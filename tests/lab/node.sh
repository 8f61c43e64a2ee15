# The real node of the lab's cluster: its network, containerd, kubelet, packet filter, names and
# metrics, and the images that its pods use. Everything is its own: addresses, sockets, data and
# control groups; the Docker engines are not changed.

# The bridge has the node's address before there is a pod. A Docker engine drops what is
# forwarded unless a rule accepts it.
lab_cluster_network() {
  if ! ip link show "$LAB_CLUSTER_BRIDGE" >/dev/null 2>&1; then
    ip link add "$LAB_CLUSTER_BRIDGE" type bridge && ip address add "$LAB_CLUSTER_ADDRESS/16" dev "$LAB_CLUSTER_BRIDGE" || return 1
  fi
  ip link set "$LAB_CLUSTER_BRIDGE" up || return 1
  echo 1 >/proc/sys/net/ipv4/ip_forward
  # Without it an answer from one pod to another by way of a Service never passes the packet filter.
  [ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
  lab_cluster_rules -I
}

lab_cluster_network_down() {
  lab_cluster_rules -D
  ip link delete "$LAB_CLUSTER_BRIDGE"
}

# lab_cluster_rules -I|-D: inserts the rules that are not there, or deletes those that are.
lab_cluster_rules() {
  local rule found
  while read -r rule; do
    # shellcheck disable=SC2086  # the rule is words
    if iptables -w -t ${rule/CHANGE/-C} 2>/dev/null; then found=-D; else found=-I; fi
    # shellcheck disable=SC2086
    [ "$found" != "$1" ] || iptables -w -t ${rule/CHANGE/$1} || return 1
  done <<RULES
filter CHANGE FORWARD -i $LAB_CLUSTER_BRIDGE -j ACCEPT
filter CHANGE FORWARD -o $LAB_CLUSTER_BRIDGE -j ACCEPT
nat CHANGE POSTROUTING -s 10.218.0.0/16 ! -d 10.218.0.0/15 -j MASQUERADE
RULES
}

# The control groups of that name, one for each mounted hierarchy.
lab_cluster_groups() {
  awk -v name="$LAB_CLUSTER_CGROUP" '$3 ~ /^cgroup2?$/ { print $2 "/" name }' /proc/self/mounts
}

# lab_cluster_config FILE: writes its input unless the file is so already. kube-proxy ends when its
# file is written.
lab_cluster_config() {
  cat >"$1.new"
  if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi
}

lab_cluster_containerd() {
  local run=$LAB_CLUSTER_RUN
  mkdir -p "$run/cni"
  lab_cluster_config "$run/cni/10-lab.conflist" <<CONFIG
{ "cniVersion": "1.0.0", "name": "aictl-lab-cluster", "plugins": [
  { "type": "bridge", "bridge": "$LAB_CLUSTER_BRIDGE", "isGateway": true, "isDefaultGateway": true, "hairpinMode": true,
    "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.218.0.0/16" }]], "dataDir": "$run/addresses" } },
  { "type": "portmap", "capabilities": { "portMappings": true } } ] }
CONFIG
  # restrict_oom_score_adj: a container may not lower its score below that of containerd.
  lab_cluster_config "$run/containerd.toml" <<CONFIG
version = 3
root = "$LAB_CLUSTER_DATA/containerd"
state = "$run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri"]
[grpc]
address = "$run/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "$LAB_CLUSTER_DATA/opt"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "docker.io/aictl-lab/pause:1"
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["/usr/lib/cni"]
conf_dir = "$run/cni"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "$LAB_CURRENT_BIN/runc"
SystemdCgroup = false
CONFIG
  lab_cluster_run containerd containerd --config "$run/containerd.toml"
}

lab_cluster_kubelet() {
  local run=$LAB_CLUSTER_RUN group
  for group in $(lab_cluster_groups); do mkdir -p "$group" || return 1; done
  # Disk and memory belong to the whole machine: nothing is evicted, and no image removed, that
  # could not be fetched again.
  lab_cluster_config "$run/kubelet.yaml" <<CONFIG
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $LAB_CLUSTER_ADDRESS
port: 16250
healthzPort: 0
authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: $run/keys/ca.crt } }
tlsCertFile: $run/keys/node.crt
tlsPrivateKeyFile: $run/keys/node.key
containerRuntimeEndpoint: unix://$run/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /$LAB_CLUSTER_CGROUP
failCgroupV1: false
failSwapOn: false
clusterDomain: cluster.local
clusterDNS: [10.219.0.10]
podLogsDir: $LAB_CLUSTER_LOG/pods
volumePluginDir: $LAB_CLUSTER_DATA/plugins
maxPods: 250
serializeImagePulls: false
evictionHard: { memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%", imagefs.inodesFree: "0%" }
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
kubeAPIQPS: 100
kubeAPIBurst: 200
CONFIG
  lab_cluster_run kubelet kubelet --config "$run/kubelet.yaml" --kubeconfig "$run/lab-node.kubeconfig" \
    --root-dir "$LAB_CLUSTER_DATA/kubelet" --cert-dir "$LAB_CLUSTER_DATA/kubelet" --hostname-override lab \
    --node-ip "$LAB_CLUSTER_ADDRESS"
}

# What stands beside the kubelet: packet filter rules for Services, names, and figures.
lab_cluster_services() {
  local run=$LAB_CLUSTER_RUN
  lab_cluster_config "$run/proxy.yaml" <<CONFIG
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
hostnameOverride: lab
clusterCIDR: 10.218.0.0/16
clientConnection: { kubeconfig: $run/lab-proxy.kubeconfig }
healthzBindAddress: $LAB_CLUSTER_ADDRESS:16256
metricsBindAddress: $LAB_CLUSTER_ADDRESS:16249
conntrack: { maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s }
iptables: { minSyncPeriod: 0s }
CONFIG
  lab_cluster_config "$run/Corefile" <<CONFIG
.:1053 {
  bind $LAB_CLUSTER_ADDRESS
  errors
  loadbalance
  cache 5
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig $run/lab-admin.kubeconfig
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
  }
$(! grep -q '^nameserver' /etc/resolv.conf || echo '  forward . /etc/resolv.conf')
}
CONFIG
  lab_cluster_run proxy kube-proxy --config "$run/proxy.yaml" \
    && lab_cluster_run dns coredns -conf "$run/Corefile" \
    && lab_cluster_run metrics metrics-server --kubeconfig "$run/lab-metrics.kubeconfig" \
      --authentication-kubeconfig "$run/lab-metrics.kubeconfig" --authorization-kubeconfig "$run/lab-metrics.kubeconfig" \
      --bind-address "$LAB_CLUSTER_ADDRESS" --secure-port 16251 --tls-cert-file "$run/keys/metrics.crt" \
      --tls-private-key-file "$run/keys/metrics.key" --kubelet-certificate-authority "$run/keys/ca.crt" \
      --kubelet-preferred-address-types InternalIP --kubelet-use-node-status-port --metric-resolution 10s --kubelet-request-timeout 5s
}

# Prints `NAME ID` of the images that the cluster has from a Docker engine.
lab_cluster_loaded() {
  lab_cluster_ctr images list | sed -n 's/^docker\.io\/\(library\/\)\?\([^ ]*\) .*io\.github\.aictl\.lab\.id=\(sha256:[0-9a-f]*\).*$/\2 \3/p'
}

# lab_cluster_load IMAGE…: copies images from the machine's engine that the cluster has not, or
# has of an earlier build. The id is kept as a label: the two stores name contents differently.
lab_cluster_load() {
  local image name id loaded
  local -A missing=()
  loaded=$(lab_cluster_loaded) || return 1
  for image in "$@"; do
    id=$(docker image inspect --format '{{.Id}}' "$image") || { lab_fail "the engine has no image $image"; return 1; }
    grep -qxF "$image $id" <<<"$loaded" || missing[$image]=$id
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  lab_say "loading ${#missing[@]} images into the cluster"
  lab_logged "$LAB_CLUSTER_LOG/images.log" timeout 900 \
    bash -o pipefail -c 'to=$1; shift; docker save "$@" | ctr --address "$to" --namespace k8s.io images import -' \
    load "$LAB_CLUSTER_RUN/containerd.sock" "${!missing[@]}" || return 1
  for image in "${!missing[@]}"; do
    case $image in */*) name=$image ;; *) name=library/$image ;; esac
    lab_cluster_ctr images label "docker.io/$name" "io.github.aictl.lab.id=${missing[$image]}" >/dev/null || return 1
  done
}

# lab_cluster_images IMAGE…: has images of the lab ready for pods, which ask for them by the same
# names with `imagePullPolicy: IfNotPresent`.
lab_cluster_images() { lab_locked cluster-images 1800 lab_cluster_load "$@"; }
