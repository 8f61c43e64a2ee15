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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{config_hash, network_hash, volume_hash};
    use crate::compose::{FileSource, LoadArgs, Stack, load};
    use crate::input_file::LocalFiles;

    fn stack(text: &str) -> Stack {
        let file = FileSource::Inline { name: PathBuf::from("compose.yaml"), text: text.to_owned() };
        let args = LoadArgs { working_dir: PathBuf::from("/srv"), files: vec![file], ..LoadArgs::default() };
        load(&args, &LocalFiles).unwrap().stack
    }

    #[test]
    fn hashes_are_those_compose_put_on_its_labels() {
        let stack = stack(
            "name: composewt\n\
             services: {a: {image: lab, networks: [default, n], volumes: ['vol:/v']}}\n\
             networks: {n: {driver_opts: {com.docker.network.bridge.name: cwt0}, labels: {a: b}, \
             ipam: {config: [{subnet: 10.99.7.0/24}]}}}\n\
             volumes: {vol: {labels: {l: m}}}\n",
        );
        let network = |key: &str| network_hash(&stack.networks[key]);
        assert_eq!(network("default"), "3dd9087b94b2f34d8f7566d7758717675e1cafa81e92fc63153711fe67dee411");
        assert_eq!(network("n"), "2eaa0fb5d434e531663c4eded7442ed107833e8c71a1dedc86961e35aa13c736");
        let volume = volume_hash(&stack.volumes["vol"]);
        assert_eq!(volume, "d3d680963c1fa4a1faf32308f8c29c89638e8a68719c76a2a973f4eccf89ab71");
    }

    #[test]
    fn a_service_hash_has_the_historical_order_of_keys() {
        let stack = stack(
            "services:\n  web:\n    image: nginx\n    restart: always\n    healthcheck: {disable: true}\n    \
             pre_start: [{image: x, command: [a], per_replica: true, user: root}]\n    \
             post_start: [{command: [a], user: root}]\n",
        );
        let hash = config_hash(&stack.services["web"]);
        assert_eq!(hash, "f03c9b746197adab1b43e1cac33217aa908cf07c6dcfc71d7794ca4c459a58e7");
    }

    #[test]
    fn scale_and_dependencies_do_not_change_a_hash() {
        let plain = stack("services: {a: {image: x}, b: {image: y}}");
        let scaled = stack("services: {a: {image: x, scale: 3, depends_on: [b], pull_policy: always}, b: {image: y}}");
        assert_eq!(config_hash(&plain.services["a"]), config_hash(&scaled.services["a"]));
    }
}
