//! Judges what aictl must be able to read and write, who else can read the secrets, and whether the files make a stack.
//! Reads facts; returns findings.
//! Never changes a mode.

use super::finding::{Finding, as_root};
use crate::host::facts::Facts;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![project(facts)];
    findings.extend(facts.access.env_files.iter().map(env_file));
    findings.extend(facts.stack.unreadable.as_ref().map(|why| {
        let finding = Finding::new("files", "compose files", why).wanted("a stack that can be read");
        finding.warning("ports and images were not checked; see all problems with `aictl config`")
    }));
    findings
}

fn project(facts: &Facts) -> Finding {
    let path = &facts.access.project;
    match &facts.access.project_writable {
        Ok(true) => Finding::new("permissions", format!("project {path}"), "writable"),
        Ok(false) => {
            let own = as_root(facts, &format!("chown -R {} {}", facts.machine.user, quoted(path)));
            let finding = Finding::new("permissions", format!("project {path}"), "not writable").wanted("writable");
            finding.warning(format!("files such as .env cannot be created: {own}"))
        }
        Err(why) => Finding::unseen("permissions", format!("project {path}"), why),
    }
}

fn env_file((path, mode): &(String, u32)) -> Finding {
    let finding = Finding::new("permissions", path, format!("mode {mode:04o}")).wanted("0600");
    if mode & 0o077 == 0 {
        return finding;
    }
    finding.warning(format!("other users can read its secrets: `chmod 600 {}`", quoted(path)))
}

fn quoted(path: &str) -> String {
    shlex::try_quote(path).map(std::borrow::Cow::into_owned).unwrap_or_else(|_| path.to_owned())
}
