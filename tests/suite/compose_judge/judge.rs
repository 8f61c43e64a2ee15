//! Decides where the real Docker Compose is and remembers what it said.
//! Reads AICTL_LAB_COMPOSE or the lab's cache; returns its outcome for a project and mode.
//! Never fetches it: that is the lab's work (tests/run).

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::case::Case;
use super::run::{Mode, Outcome, run};

const MISSING: &str = "the real Docker Compose is not here (tests/run fetches it, or set AICTL_LAB_COMPOSE)";

/// The real Compose.
pub struct Judge {
    program: PathBuf,
    /// Where its answers are kept: asking it thousands of times takes a minute.
    memory: PathBuf,
}

impl Judge {
    /// The judge, or a word on why there is none.
    pub fn find() -> Option<Self> {
        let lab = lab_cache();
        let given = std::env::var_os("AICTL_LAB_COMPOSE").map(PathBuf::from);
        let Some(program) = given.or_else(|| installed(&lab)).filter(|path| path.is_file()) else {
            skipped("compose_judge", MISSING);
            return None;
        };
        let memory = lab.join("judge");
        std::fs::create_dir_all(&memory).unwrap();
        Some(Self { program, memory })
    }

    /// Where it is.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// What it says, from memory where the same was asked before.
    pub fn ask(&self, case: &Case, mode: &Mode) -> Outcome {
        let place = self.memory.join(self.key(case, mode));
        if let Some(known) = std::fs::read(&place).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            return known;
        }
        let outcome = self.ask_anew(case, mode);
        let part = place.with_extension(format!("{:?}", std::thread::current().id()));
        std::fs::write(&part, serde_json::to_vec(&outcome).unwrap()).unwrap();
        std::fs::rename(part, place).unwrap();
        outcome
    }

    /// What it says now.
    pub fn ask_anew(&self, case: &Case, mode: &Mode) -> Outcome {
        run(&self.program, case, &mode.arguments(case))
    }

    /// The question as a file name: the program, the project's place and bytes, and the command line.
    fn key(&self, case: &Case, mode: &Mode) -> String {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update(bytes.len().to_le_bytes());
            hash.update(bytes);
        };
        let size = std::fs::metadata(&self.program).map_or(0, |data| data.len());
        add(&size.to_le_bytes());
        add(case.cwd().as_os_str().as_encoded_bytes());
        for file in case.files() {
            add(file.as_os_str().as_encoded_bytes());
            add(&std::fs::read(&file).unwrap());
        }
        for argument in mode.arguments(case) {
            add(argument.as_bytes());
        }
        hex::encode(hash.finalize())
    }
}

/// Where the lab keeps what it fetched.
fn lab_cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| OsString::from("/root")));
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home().join(".cache"), PathBuf::from);
    cache.join("aictl-lab")
}

/// The Compose the lab installed.
fn installed(lab: &Path) -> Option<PathBuf> {
    let tools = std::fs::read_dir(lab.join("tools")).ok()?;
    let programs = tools.filter_map(Result::ok).map(|entry| entry.path().join("docker-compose"));
    programs.filter(|path| path.is_file()).max()
}

/// Says in the lab's summary that a test did not run.
pub fn skipped(test: &str, reason: &str) {
    let Some(list) = std::env::var_os("AICTL_LAB_SKIPPED") else { return };
    let mut list = std::fs::OpenOptions::new().append(true).create(true).open(list).unwrap();
    writeln!(list, "{test}: {reason}").unwrap();
}
