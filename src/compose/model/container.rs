//! The fields every container has: a service's, a job's and a pre-start hook's.
//! Reads nothing; one macro lists them once, in the order they are written.
//! Never holds what only a service has.

/// Declares a struct that has the container fields between fields of its own.
macro_rules! container_model {
    ($(#[$meta:meta])* pub struct $name:ident { $($before:tt)* } { $($after:tt)* }) => {
        $crate::compose::model::define::model! {
            $(#[$meta])*
            pub struct $name {
                $($before)*
                /// Annotations of the container.
                annotations: Mapping,
                /// Block I/O limits.
                blkio_config: Option<BlkioConfig>,
                /// Capabilities added.
                cap_add: Vec<String>,
                /// Capabilities dropped.
                cap_drop: Vec<String>,
                /// Parent cgroup.
                cgroup_parent: String,
                /// Cgroup namespace: `host` or `private`.
                cgroup: String,
                /// Number of usable CPUs (Windows).
                cpu_count: i64,
                /// Usable percentage of the CPUs (Windows).
                cpu_percent: Float32,
                /// CFS period, microseconds.
                cpu_period: i64,
                /// CFS quota, microseconds.
                cpu_quota: i64,
                /// Real-time period, microseconds.
                cpu_rt_period: i64,
                /// Real-time runtime, microseconds.
                cpu_rt_runtime: i64,
                /// CPUs, may be fractional.
                cpus: Float32,
                /// Explicit CPUs: `0-3` or `0,1`.
                cpuset: String,
                /// Relative CPU weight.
                cpu_shares: i64,
                /// Command; unset, or cleared by an empty list.
                @json command: ShellCommand,
                /// Configs mounted.
                configs: Vec<FileReference>,
                /// Windows credential spec.
                credential_spec: Option<CredentialSpec>,
                /// Rules of the device cgroup.
                device_cgroup_rules: Vec<String>,
                /// Devices mapped.
                devices: Vec<DeviceMapping>,
                /// DNS servers.
                dns: Vec<String>,
                /// DNS options.
                dns_opt: Vec<String>,
                /// DNS search domains.
                dns_search: Vec<String>,
                /// Domain name.
                domainname: String,
                /// Entrypoint; unset, or cleared by an empty list.
                @json entrypoint: ShellCommand,
                /// Environment; a variable without a value is null.
                environment: MappingWithNulls,
                /// Files the environment is completed from.
                env_file: Vec<EnvFile>,
                /// Additional hosts.
                extra_hosts: HostList,
                /// Additional groups.
                group_add: Vec<String>,
                /// GPUs requested.
                gpus: Vec<DeviceRequest>,
                /// Host name.
                hostname: String,
                /// Image reference.
                image: String,
                /// Whether an init process runs.
                init: Option<bool>,
                /// IPC namespace.
                ipc: String,
                /// Isolation technology.
                isolation: String,
                /// Labels.
                labels: Mapping,
                /// Files the labels are completed from.
                label_file: Vec<String>,
                /// Logging driver and options.
                logging: Option<Logging>,
                /// Obsolete form of `logging.driver`.
                log_driver: String,
                /// Obsolete form of `logging.options`.
                log_opt: Mapping,
                /// Memory limit.
                mem_limit: ByteSize,
                /// Memory reservation.
                mem_reservation: ByteSize,
                /// Memory plus swap limit.
                memswap_limit: ByteSize,
                /// Swappiness, 0 to 100.
                mem_swappiness: ByteSize,
                /// MAC address.
                mac_address: String,
                /// Models used.
                models: BTreeMap<String, Option<ServiceModel>>,
                /// Network mode.
                network_mode: String,
                /// Networks joined.
                networks: BTreeMap<String, Option<ServiceNetwork>>,
                /// Whether the OOM killer is off.
                oom_kill_disable: bool,
                /// OOM score.
                oom_score_adj: i64,
                /// PID namespace.
                pid: String,
                /// Process limit.
                pids_limit: i64,
                /// Platform of the image.
                platform: String,
                /// Full privileges.
                privileged: bool,
                /// When the image is pulled.
                pull_policy: String,
                /// Age after which the image is pulled again.
                pull_refresh_after: String,
                /// Read-only root file system.
                read_only: bool,
                /// OCI runtime.
                runtime: String,
                /// Secrets mounted.
                secrets: Vec<FileReference>,
                /// Security options.
                security_opt: Vec<String>,
                /// Size of /dev/shm.
                shm_size: ByteSize,
                /// Time between the stop signal and the kill.
                stop_grace_period: Option<GoDuration>,
                /// Signal that stops the container.
                stop_signal: String,
                /// Storage driver options.
                storage_opt: Mapping,
                /// Kernel parameters.
                sysctls: Mapping,
                /// Temporary file systems.
                tmpfs: Vec<String>,
                /// Resource limits.
                ulimits: BTreeMap<String, Option<Ulimit>>,
                /// Whether the engine's socket and credentials are given to the container.
                use_api_socket: bool,
                /// User.
                user: String,
                /// User namespace.
                userns_mode: String,
                /// UTS namespace.
                uts: String,
                /// Default volume driver.
                volume_driver: String,
                /// Mounts.
                volumes: Vec<ServiceVolume>,
                /// Containers whose volumes are mounted.
                volumes_from: Vec<String>,
                /// Working directory.
                working_dir: String,
                $($after)*
            } ext
        }
    };
}
pub(crate) use container_model;
