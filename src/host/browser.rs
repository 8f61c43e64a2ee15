//! Hands an address to the operator's browser.
//! Reads the variables of the session; starts the program the desktop has for it, and says whether that took it.
//! Never goes through a shell, and never waits for a browser to be closed.

use std::collections::BTreeMap;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use crate::process;

/// An opener that is still there after this long has become the browser itself.
const GRACE: Duration = Duration::from_secs(3);

/// The programs that may open an address here, best first; none where there is no display.
pub fn openers(variables: &BTreeMap<String, String>) -> Vec<&'static str> {
    let is_set = |name: &str| variables.get(name).is_some_and(|value| !value.is_empty());
    let mut programs = Vec::new();
    if cfg!(target_os = "macos") {
        programs.push("open");
    }
    if is_set("WSL_DISTRO_NAME") {
        programs.push("wslview");
    }
    if is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") {
        programs.push("xdg-open");
    }
    programs
}

/// Opens the address with the first program that is installed and takes it; returns its name, or why none did.
pub async fn open(address: &str, programs: &[&'static str]) -> Result<&'static str, String> {
    let mut refused = Vec::new();
    for program in programs {
        match start(program, address).await {
            Ok(()) => return Ok(program),
            Err(error) if error.kind() == io::ErrorKind::NotFound => refused.push(format!("no {program} is installed")),
            Err(error) => refused.push(format!("{program}: {error}")),
        }
    }
    Err(refused.join(", "))
}

async fn start(program: &str, address: &str) -> io::Result<()> {
    let mut command = process::command(program)?;
    command.arg(address).stdout(Stdio::null()).stderr(Stdio::null());
    // A Ctrl-C in the terminal is not meant for the browser.
    let mut child = command.process_group(0).spawn()?;
    match tokio::time::timeout(GRACE, child.wait()).await {
        Err(_) => Ok(()),
        Ok(status) => match status? {
            status if status.success() => Ok(()),
            status => Err(io::Error::other(status.to_string())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_an_address_depends_on_the_session() {
        let of = |set: &[(&str, &str)]| {
            let variables = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            openers(&variables).into_iter().filter(|program| *program != "open").collect::<Vec<_>>()
        };
        assert_eq!(of(&[]), [""; 0]);
        assert_eq!(of(&[("DISPLAY", "")]), [""; 0]);
        assert_eq!(of(&[("DISPLAY", ":0")]), ["xdg-open"]);
        assert_eq!(of(&[("WAYLAND_DISPLAY", "wayland-0")]), ["xdg-open"]);
        assert_eq!(of(&[("WSL_DISTRO_NAME", "Ubuntu"), ("DISPLAY", ":0")]), ["wslview", "xdg-open"]);
    }

    #[tokio::test]
    async fn the_first_program_that_takes_it_is_enough() {
        assert_eq!(open("http://localhost", &["no-such-program-here", "true"]).await, Ok("true"));
        let refused = open("http://localhost", &["no-such-program-here", "false"]).await.unwrap_err();
        assert_eq!(refused, "no no-such-program-here is installed, false: exit status: 1");
    }
}
