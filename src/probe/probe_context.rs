//! What a check looks at: the target, the project's containers as they are now, the time, and the check itself.
//! Reads the target, not more often than it changes; returns the containers of a service.
//! Never keeps a picture for longer than a moment: containers are replaced while checks run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use super::ProbeError;
use super::answer::Shown;
use super::exec_cleanup::Marks;
use super::outcome::CheckOrigin;
use crate::event::human;
use crate::plan::{InstanceState, Observed, ObservedInstance, Scope};
use crate::project::Check;
use crate::secret::{Redactor, Secret};
use crate::target::{Target, TargetError};

/// So many looks at a time: an engine under many execs at once is slow for all of them.
const AT_ONCE: usize = 8;

/// A picture younger than this is taken for the present.
const FRESH: Duration = Duration::from_millis(300);

/// A check and what only its probe may know.
#[derive(Debug, Clone, Default)]
pub struct Planned {
    /// The check.
    pub check: Check,
    /// The service it looks at.
    pub service: Option<String>,
    /// Recognised, not written in the project file.
    pub recognised: bool,
    /// User and password an HTTP request shows.
    pub login: Option<(String, Secret)>,
    /// Variables of a command: `REDISCLI_AUTH`.
    pub variables: Vec<(String, Secret)>,
    /// Any HTTP answer below 500 will do: the service's own pages are not known.
    pub any_answer: bool,
    /// Whether containers that exited with 0 also pass: the service may be a one-shot.
    pub may_complete: bool,
}

impl Planned {
    /// What is asked, in words: `GET http://api:8000/health`, `select 1 in postgres`.
    pub fn asked(&self, redactor: &Redactor) -> String {
        let check = &self.check;
        let service = self.service.as_deref().unwrap_or("?");
        if let Some(http) = &check.http {
            return format!("GET {}", http.url);
        }
        let address = check.tcp.as_ref().map(|tcp| &tcp.address).or(check.tls.as_ref().map(|tls| &tls.address));
        if let Some(address) = address {
            return format!("{} {address}", check.way());
        }
        if let Some(backup) = &check.backup {
            let most = human::duration(backup.max_age.0);
            return format!("newest {} backup set, at most {most} old", backup.state.word());
        }
        let words = match (&check.exec, &check.sql, &check.redis) {
            (Some(exec), ..) => exec.command.0.join(" "),
            (_, Some(sql), _) => sql.query.clone(),
            (_, _, Some(redis)) if redis.command.0.is_empty() => "PING".to_owned(),
            (_, _, Some(redis)) => redis.command.0.join(" "),
            _ => check.way().to_owned(),
        };
        format!("{} in {service}", Shown::new(redactor, &words).one_line())
    }

    pub(super) fn source(&self) -> CheckOrigin {
        if self.recognised { CheckOrigin::Recognised } else { CheckOrigin::Project }
    }
}

/// Where checks look.
pub struct ProbeContext<'a> {
    /// The target.
    pub target: &'a dyn Target,
    /// The project's name.
    pub project: &'a str,
    /// Now, in seconds since 1970.
    pub now: i64,
    /// Knows what must not be shown.
    pub redactor: &'a Redactor,
    pub(super) marks: Marks,
    baseline: Observed,
    seen: Mutex<(Instant, Arc<Observed>)>,
    only: BTreeMap<String, String>,
    turns: Semaphore,
}

impl<'a> ProbeContext<'a> {
    /// What must not be shown is struck from a text.
    pub(super) fn shown(&self, text: &str) -> Shown {
        Shown::new(self.redactor, text)
    }

    /// Waits for this look's turn. The semaphore is never closed.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// A context as it stands now, before the first check.
    pub async fn now(
        target: &'a dyn Target,
        project: &'a str,
        now: i64,
        redactor: &'a Redactor,
    ) -> Result<Self, TargetError> {
        let scope = Scope { project: project.to_owned(), ..Scope::default() };
        let baseline = target.observe(&scope).await?;
        let seen = Mutex::new((Instant::now(), Arc::new(baseline.clone())));
        let turns = Semaphore::new(AT_ONCE);
        let (marks, only) = (Marks::default(), BTreeMap::new());
        Ok(Self { target, project, now, redactor, marks, baseline, seen, only, turns })
    }

    /// Of these services only one container each is checked, named by its id.
    #[must_use]
    pub fn only(self, containers: BTreeMap<String, String>) -> Self {
        Self { only: containers, ..self }
    }

    /// From now on this is what was before the first check.
    pub async fn begin_anew(&mut self) -> Result<(), ProbeError> {
        self.baseline = (*self.look().await?).clone();
        Ok(())
    }

    /// Ends commands in containers that a look did not wait for.
    pub async fn end_given_up(&self) {
        self.marks.end_given_up(self.target).await;
    }

    /// The container as it was before the first check.
    pub fn before(&self, container: &str) -> Option<&ObservedInstance> {
        self.baseline.instances.iter().find(|before| before.id == container)
    }

    /// Everything as it is now, or was a moment ago.
    pub async fn look(&self) -> Result<Arc<Observed>, ProbeError> {
        let mut seen = self.seen.lock().await;
        if seen.0.elapsed() > FRESH {
            let scope = Scope { project: self.project.to_owned(), ..Scope::default() };
            let observed = self.target.observe(&scope).await?;
            *seen = (Instant::now(), Arc::new(observed));
        }
        Ok(Arc::clone(&seen.1))
    }

    /// The containers of a service, in any state.
    pub async fn containers(&self, service: &str) -> Result<Vec<ObservedInstance>, ProbeError> {
        let seen = self.look().await?;
        let only = self.only.get(service);
        let of_service =
            |c: &&ObservedInstance| !c.one_off && c.service == service && only.is_none_or(|id| c.id == *id);
        Ok(seen.instances.iter().filter(of_service).cloned().collect())
    }

    /// The running containers of a service; there is at least one. A paused one is asked too: it will not answer.
    pub async fn running(&self, service: &str) -> Result<Vec<ObservedInstance>, ProbeError> {
        let all = self.containers(service).await?;
        let state = all.first().map(super::state_words::described);
        let up = |c: &ObservedInstance| matches!(c.state, InstanceState::Running | InstanceState::Paused);
        let running: Vec<ObservedInstance> = all.into_iter().filter(up).collect();
        if running.is_empty() {
            return Err(ProbeError::NotRunning { service: service.to_owned(), state });
        }
        Ok(running)
    }
}
