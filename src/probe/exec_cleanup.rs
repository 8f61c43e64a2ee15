//! Ends commands of given-up checks: they would go on running in their container.
//! Reads the marks of looks that were given up; kills what carries one in its environment, with all that it has started.
//! Never touches a process without such a mark. Where an image has no shell there is nothing to end a command with.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::event::{Channel, LogLine, OutputStream};
use crate::target::{ExecArgs, ExecInput, Target};

/// The variable that carries a mark; every child has its parent's.
const VARIABLE: &str = "AICTL_LOOK";

/// A container that does not answer in this time is left alone.
const PATIENCE: Duration = Duration::from_secs(3);

/// Goes on until nothing is found: what is about to be killed may be starting something.
const END: &str = r#"
for pass in 1 2 3 4; do
  found=
  for process in /proc/[0-9]*; do
    case "$(tr '\0' '\n' <"$process/environ")" in
      *"$1"*) found=1; kill -KILL "${process#/proc/}" ;;
    esac
  done
  [ -n "$found" ] || break
done 2>/dev/null
"#;

/// Commands that were given up: container and variable.
#[derive(Debug, Default)]
pub(super) struct Marks {
    given_up: Mutex<Vec<(String, String)>>,
}

/// One command that runs. Dropped before it has ended, it is given up.
pub(super) struct Mark<'m> {
    marks: &'m Marks,
    container: &'m str,
    /// `NAME=value` for its environment; empty where there is none, and then nothing can be ended either.
    pub(super) variable: String,
    ended: bool,
}

impl Marks {
    /// A mark like no other, for a command in this container.
    pub(super) fn begin<'m>(&'m self, container: &'m str) -> Mark<'m> {
        let mut unique = [0; 16];
        let known = getrandom::fill(&mut unique).is_ok();
        let variable = if known { format!("{VARIABLE}={}", hex::encode(unique)) } else { String::new() };
        Mark { marks: self, container, variable, ended: false }
    }

    /// Ends everything that was given up.
    pub(super) async fn end_given_up(&self, target: &dyn Target) {
        let given_up = std::mem::take(&mut *self.given_up.lock().unwrap_or_else(PoisonError::into_inner));
        let all = given_up.into_iter().map(|(container, variable)| async move {
            let command = ["sh", "-c", END, "aictl", &variable].map(str::to_owned).to_vec();
            let args = ExecArgs { container, command, ..ExecArgs::default() };
            // A container that is gone or has no shell is no failure of the look.
            let _ = tokio::time::timeout(PATIENCE, target.exec(&args, ExecInput::default(), &Unheard)).await;
        });
        futures_util::future::join_all(all).await;
    }
}

impl Mark<'_> {
    /// The command has ended by itself.
    pub(super) fn ended(mut self) {
        self.ended = true;
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        if !self.ended && !self.variable.is_empty() {
            let mut given_up = self.marks.given_up.lock().unwrap_or_else(PoisonError::into_inner);
            given_up.push((self.container.to_owned(), std::mem::take(&mut self.variable)));
        }
    }
}

/// Output that does not matter.
struct Unheard;

impl OutputStream for Unheard {
    fn log(&self, _: &LogLine) -> std::io::Result<()> {
        Ok(())
    }

    fn bytes(&self, _: Channel, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_had_not_ended_is_given_up() {
        let marks = Marks::default();
        marks.begin("a").ended();
        let (one, other) = (marks.begin("b"), marks.begin("b"));
        assert_ne!(one.variable, other.variable);
        let left = one.variable.clone();
        other.ended();
        drop(one);
        assert_eq!(*marks.given_up.lock().unwrap(), [("b".to_owned(), left)]);
    }
}
