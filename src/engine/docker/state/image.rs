//! The helper container's image: one static program that sleeps for ever, made here byte by byte.
//! Reads an architecture; returns a tar archive that the engine imports, so that a bare remote engine needs nothing.
//! Never pulls.

use crate::engine::docker::connection::Connection;
use crate::engine::docker::{copy, error_mapping};
use crate::target::TargetError;
use bollard::query_parameters::CreateImageOptionsBuilder;
use bytes::Bytes;
use futures_util::TryStreamExt;

/// Name of the image on the engine.
pub(super) const IMAGE: &str = "aictl/state:1";
/// The program in it.
pub(super) const PROGRAM: &str = "/pause";

/// Address the program is loaded at; any page-aligned one will do.
const BASE: u64 = 0x40_0000;
/// Length of the ELF header and of the one program header.
const HEADERS: u64 = 64 + 56;

/// Machine number in the ELF header and the code, for each architecture we know.
fn program(architecture: &str) -> Option<Vec<u8>> {
    match architecture {
        "x86_64" | "amd64" => Some(elf(
            62,
            &[
                0xb8, 0x22, 0x00, 0x00, 0x00, // mov eax, 34 (pause)
                0x0f, 0x05, // syscall
                0xeb, 0xf7, // jmp to the start
            ],
        )),
        // There is no pause on this architecture: ppoll without descriptors and without a timeout does the same.
        "aarch64" | "arm64" => {
            let code: [u32; 8] = [
                0xd280_0000, // mov x0, 0
                0xd280_0001, // mov x1, 0
                0xd280_0002, // mov x2, 0
                0xd280_0003, // mov x3, 0
                0xd280_0004, // mov x4, 0
                0xd280_0928, // mov x8, 73 (ppoll)
                0xd400_0001, // svc 0
                0x17ff_fff9, // b to the start
            ];
            let bytes: Vec<u8> = code.iter().flat_map(|word| word.to_le_bytes()).collect();
            Some(elf(183, &bytes))
        }
        _ => None,
    }
}

/// A 64-bit little-endian executable with one readable and executable segment.
fn elf(machine: u16, code: &[u8]) -> Vec<u8> {
    let size = HEADERS + code.len() as u64;
    let mut bytes = vec![0x7f, b'E', b'L', b'F', 2, 1, 1];
    bytes.resize(16, 0);
    for half in [2, machine] {
        bytes.extend(half.to_le_bytes());
    }
    bytes.extend(1u32.to_le_bytes());
    for long in [BASE + HEADERS, 64, 0] {
        bytes.extend(long.to_le_bytes());
    }
    bytes.extend(0u32.to_le_bytes());
    for half in [64u16, 56, 1, 0, 0, 0] {
        bytes.extend(half.to_le_bytes());
    }
    for word in [1u32, 5] {
        bytes.extend(word.to_le_bytes());
    }
    for long in [0, BASE, BASE, size, size, 0x1000] {
        bytes.extend(long.to_le_bytes());
    }
    bytes.extend(code);
    bytes
}

/// Imports the image and returns its id, or its name if the engine reports none. Without a program for the architecture the
/// container is created and never started.
pub(super) async fn import(connection: &Connection, architecture: &str) -> Result<String, TargetError> {
    let mut archive = copy::Archive::default();
    archive.directory("state", 0o700)?;
    if let Some(program) = program(architecture) {
        archive.file(PROGRAM.trim_start_matches('/'), &program, copy::FileAccess::of_root(0o555))?;
    }
    let (repository, tag) = IMAGE.split_once(':').unwrap_or((IMAGE, "1"));
    let options = CreateImageOptionsBuilder::default()
        .from_src("-")
        .repo(repository)
        .tag(tag)
        .message("aictl: project state")
        .build();
    let body = bollard::body_full(Bytes::from(archive.finish()?));
    let imported = connection.api.create_image(Some(options), Some(body), None).try_collect::<Vec<_>>().await;
    let lines = imported.map_err(|e| error_mapping::map(connection, &format!("importing {IMAGE}"), e))?;
    let told = lines.into_iter().flat_map(|line| [line.id, line.status]).flatten().collect::<Vec<_>>();
    Ok(told.iter().find_map(|word| id(word)).unwrap_or_else(|| IMAGE.to_owned()))
}

/// The image id in a progress line of an import, with or without `sha256:`.
fn id(word: &str) -> Option<String> {
    let digits = word.strip_prefix("sha256:").unwrap_or(word);
    let is_digest = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_are_executables_of_their_machines() {
        for (architecture, machine, length) in [("x86_64", 62, 129), ("aarch64", 183, 152)] {
            let bytes = program(architecture).unwrap();
            assert_eq!((&bytes[..4], bytes[18], bytes.len()), (&b"\x7fELF"[..], machine, length));
        }
        assert_eq!(program("riscv64"), None);
    }

    #[test]
    fn the_id_of_an_import_is_read_from_its_progress() {
        let digits = "0f".repeat(32);
        assert_eq!(id(&format!("sha256:{digits}")), Some(format!("sha256:{digits}")));
        assert_eq!(id(&digits), Some(digits));
        assert_eq!(id("Importing"), None);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_program_runs_and_sleeps() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pause");
        std::fs::write(&path, program("x86_64").unwrap()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut child = std::process::Command::new(&path).spawn().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        let state = loop {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
            let state = stat.rsplit(") ").next().unwrap().chars().next().unwrap();
            if stat.contains("(pause)") && state == 'S' || std::time::Instant::now() > deadline {
                break state;
            }
        };
        let ended = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((state, ended), ('S', None));
    }
}
