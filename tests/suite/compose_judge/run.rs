//! Decides which command lines a project is judged with, and what of the output counts.
//! Runs a program in a project's directory with a bare environment; returns code and output.
//! Never lets the tester's own environment in.

use std::path::Path;
use std::process::Command;

use super::case::Case;

/// How the output is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Byte for byte.
    Exact,
    /// Line by line, sorted: Compose prints these from a map.
    Lines,
}

/// One way of calling `config`.
#[derive(Debug)]
pub struct Mode {
    /// Short name, for reports.
    pub name: &'static str,
    /// Flags after the verb.
    flags: &'static [&'static str],
    order: Order,
    /// Every project, or every third.
    sampled: bool,
}

const fn mode(name: &'static str, flags: &'static [&'static str], order: Order, sampled: bool) -> Mode {
    Mode { name, flags, order, sampled }
}

/// Every way `config` is judged.
pub const MODES: &[Mode] = &[
    mode("json", &["--format", "json"], Order::Exact, false),
    mode("yaml", &[], Order::Exact, false),
    mode("hash", &["--hash", "*"], Order::Exact, false),
    mode("services", &["--services"], Order::Lines, true),
    mode("images", &["--images"], Order::Lines, true),
    mode("volumes", &["--volumes"], Order::Lines, true),
    mode("networks", &["--networks"], Order::Lines, true),
    mode("profiles", &["--profiles"], Order::Exact, true),
    mode("models", &["--models"], Order::Lines, true),
    mode("variables", &["--variables"], Order::Lines, false),
    mode("variables-json", &["--variables", "--format", "json"], Order::Exact, true),
    mode("variables-yaml", &["--variables", "--format", "yaml"], Order::Exact, true),
    mode("environment", &["--environment"], Order::Lines, true),
    mode("no-interpolate", &["--no-interpolate"], Order::Exact, true),
    mode("no-interpolate-json", &["--no-interpolate", "--format", "json"], Order::Exact, true),
    mode("no-normalize", &["--no-normalize"], Order::Exact, true),
    mode("no-path-resolution", &["--no-path-resolution"], Order::Exact, true),
    mode("no-consistency", &["--no-consistency"], Order::Exact, true),
    mode("no-env-resolution", &["--no-env-resolution"], Order::Exact, true),
];

impl Mode {
    /// Sampled modes take every third project, chosen by name; `AICTL_JUDGE_ALL` takes all.
    pub fn applies_to(&self, case: &Case) -> bool {
        let draw =
            case.name.bytes().chain(self.name.bytes()).fold(0_u32, |sum, byte| sum.wrapping_mul(31) + u32::from(byte));
        !self.sampled || draw.is_multiple_of(3) || std::env::var_os("AICTL_JUDGE_ALL").is_some()
    }

    /// The whole command line of a project in this mode.
    pub fn arguments(&self, case: &Case) -> Vec<String> {
        let own = &case.settings;
        let mut all = own.args.clone();
        all.push("config".to_owned());
        all.extend(self.flags.iter().map(|flag| (*flag).to_owned()));
        all.extend(own.config.iter().cloned());
        all
    }

    /// What of the output is compared.
    pub fn shape(&self, outcome: &Outcome) -> String {
        if !outcome.ok {
            return format!("(failed) {}\n", outcome.stderr.lines().next().unwrap_or_default());
        }
        match self.order {
            Order::Exact => outcome.stdout.clone(),
            Order::Lines => {
                let mut lines: Vec<&str> = outcome.stdout.lines().collect();
                lines.sort_unstable();
                lines.join("\n")
            }
        }
    }
}

/// What a program did.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Outcome {
    pub ok: bool,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a program on a project.
pub fn run(program: &Path, case: &Case, arguments: &[String]) -> Outcome {
    let output = Command::new("timeout")
        .args(["-k", "1", "30"])
        .arg(program)
        .args(arguments)
        .current_dir(case.cwd())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/home/someone")
        .envs(&case.settings.env)
        .output()
        .unwrap();
    Outcome {
        ok: output.status.success(),
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs our own binary on a project.
pub fn aictl(case: &Case, mode: &Mode) -> Outcome {
    run(Path::new(env!("CARGO_BIN_EXE_aictl")), case, &mode.arguments(case))
}
