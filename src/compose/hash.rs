//! The configuration hashes Compose labels its containers, networks and volumes with.
//! Reads a service, network or volume of the model; returns 64 hexadecimal digits.
//! Never hashes what a change of must not recreate: build, pull policy, scale, dependencies, profiles.

use sha2::{Digest, Sha256};

use super::model::{Network, Service, Volume};

/// The order of a service's keys under the hash, frozen by Compose so that a hash survives changes of its own structs.
const ORDER: &str = "\
annotations attach develop blkio_config cap_add cap_drop cgroup_parent cgroup cpu_count cpu_percent cpu_period \
cpu_quota cpu_rt_period cpu_rt_runtime cpus cpuset cpu_shares command configs container_name credential_spec \
deploy device_cgroup_rules devices dns dns_opt dns_search dockerfile domainname entrypoint provider \
environment env_file expose extends external_links extra_hosts group_add gpus hostname healthcheck image init \
ipc isolation labels label_file links logging log_driver log_opt mem_limit mem_reservation memswap_limit \
mem_swappiness mac_address models net network_mode networks oom_kill_disable oom_score_adj pid pids_limit \
platform ports privileged read_only restart runtime secrets security_opt shm_size stdin_open stop_grace_period \
stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volume_driver volumes \
volumes_from working_dir pre_start post_start pre_stop";

/// The hash of a service. For the label of a container, resolve the environment and the namespaces first.
pub fn config_hash(service: &Service) -> String {
    let mut hashed = service.clone();
    hashed.build = None;
    hashed.pull_policy.clear();
    hashed.scale = None;
    hashed.depends_on.clear();
    hashed.profiles.clear();
    if let Some(deploy) = &mut hashed.deploy {
        deploy.replicas = None;
    }
    let mut written = match serde_json::to_value(&hashed) {
        Ok(serde_json::Value::Object(map)) => map,
        _ => serde_json::Map::new(),
    };
    let mut ordered = serde_json::Map::with_capacity(written.len());
    for key in ORDER.split_ascii_whitespace() {
        if let Some(value) = written.shift_remove(key) {
            ordered.insert(key.to_owned(), value);
        }
    }
    ordered.extend(written);
    digest(&serde_json::Value::Object(ordered))
}

/// The hash of a network.
pub fn network_hash(network: &Network) -> String {
    digest(network)
}

/// The hash of a volume; no driver means the local one.
pub fn volume_hash(volume: &Volume) -> String {
    let mut hashed = volume.clone();
    if hashed.driver.is_empty() {
        "local".clone_into(&mut hashed.driver);
    }
    digest(&hashed)
}

fn digest(value: &impl serde::Serialize) -> String {
    let mut bytes = Vec::with_capacity(1024);
    // Writing to memory cannot fail, and the model has no map whose keys are not text.
    let _ = super::json::write(&mut bytes, value, super::json::Layout::Compact);
    hex::encode(Sha256::digest(&bytes))
}
