//! After the lease was lost nothing is sent any more, and nothing is reported as undone.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use super::{ExecuteError, Runner, await_ready, execute};
use crate::engine::memory::MemoryEngine;
use crate::event::{Event, Reporter};
use crate::plan::cluster::ObjectRef;
use crate::plan::{ClusterOperation, ContainerOperation, NetworkOperation, Operation, Phase, Plan, Scope, StartTurn};
use crate::release::{LeaseOwner, StepOutcome};
use crate::target::{Leases, Observe, TargetError};

#[derive(Default)]
struct Kept(Mutex<Vec<Event>>);

impl Reporter for Kept {
    fn report(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

/// A network is made, which a failure would take back, then something fails.
fn plan() -> Plan {
    let mut plan = Plan { project: "p".into(), ..Default::default() };
    let (project, key, name) = ("p".to_owned(), "default".to_owned(), "p_default".to_owned());
    let create = NetworkOperation::Create { project, key, name: name.clone(), network: Default::default() };
    let made = plan.push(Phase::Prepare, Operation::Network(create), "it does not exist", &[]);
    plan.on_failure(made, Operation::Network(NetworkOperation::Remove { id: name.clone(), name }), &[]);
    let (service, container) = ("a".to_owned(), "nosuch".to_owned());
    let start = ContainerOperation::Start { service, container, turn: StartTurn::Free };
    plan.push(Phase::Switch, Operation::Container(start), "it was created", &[made]);
    plan
}

fn runner<'a>(engine: &'a MemoryEngine, reporter: &'a Kept, interrupt: watch::Receiver<bool>) -> Runner<'a> {
    Runner {
        target: engine,
        reporter,
        interrupt,
        tasks: None,
        checks: None,
        progress: None,
        transfers: None,
        data: None,
        release: None,
    }
}

async fn failed(lost: bool) -> (usize, StepOutcome, bool) {
    let (engine, kept) = (MemoryEngine::new(), Arc::new(Kept::default()));
    let lease = engine.acquire("p", &LeaseOwner::default()).await.unwrap();
    if lost {
        let held = engine.observe_lease("p").await.unwrap().unwrap();
        engine.break_lease(&held).await.unwrap();
    }
    let (_sender, interrupt) = watch::channel(false);
    let runner = runner(&engine, &kept, interrupt);
    let execution = execute(&plan(), &runner, &lease).await;
    assert!(execution.result.is_err());
    let observed = engine.observe(&Scope { project: "p".into(), ..Default::default() }).await.unwrap();
    let said = kept
        .0
        .lock()
        .unwrap()
        .iter()
        .any(|event| matches!(event, Event::Warning { message, .. } if message.contains("nothing is undone")));
    (observed.networks.len(), execution.steps[0].outcome, said)
}

#[tokio::test]
async fn only_the_holder_of_the_lock_undoes() {
    assert_eq!(failed(false).await, (0, StepOutcome::Undone, false));
    assert_eq!(failed(true).await, (1, StepOutcome::Done, true));
}

/// A cluster's wait needs no lease either; the memory engine knows no clusters, and says that instead.
#[tokio::test]
async fn every_wait_is_carried_out_without_a_lease() {
    let (engine, kept) = (MemoryEngine::new(), Kept::default());
    let (_sender, interrupt) = watch::channel(false);
    let mut plan = Plan { project: "p".into(), ..Default::default() };
    let wait = ClusterOperation::Await { object: ObjectRef::default(), timeout: Duration::from_secs(1) };
    plan.push(Phase::Prepare, wait, "it is not ready", &[]);
    assert!(plan.only_waits());
    let error = await_ready(&plan, &runner(&engine, &kept, interrupt)).await.result.unwrap_err();
    let ExecuteError::Target { source, .. } = error else { panic!("{error}") };
    assert!(matches!(source, TargetError::CannotPerform { .. }), "{source}");
}
