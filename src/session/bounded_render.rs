//! Rendering templates that anybody may have written: given up when it takes too long or too much memory.
//! Reads the clock and how much memory this process holds while another thread renders.
//! The thread is not stopped: it ends with the process, which reports an error.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::template::{self, Rendered, Scope, TemplateError, TemplateFile};

/// The largest projects are rendered in milliseconds.
const LONGEST: Duration = Duration::from_secs(10);

/// What a process may come to hold more than before.
const MOST_MEMORY: u64 = 192 * 1024 * 1024;

/// How often is looked.
const LOOK: Duration = Duration::from_millis(5);

/// Templates may include one another this much deeper than on a usual stack; the pages are only taken when they are used.
const STACK: usize = 64 * 1024 * 1024;

/// Renders within bounds.
pub fn render(sources: &[TemplateFile], scope: &Scope<'_>) -> Result<Vec<Rendered>, TemplateError> {
    within(sources, scope, (LONGEST, MOST_MEMORY))
}

fn within(
    sources: &[TemplateFile],
    scope: &Scope<'_>,
    (longest, most): (Duration, u64),
) -> Result<Vec<Rendered>, TemplateError> {
    let (began, before) = (Instant::now(), resident());
    let (sender, receiver) = channel();
    let (owned, values) = (sources.to_vec(), scope.values.clone());
    let (environment, project) = (scope.environment.to_owned(), scope.project.to_owned());
    let render = move || {
        let scope = Scope { values: &values, environment: &environment, project: &project };
        // Whoever waits may have given up.
        let _ = sender.send(template::render(&owned, &scope));
    };
    if std::thread::Builder::new().stack_size(STACK).spawn(render).is_err() {
        return template::render(sources, scope);
    }
    let files = || sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ");
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Disconnected) => return Err(TemplateError::Broken { files: files() }),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if began.elapsed() > longest {
            return Err(TemplateError::TooSlow { files: files(), seconds: longest.as_secs() });
        }
        if resident() > before + most {
            return Err(TemplateError::TooMuchMemory { files: files(), mebibytes: most / 1024 / 1024 });
        }
    }
}

/// Bytes of memory this process holds; 0 where the kernel does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kibibytes| kibibytes.parse::<u64>().ok()).unwrap_or_default() * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str, bounds: (Duration, u64)) -> String {
        let sources = [TemplateFile { name: "x.tera".into(), text: text.into() }];
        let values = serde_json::Map::new();
        let scope = Scope { values: &values, environment: "", project: "" };
        match within(&sources, &scope, bounds) {
            Ok(rendered) => rendered[0].text.clone(),
            Err(error) => error.to_string(),
        }
    }

    /// The other tests of this process take memory too, so that one bound is tested at a time.
    #[test]
    fn what_ends_is_rendered_and_what_does_not_is_given_up() {
        assert_eq!(fault("{{ 1 + 1 }}", (LONGEST, MOST_MEMORY)), "2");
        let endless = "{% for a in range(end=100000) %}{% for b in range(end=1000) %}{% endfor %}{% endfor %}";
        assert_eq!(fault(endless, (Duration::from_secs(1), u64::MAX / 2)), "x.tera: rendering was given up after 1s");
    }

    #[test]
    fn values_that_double_are_given_up() {
        let doubling =
            "{% set_global s = \"xxxxxxxx\" %}{% for i in range(end=26) %}{% set_global s = s ~ s %}{% endfor %}";
        let words = "x.tera: rendering was given up as it takes more than 192 MiB of memory";
        assert_eq!(fault(doubling, (6 * LONGEST, MOST_MEMORY)), words);
    }
}
