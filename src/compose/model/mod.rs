//! The typed model of a loaded project: `Stack`, `Service` and everything in them, in the order Compose writes it.
//! Reads nothing; holds the values, writes Compose's JSON and YAML trees, and reads its own JSON back.
//! Never loads a file and never talks to an engine.

mod build;
mod container;
pub(crate) mod define;
mod deploy;
mod limits;
mod resource;
mod service;
mod stack;
mod units;

use std::collections::BTreeMap;

pub use build::{Build, Develop, WatchTrigger};
pub use deploy::{
    Deploy, DeviceRequest, DiscreteResource, GenericResource, Healthcheck, Placement, PlacementPreference, Resource,
    Resources, RestartPolicy, UpdateConfig,
};
pub use limits::{
    BlkioConfig, Condition, CredentialSpec, Dependency, DeviceMapping, EnvFile, Logging, ThrottleDevice, Ulimit,
    WeightDevice,
};
pub use resource::{
    ConfigSource, FileReference, Ipam, IpamPool, Model, Network, SecretSource, ServiceModel, ServiceNetwork,
    ServicePort, ServiceVolume, Volume, VolumeBind, VolumeImage, VolumeOptions, VolumeTmpfs,
};
pub use service::{Extends, Job, JobSchedule, JobTriggers, PreStartHook, Provider, Service, ServiceHook};
pub use stack::Stack;
pub use units::{
    ByteSize, DeviceCount, FileMode, Float32, GoDuration, HealthTest, HostList, OptOut, ShellCommand, SshKey,
};

/// Names and texts.
pub type Mapping = BTreeMap<String, String>;

/// Names and texts, some without a value.
pub type MappingWithNulls = BTreeMap<String, Option<String>>;

/// The `x-` keys of a struct.
pub type Extensions = BTreeMap<String, crate::compose::value::Node>;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::Stack;
    use crate::compose::{FileSource, LoadArgs, load};
    use crate::input_file::LocalFiles;

    #[test]
    fn a_saved_project_reads_back_the_same() {
        let text = "name: saved\n\
            services:\n  a:\n    image: x\n    command: [run, it]\n    ports: ['127.0.0.1:80:80', '53/udp']\n    \
            volumes: ['./d:/d:ro', 'v:/v', {type: tmpfs, target: /t, tmpfs: {size: 1m}}]\n    \
            environment: {A: 1, B: }\n    env_file: [{path: e.env, required: false}]\n    cpus: 0.1\n    mem_limit: 64m\n    \
            ulimits: {nofile: {soft: 1, hard: 2}, nproc: 3}\n    extra_hosts: ['h=::1', 'g=1.2.3.4']\n    \
            healthcheck: {test: ok, interval: 90s}\n    stop_grace_period: 1.5s\n    depends_on: {b: {condition: \
            service_healthy}}\n    secrets: [{source: s, mode: 0440}]\n    deploy: {replicas: 2}\n    \
            build: {context: ., ssh: [default, k=./k], args: {V: 1}}\n    gpus: all\n  b: {image: y, profiles: [p]}\n  \
            c: {image: z, blkio_config: {weight_device: [{path: /dev/a, weight: 3}]}, depends_on: {b: {condition: \
            service_started, required: false}}}\n\
            volumes: {v: }\nsecrets: {s: {file: ./s}}\nx-top: {a: [1, 0.5]}\n";
        let file = FileSource::Inline { name: PathBuf::from("compose.yaml"), text: text.to_owned() };
        let profiles = vec!["p".to_owned()];
        let args = LoadArgs { working_dir: PathBuf::from("/srv"), files: vec![file], profiles, ..LoadArgs::default() };
        let stack = load(&args, &LocalFiles).unwrap().stack;
        let saved = serde_json::to_string(&stack).unwrap();
        assert_eq!(serde_json::from_str::<Stack>(&saved).unwrap(), stack);
    }
}
