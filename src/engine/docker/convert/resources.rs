//! Limits, devices and ulimits of a container.
//! Reads a service's legacy keys and its `deploy.resources`, which win; writes them into the host configuration.
//! Never checks that a device exists.

use serde_json::{Value, json};

use super::body::Body;
use crate::compose::model::{BlkioConfig, DeviceMapping, DeviceRequest, Float32, Resource, Service, ThrottleDevice};

pub(super) fn resources(service: &Service, body: &mut Body) {
    body.text("CgroupParent", &service.cgroup_parent);
    body.number("Memory", service.mem_limit.0);
    body.number("MemorySwap", service.memswap_limit.0);
    body.number("MemoryReservation", service.mem_reservation.0);
    body.number("MemorySwappiness", service.mem_swappiness.0);
    body.value("OomKillDisable", service.oom_kill_disable);
    body.number("CpuCount", service.cpu_count);
    body.number("CpuPercent", scaled(service.cpu_percent, 100.0));
    body.number("CpuPeriod", service.cpu_period);
    body.number("CpuQuota", service.cpu_quota);
    body.number("CpuRealtimePeriod", service.cpu_rt_period);
    body.number("CpuRealtimeRuntime", service.cpu_rt_runtime);
    body.number("CpuShares", service.cpu_shares);
    body.number("NanoCpus", scaled(service.cpus, 1e9));
    body.text("CpusetCpus", &service.cpuset);
    body.number("PidsLimit", service.pids_limit);
    body.list("DeviceCgroupRules", &service.device_cgroup_rules);
    if let Some(blkio) = &service.blkio_config {
        block_io(blkio, body);
    }
    let (limits, reservations) = match &service.deploy {
        Some(deploy) => (deploy.resources.limits.as_ref(), deploy.resources.reservations.as_ref()),
        None => (None, None),
    };
    if let Some(limits) = limits {
        body.number("Memory", limits.memory.0);
        body.number("NanoCpus", scaled(limits.cpus, 1e9));
        body.number("PidsLimit", limits.pids);
    }
    if let Some(reservations) = reservations {
        // A reservation of CPUs means something to a scheduler only.
        body.number("MemoryReservation", reservations.memory.0);
    }
    devices(service, reservations, body);
    body.values("Ulimits", ulimits(service));
}

/// In single precision, as Compose computes it: 0.1 CPUs are 100000000 nano-CPUs and not 100000001.
fn scaled(value: Float32, factor: f32) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a number of CPUs is far below the limit")]
    let whole = (value.0 * factor) as i64;
    whole
}

fn devices(service: &Service, reservations: Option<&Resource>, body: &mut Body) {
    let mut requests = Vec::new();
    for device in reservations.into_iter().flat_map(|r| &r.devices) {
        requests.push(request(device, device.capabilities.clone()));
    }
    for gpu in &service.gpus {
        let mut capabilities = gpu.capabilities.clone();
        capabilities.push("gpu".to_owned());
        requests.push(request(gpu, capabilities));
    }
    let (injected, mapped): (Vec<_>, Vec<_>) = service.devices.iter().partition(|device| is_cdi(device));
    if !injected.is_empty() {
        let names: Vec<_> = injected.iter().map(|device| &device.source).collect();
        requests.push(json!({ "Driver": "cdi", "DeviceIDs": names }));
    }
    body.values("DeviceRequests", requests);
    body.values("Devices", mapped.into_iter().map(mapping).collect());
}

fn request(device: &DeviceRequest, capabilities: Vec<String>) -> Value {
    let mut body = Body::default();
    body.text("Driver", &device.driver);
    body.number("Count", device.count.0);
    body.list("DeviceIDs", &device.device_ids);
    body.value("Capabilities", json!([capabilities]));
    body.map("Options", &device.options);
    body.finish()
}

/// `vendor.com/class=name` names a device of the Container Device Interface instead of a path.
fn is_cdi(device: &DeviceMapping) -> bool {
    device.source == device.target && !device.source.starts_with('/') && device.source.contains('=')
}

fn mapping(device: &DeviceMapping) -> Value {
    let target = if device.target.is_empty() { &device.source } else { &device.target };
    let permissions = if device.permissions.is_empty() { "rwm" } else { &device.permissions };
    json!({ "PathOnHost": device.source, "PathInContainer": target, "CgroupPermissions": permissions })
}

fn ulimits(service: &Service) -> Vec<Value> {
    let limits = service.ulimits.iter().filter_map(|(name, limit)| limit.as_ref().map(|limit| (name, limit.bounds())));
    limits.map(|(name, (soft, hard))| json!({ "Name": name, "Soft": soft, "Hard": hard })).collect()
}

fn block_io(blkio: &BlkioConfig, body: &mut Body) {
    body.number("BlkioWeight", i64::from(blkio.weight));
    let weights = blkio.weight_device.iter().map(|d| json!({ "Path": d.path, "Weight": d.weight })).collect();
    body.values("BlkioWeightDevice", weights);
    let throttle = |list: &[ThrottleDevice]| list.iter().map(|d| json!({ "Path": d.path, "Rate": d.rate.0 })).collect();
    body.values("BlkioDeviceReadBps", throttle(&blkio.device_read_bps));
    body.values("BlkioDeviceReadIOps", throttle(&blkio.device_read_iops));
    body.values("BlkioDeviceWriteBps", throttle(&blkio.device_write_bps));
    body.values("BlkioDeviceWriteIOps", throttle(&blkio.device_write_iops));
}
