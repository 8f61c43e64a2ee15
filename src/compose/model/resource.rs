//! The project's networks, volumes, secrets, configs and models, and how a service uses them.
//! Reads nothing; plain data in the order Compose writes it.
//! Never holds a secret's content in what it writes.

use super::define::model;
use super::{ByteSize, FileMode, Mapping, OptOut};

model! {
    /// A network of the project.
    pub struct Network {
        /// Its real name.
        name: String,
        /// Driver.
        driver: String,
        /// Options of the driver.
        driver_opts: Mapping,
        /// Address management.
        @json ipam: Ipam,
        /// Managed elsewhere: it must exist.
        external: bool,
        /// Without a way out.
        internal: bool,
        /// Other containers may join.
        attachable: bool,
        /// Labels.
        labels: Mapping,
        /// IPv4 on or off.
        enable_ipv4: Option<bool>,
        /// IPv6 on or off.
        enable_ipv6: Option<bool>,
    } ext
}

model! {
    /// Address management of a network.
    pub struct Ipam {
        /// Driver.
        driver: String,
        /// Address pools.
        config: Vec<IpamPool>,
        /// Options of the driver.
        options: Mapping,
    } ext
}

model! {
    /// An address pool.
    pub struct IpamPool {
        /// Subnet, CIDR.
        subnet: String,
        /// Gateway.
        gateway: String,
        /// Range addresses are taken from, CIDR.
        ip_range: String,
        /// Addresses reserved for other hosts.
        aux_addresses: Mapping,
    }
}

model! {
    /// A volume of the project.
    pub struct Volume {
        /// Its real name.
        name: String,
        /// Driver.
        driver: String,
        /// Options of the driver.
        driver_opts: Mapping,
        /// Managed elsewhere: it must exist.
        external: bool,
        /// Labels.
        labels: Mapping,
    } ext
}

model! {
    /// A secret of the project. Its content is kept out of everything written.
    pub struct SecretSource {
        /// Its real name.
        name: String,
        /// File it is read from.
        file: String,
        /// Environment variable it is read from.
        environment: String,
        /// Managed elsewhere.
        external: bool,
        /// Labels.
        labels: Mapping,
        /// Driver.
        driver: String,
        /// Options of the driver.
        driver_opts: Mapping,
        /// Template driver.
        template_driver: String,
    } ext
}

model! {
    /// A config of the project.
    pub struct ConfigSource {
        /// Its real name.
        name: String,
        /// File it is read from.
        file: String,
        /// Environment variable it is read from.
        environment: String,
        /// The content itself.
        content: String,
        /// Managed elsewhere.
        external: bool,
        /// Labels.
        labels: Mapping,
        /// Driver.
        driver: String,
        /// Options of the driver.
        driver_opts: Mapping,
        /// Template driver.
        template_driver: String,
    } ext
}

model! {
    /// A model of the project.
    pub struct Model {
        /// Its real name.
        name: String,
        /// Reference of the model.
        model: String,
        /// Context size, tokens.
        context_size: i64,
        /// Flags of the runtime.
        runtime_flags: Vec<String>,
    } ext
}

model! {
    /// How a service uses a model.
    pub struct ServiceModel {
        /// Variable that gets the endpoint.
        endpoint_var: String,
        /// Variable that gets the model's name.
        model_var: String,
    } ext
}

model! {
    /// How a service joins a network.
    pub struct ServiceNetwork {
        /// Other names of the service there.
        aliases: Vec<String>,
        /// Options of the driver.
        driver_opts: Mapping,
        /// Which network gives the default gateway: the highest.
        gw_priority: i64,
        /// Name of the interface.
        interface_name: String,
        /// Fixed IPv4 address.
        ipv4_address: String,
        /// Fixed IPv6 address.
        ipv6_address: String,
        /// Link-local addresses.
        link_local_ips: Vec<String>,
        /// MAC address.
        mac_address: String,
        /// Order in which networks are joined: highest first.
        priority: i64,
    } ext
}

model! {
    /// A published port.
    pub struct ServicePort {
        /// Name.
        name: String,
        /// `ingress` or `host`.
        mode: String,
        /// Host address.
        host_ip: String,
        /// Port of the container.
        target: u32,
        /// Port or range of the host; empty for any.
        published: String,
        /// `tcp`, `udp` or `sctp`.
        protocol: String,
        /// Application protocol.
        app_protocol: String,
    } ext
}

model! {
    /// A mount of a service.
    pub struct ServiceVolume {
        /// `bind`, `volume`, `tmpfs`, `npipe`, `cluster` or `image`.
        r#type: String,
        /// Path, volume or image.
        source: String,
        /// Path in the container.
        target: String,
        /// Read-only.
        read_only: bool,
        /// Consistency (ignored on Linux).
        consistency: String,
        /// Options of a bind mount.
        bind: Option<VolumeBind>,
        /// Options of a volume.
        volume: Option<VolumeOptions>,
        /// Options of a tmpfs.
        tmpfs: Option<VolumeTmpfs>,
        /// Options of an image mount.
        image: Option<VolumeImage>,
    } ext
}

model! {
    /// Options of a bind mount.
    pub struct VolumeBind {
        /// SELinux relabelling: `z` or `Z`.
        selinux: String,
        /// Propagation.
        propagation: String,
        /// Creates a missing source.
        create_host_path: OptOut,
        /// Recursive mount mode.
        recursive: String,
    } ext
}

model! {
    /// Options of a volume mount.
    pub struct VolumeOptions {
        /// Labels of an anonymous volume.
        labels: Mapping,
        /// Does not copy the image's content.
        nocopy: bool,
        /// Directory inside the volume.
        subpath: String,
    } ext
}

model! {
    /// Options of a tmpfs mount.
    pub struct VolumeTmpfs {
        /// Size.
        size: ByteSize,
        /// Mode.
        mode: u32,
    } ext
}

model! {
    /// Options of an image mount.
    pub struct VolumeImage {
        /// Directory inside the image.
        subpath: String,
    } ext
}

model! {
    /// A config or secret as a container sees it.
    pub struct FileReference {
        /// Its key in the project.
        source: String,
        /// Path in the container.
        target: String,
        /// Owner.
        uid: String,
        /// Group.
        gid: String,
        /// Mode.
        mode: Option<FileMode>,
    } ext
}
