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
