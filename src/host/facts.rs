//! What is known of a machine and its engine when it is judged whether a stack can run there.
//! Plain data: readers fill it, tests write it down; what could not be looked at carries the reason.
//! Never judges.

pub use super::amounts::{KernelFacts, Limited};
use super::installed_engines::Presence;
use super::system::OsRelease;
use crate::plan::EngineInfo;
use crate::plan::host_requirements::UnmetRequirement;
use crate::target::TargetError;

/// What the file system of the engine is said to hold.
pub const ENGINE_DATA: &str = "engine data";

/// A fact, or why it was not looked at.
pub type Seen<T> = Result<T, String>;

/// Everything the verdicts read.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The engine, or why it does not answer.
    pub engine: Result<EngineInfo, TargetError>,
    /// Which engines are installed on this machine.
    pub presence: Presence,
    /// The machine.
    pub machine: MachineFacts,
    /// File systems that must have room.
    pub disks: Vec<DiskFact>,
    /// What the stack asks of the machine.
    pub stack: StackFacts,
    /// Published ports.
    pub ports: Vec<PortFact>,
    /// What aictl must be able to read and write.
    pub access: AccessFacts,
    /// Clocks.
    pub clock: ClockFacts,
    /// Name resolution.
    pub dns: DnsFacts,
}

/// The machine the engine runs on.
#[derive(Debug, Clone)]
pub struct MachineFacts {
    /// The distribution of this machine; none where it is no Linux.
    pub os: Option<OsRelease>,
    /// Whether commands run here have root's rights.
    pub is_root: bool,
    /// Login name.
    pub user: String,
    /// Processors that may be used.
    pub cpus: Seen<Limited<f64>>,
    /// Bytes of memory that may be used.
    pub memory: Seen<Limited<u64>>,
    /// Bytes of memory that are free or can be freed at once.
    pub available: Seen<u64>,
    /// Kernel settings.
    pub kernel: Seen<KernelFacts>,
    /// Architectures besides its own that its kernel runs through an emulator.
    pub emulated: Vec<String>,
}

/// A file system.
#[derive(Debug, Clone, PartialEq)]
pub struct DiskFact {
    /// What lies there: `engine data`, `project`.
    pub holds: &'static str,
    /// The path that was looked at.
    pub path: String,
    /// Its room.
    pub space: Seen<DiskSpace>,
}

/// Room of a file system; a file system without a fixed number of inodes says 0 of 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes an ordinary user may still write.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
    /// Files that may still be made.
    pub free_inodes: u64,
    /// Files there can be.
    pub inodes: u64,
}

/// What a stack asks of a machine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StackFacts {
    /// Why the compose files could not be read, when they could not.
    pub unreadable: Option<String>,
    /// A service runs Elasticsearch: its name, and whether it is configured as a single node.
    pub elasticsearch: Option<(String, bool)>,
    /// A service runs Redis: its name.
    pub redis: Option<String>,
    /// Services that ask for a platform: `linux/arm64`.
    pub platforms: Vec<(String, String)>,
    /// Services with a memory limit.
    pub limited: usize,
    /// An image that is not on the engine yet and is built from the distribution's packages.
    pub built_image: Option<String>,
    /// Images that are not on the engine yet.
    pub missing_images: usize,
    /// An environment of the project that asks for less.
    pub lighter: Option<String>,
    /// Requirements of services that the host does not meet.
    pub unmet: Vec<UnmetRequirement>,
}

/// A port a service publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortFact {
    /// The service.
    pub service: String,
    /// As people write it: `8000/tcp`, `127.0.0.1:53/udp`.
    pub port: String,
    /// Who has it.
    pub holder: Seen<PortState>,
}

/// Who has a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortState {
    /// Nobody.
    Free,
    /// A container of this project.
    Ours(String),
    /// Another container: its name and project.
    Container { name: String, project: String },
    /// A process: its words, and its id when it can be seen.
    Process { words: String, pid: Option<u32> },
}

/// What aictl must be able to read and write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessFacts {
    /// The project's directory.
    pub project: String,
    /// Whether it can be written.
    pub project_writable: Seen<bool>,
    /// Files of variables that exist, with their mode bits.
    pub env_files: Vec<(String, u32)>,
}

/// Clocks.
#[derive(Debug, Clone, PartialEq)]
pub struct ClockFacts {
    /// This machine's, seconds since 1970.
    pub ours: i64,
    /// Seconds the engine's clock is ahead of ours.
    pub ahead: Seen<f64>,
}

/// Name resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsFacts {
    /// The name that was looked up: where images or packages would come from; empty where nothing names a host.
    pub name: String,
    /// The result on this machine.
    pub host: Seen<Lookup>,
    /// Downloads go through a proxy, which looks names up itself.
    pub proxied: bool,
}

/// The result of a look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// An address.
    Found(String),
    /// A resolver answered that there is no such name.
    Unknown,
    /// No resolver answered; its words.
    Silent(String),
}

impl Default for MachineFacts {
    fn default() -> Self {
        let unseen = || "not read".to_owned();
        Self {
            os: None,
            is_root: false,
            user: String::new(),
            cpus: Err(unseen()),
            memory: Err(unseen()),
            available: Err(unseen()),
            kernel: Err(unseen()),
            emulated: Vec::new(),
        }
    }
}
