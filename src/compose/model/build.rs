//! How an image is built and what `watch` reacts to.
//! Reads nothing; plain data in the order Compose writes it.
//! Never builds anything.

use std::collections::BTreeMap;

use super::define::model;
use super::{ByteSize, FileReference, HostList, Mapping, MappingWithNulls, ServiceHook, SshKey, Ulimit};

model! {
    /// How the image is built.
    pub struct Build {
        /// Directory, archive or repository the build reads.
        context: String,
        /// Path of the Dockerfile, relative to the context.
        dockerfile: String,
        /// The Dockerfile itself.
        dockerfile_inline: String,
        /// Privileges the build is granted.
        entitlements: Vec<String>,
        /// Build arguments.
        args: MappingWithNulls,
        /// Provenance attestation.
        provenance: String,
        /// Software bill of materials.
        sbom: String,
        /// SSH agents and keys.
        ssh: Vec<SshKey>,
        /// Labels of the image.
        labels: Mapping,
        /// Cache sources.
        cache_from: Vec<String>,
        /// Cache destinations.
        cache_to: Vec<String>,
        /// Builds without cache.
        no_cache: bool,
        /// Stages built without cache.
        no_cache_filter: Vec<String>,
        /// Named contexts.
        additional_contexts: Mapping,
        /// Pulls base images always.
        pull: bool,
        /// Additional hosts.
        extra_hosts: HostList,
        /// Isolation technology.
        isolation: String,
        /// Network of the build.
        network: String,
        /// Stage to build.
        target: String,
        /// Secrets of the build.
        secrets: Vec<FileReference>,
        /// Size of /dev/shm.
        shm_size: ByteSize,
        /// Additional tags.
        tags: Vec<String>,
        /// Resource limits.
        ulimits: BTreeMap<String, Option<Ulimit>>,
        /// Platforms built for.
        platforms: Vec<String>,
        /// Full privileges.
        privileged: bool,
    } ext
}

model! {
    /// What `watch` reacts to.
    pub struct Develop {
        /// The rules.
        watch: Vec<WatchTrigger>,
    } ext
}

model! {
    /// One rule of `watch`.
    pub struct WatchTrigger {
        /// Path watched.
        @keep path: String,
        /// What a change does.
        @keep action: String,
        /// Where files go in the container.
        target: String,
        /// Command run after a sync.
        @json exec: ServiceHook,
        /// Patterns included.
        include: Vec<String>,
        /// Patterns ignored.
        ignore: Vec<String>,
        /// Syncs once at the start.
        initial_sync: bool,
    } ext
}
