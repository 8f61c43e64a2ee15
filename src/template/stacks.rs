//! The systems inside the binary: every file `aictl init --from SYSTEM` writes.
//! Reads nothing at run time; the build lists examples/SYSTEM.
//! Never holds a secret: env files are left out, their templates are not.

include!(concat!(env!("OUT_DIR"), "/stacks.rs"));

/// One file of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackFile {
    /// Its path in the project, with `/`.
    pub path: &'static str,
    /// What it holds.
    pub bytes: &'static [u8],
}

impl StackFile {
    /// Whether it is a program: it names its interpreter.
    pub fn is_program(&self) -> bool {
        self.bytes.starts_with(b"#!")
    }
}

/// The names of the systems.
pub fn systems() -> Vec<&'static str> {
    STACKS.iter().map(|(name, _)| *name).collect()
}

/// The files of a system in the order of their paths; none when there is no such system.
pub fn files(system: &str) -> Option<Vec<StackFile>> {
    let (_, files) = STACKS.iter().find(|(name, _)| *name == system)?;
    Some(files.iter().map(|(path, bytes)| StackFile { path, bytes }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_is_a_project_without_secrets() {
        assert!(systems().contains(&"ai-assistant"));
        for system in systems() {
            let files = files(system).unwrap();
            let paths: Vec<&str> = files.iter().map(|file| file.path).collect();
            for needed in ["aictl.yaml", ".env.example"] {
                assert!(paths.contains(&needed), "{system} has no {needed}");
            }
            let secret = |path: &&&str| path.contains(".env") && !path.ends_with(".env.example");
            assert_eq!(paths.iter().find(secret), None, "{system}");
            assert!(files.iter().all(|file| !file.path.contains("..") && !file.path.starts_with('/')));
        }
        assert_eq!(super::files("no-such-system"), None);
    }
}
