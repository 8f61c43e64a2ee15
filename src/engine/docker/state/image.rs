//! The helper container's image: one static program that sleeps for ever, made here byte by byte.
//! Reads an architecture; returns a tar archive that the engine imports, so that a bare remote engine needs nothing.
//! Never pulls.

use super::FOLDER;
use crate::engine::docker::static_image::{AARCH64, StaticImage, X86_64, elf};

/// Name of the image on the engine.
pub(super) const IMAGE: &str = "aictl/state:1";
/// The program in it.
pub(super) const PROGRAM: &str = "/pause";

/// The image.
pub(super) const STATE: StaticImage =
    StaticImage { name: IMAGE, path: PROGRAM, folder: Some(FOLDER), message: "aictl: project state", program };

/// The code, for each architecture we know.
fn program(architecture: &str) -> Option<Vec<u8>> {
    match architecture {
        "x86_64" | "amd64" => Some(elf(
            X86_64,
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
            Some(elf(AARCH64, &bytes))
        }
        _ => None,
    }
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
