//! The labels that make containers, networks and volumes recognisable: Compose's, so that both tools see one stack, and ours.
//! Constants only; names as docker/compose writes them (pkg/api/labels.go).
//! Never holds a value.

/// Project name.
pub const PROJECT: &str = "com.docker.compose.project";
/// Service name.
pub const SERVICE: &str = "com.docker.compose.service";
/// Hash of the normalised service. A container without it does not exist for Compose.
pub const CONFIG_HASH: &str = "com.docker.compose.config-hash";
/// Number of the container within its service.
pub const CONTAINER_NUMBER: &str = "com.docker.compose.container-number";
/// `True` for containers made by `run`.
pub const ONE_OFF: &str = "com.docker.compose.oneoff";
/// Id of a one-off container.
pub const SLUG: &str = "com.docker.compose.slug";
/// Absolute project directory.
pub const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
/// Absolute paths of the compose files, comma-joined.
pub const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
/// Absolute paths of the env files, only when given.
pub const ENVIRONMENT_FILE: &str = "com.docker.compose.project.environment_file";
/// Id of the image used.
pub const IMAGE: &str = "com.docker.compose.image";
/// The value of `IMAGE` in a plan whose earlier steps make the image: the executor puts the id in its place.
pub const PENDING_IMAGE: &str = "pending";
/// `db:service_healthy:false,…`.
pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
/// Version of the tool that made the object.
pub const VERSION: &str = "com.docker.compose.version";
/// Old name, on a container that replaces another.
pub const REPLACE: &str = "com.docker.compose.replace";
/// Network key.
pub const NETWORK: &str = "com.docker.compose.network";
/// Volume key.
pub const VOLUME: &str = "com.docker.compose.volume";
/// Digest over the contents of configs, secrets and bind-mounted files a container uses. Ours.
pub const CONTENT: &str = "io.aictl.content";
/// Revision of the release that made a container. Ours.
pub const RELEASE: &str = "io.aictl.release";
/// The value of `RELEASE` in a plan: the executor puts the revision in its place.
pub const PENDING_RELEASE: &str = "pending";
/// Host and process id of the backup drill that made a container.
pub const DRILL: &str = "io.aictl.drill";
/// Id of the database container whose WAL a container receives. Ours.
pub const WAL_OF: &str = "io.aictl.wal-of";
/// How the key of a volume with received WAL ends. Ours.
pub const WAL_VOLUME: &str = "aictl-wal";
/// Project of a helper container or state volume. Ours.
pub const AICTL_PROJECT: &str = "io.aictl.project";

/// The Compose version our containers, networks and volumes claim to be made by: its rules are the ones we follow.
pub const COMPATIBLE_WITH: &str = "5.6.1";
