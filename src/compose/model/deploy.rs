//! Replicas, resources and update behaviour of a service, and its health check.
//! Reads nothing; plain data in the order Compose writes it.
//! Never decides which of it an engine can apply.

use super::define::model;
use super::{ByteSize, DeviceCount, Float32, GoDuration, HealthTest, Mapping};

model! {
    /// Deployment of a service.
    pub struct Deploy {
        /// `replicated` or `global`.
        mode: String,
        /// Number of containers.
        replicas: Option<i64>,
        /// Labels of the service, not of its containers.
        labels: Mapping,
        /// How an update goes.
        update_config: Option<UpdateConfig>,
        /// How a rollback goes.
        rollback_config: Option<UpdateConfig>,
        /// Limits and reservations.
        @json resources: Resources,
        /// Restart policy.
        restart_policy: Option<RestartPolicy>,
        /// Placement.
        @json placement: Placement,
        /// `vip` or `dnsrr`.
        endpoint_mode: String,
    } ext
}

model! {
    /// How an update goes.
    pub struct UpdateConfig {
        /// Containers at once.
        parallelism: Option<u64>,
        /// Pause between them.
        delay: GoDuration,
        /// What a failure does.
        failure_action: String,
        /// How long each is watched.
        monitor: GoDuration,
        /// Share of failures that is tolerated.
        max_failure_ratio: Float32,
        /// `stop-first` or `start-first`.
        order: String,
    } ext
}

model! {
    /// Limits and reservations.
    pub struct Resources {
        /// At most.
        limits: Option<Resource>,
        /// At least.
        reservations: Option<Resource>,
    } ext
}

model! {
    /// One set of resources.
    pub struct Resource {
        /// CPUs, may be fractional.
        cpus: Float32,
        /// Memory.
        memory: ByteSize,
        /// Processes.
        pids: i64,
        /// Devices.
        devices: Vec<DeviceRequest>,
        /// User-defined resources.
        generic_resources: Vec<GenericResource>,
    } ext
}

model! {
    /// A request for devices, as GPUs are.
    pub struct DeviceRequest {
        /// Capabilities: `gpu`, `tpu`, ….
        capabilities: Vec<String>,
        /// Driver.
        driver: String,
        /// How many; -1 is all.
        count: DeviceCount,
        /// Which.
        device_ids: Vec<String>,
        /// Options of the driver.
        options: Mapping,
    }
}

model! {
    /// A user-defined resource.
    pub struct GenericResource {
        /// A counted one.
        discrete_resource_spec: Option<DiscreteResource>,
    } ext
}

model! {
    /// A counted resource.
    pub struct DiscreteResource {
        /// Its kind.
        @keep kind: String,
        /// How many.
        @keep value: i64,
    } ext
}

model! {
    /// Restart policy of a deployment.
    pub struct RestartPolicy {
        /// `none`, `on-failure` or `any`.
        condition: String,
        /// Pause between attempts.
        delay: Option<GoDuration>,
        /// Attempts.
        max_attempts: Option<u64>,
        /// How long a container must run to count as started.
        window: Option<GoDuration>,
    } ext
}

model! {
    /// Placement of a deployment.
    pub struct Placement {
        /// Constraints.
        constraints: Vec<String>,
        /// Preferences.
        preferences: Vec<PlacementPreference>,
        /// Containers per node at most.
        max_replicas_per_node: u64,
    } ext
}

model! {
    /// One preference of placement.
    pub struct PlacementPreference {
        /// Label spread over.
        spread: String,
    } ext
}

model! {
    /// Health check of a container.
    pub struct Healthcheck {
        /// The test: `CMD …`, `CMD-SHELL …` or `NONE`.
        test: HealthTest,
        /// How long one test may take.
        timeout: Option<GoDuration>,
        /// Pause between tests.
        interval: Option<GoDuration>,
        /// Failures until unhealthy.
        retries: Option<u64>,
        /// Grace at the start, in which failures do not count.
        start_period: Option<GoDuration>,
        /// Pause between tests during the grace.
        start_interval: Option<GoDuration>,
        /// Switches the image's check off.
        disable: bool,
    } ext
}
