//! The walks: a fault at every effect of a deploy or rollback.

use aictl::engine::memory::{Fault, MemoryEngine};
use aictl::error::ErrorKind;
use aictl::plan::Observed;
use aictl::release::{
    LeaseVerdict, OperationKind, Record, RecordPhase, ReleaseStatus, StepOutcome, StepRecord, history,
};
use aictl::target::{Journal as _, Leases as _, TargetError};

use super::process::{Act, Ended, FIRST, Files, Folder, PROJECT, SECOND, SECRET, observe, serving};

/// A way for an effect to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    Refused,
    /// The engine refuses it, and also what is done next about that.
    RefusedTwice,
    /// The same, again and again: the way back fails as well.
    RefusedOften,
    DeathBefore,
    DeathAfter,
    Interrupted,
}

pub const ALL: [Wrong; 6] = [
    Wrong::Refused,
    Wrong::RefusedTwice,
    Wrong::RefusedOften,
    Wrong::DeathBefore,
    Wrong::DeathAfter,
    Wrong::Interrupted,
];

pub fn arm(engine: MemoryEngine, at: usize, wrong: Wrong) -> MemoryEngine {
    let refusal = || {
        let message = "the engine refuses as scripted".to_owned();
        Fault::Refuse(TargetError::Refused { operation: "engine".into(), status: 500, message })
    };
    match wrong {
        Wrong::Refused => engine.fault_at(at, refusal()),
        Wrong::RefusedTwice => engine.fault_at(at, refusal()).fault_at(at + 1, refusal()),
        Wrong::RefusedOften => (at..at + 4).fold(engine, |engine, at| engine.fault_at(at, refusal())),
        Wrong::DeathBefore => engine.fault_at(at, Fault::DieBefore),
        Wrong::DeathAfter => engine.fault_at(at, Fault::DieAfter),
        Wrong::Interrupted => engine.fault_at(at, Fault::Interrupt),
    }
}

/// What came before, what is cut off, what the operator types next.
struct Scenario {
    before: &'static [Act],
    cut: Act,
    next: Act,
    /// Services that requests reach all the time.
    always: &'static [&'static str],
    /// The effects a run without fault has at least.
    effects: usize,
}

async fn world(walk: &Scenario, folder: &Folder) -> MemoryEngine {
    let world = MemoryEngine::new().with_image("tool:1");
    for act in walk.before {
        folder.run(&world.another(), *act).await.report.unwrap();
    }
    world
}

/// The stack as it counts.
async fn shape(world: &MemoryEngine) -> Vec<String> {
    let observed = observe(world).await;
    let container = |c: &aictl::plan::ObservedInstance| {
        format!("{} {} {:?} {}", c.name, c.image, c.state, c.docker.config_hash.clone().unwrap_or_default())
    };
    let mut shape: Vec<String> = observed.instances.iter().filter(|c| !c.one_off).map(container).collect();
    shape.extend(observed.networks.iter().map(|n| n.name.clone()));
    shape.extend(observed.volumes.iter().map(|v| v.name.clone()));
    shape.push(format!("{:?}", observed.proxy));
    shape
}

async fn walk(walk: Scenario) {
    let folder = Folder::new();
    let ready = world(&walk, &folder).await;
    let (effects, goal) = {
        let world = ready.copied();
        let process = world.another();
        folder.run(&process, walk.cut).await.report.unwrap();
        recorded_as_executed(&world, &process.effect_names()).await;
        folder.run(&world.another(), walk.next).await.report.unwrap();
        (process.effect_names(), shape(&world).await)
    };
    assert!(effects.len() >= walk.effects, "only {} effects: {effects:#?}", effects.len());
    for at in 1..=effects.len() + 1 {
        for wrong in ALL {
            let world = ready.copied();
            let before = observe(&world).await;
            let process = arm(world.another(), at, wrong);
            let ended = folder.run(&process, walk.cut).await;
            let name = effects.get(at - 1).map_or("past the end", String::as_str);
            let place = format!("{wrong:?} at {at}, {name}: {ended:#?}\n{:#?}", process.effect_names());
            if at > effects.len() {
                assert!(ended.report.is_ok() && process.effects() == effects.len(), "{place}");
            }
            left(&world, (&walk, &before), (&ended, wrong), &place).await;
            no_secret(&world, &ended, &place).await;
            recorded_as_planned(&world, &place).await;
            recovers((&world, &folder), &walk, &goal, &place).await;
        }
    }
}

/// Whatever happened: requests reach every service, the lock is not held by the living, and the exit code is true.
async fn left(
    world: &MemoryEngine,
    (walk, before): (&Scenario, &Observed),
    (ended, wrong): (&Ended, Wrong),
    place: &str,
) {
    let after = observe(world).await;
    for service in walk.always {
        assert!(serving(&after, service).is_some(), "nothing serves {service}: {after:#?}\n{place}");
    }
    let lease = world.observe_lease(PROJECT).await.unwrap();
    assert!(lease.as_ref().is_none_or(|l| l.verdict == LeaseVerdict::Dead), "the lock is held: {place}");
    history_is_true(world, (walk, before, &after), wrong, place).await;
    let Err((kind, _)) = &ended.report else { return };
    let same = walk.always.iter().all(|s| serving(before, s).map(|c| &c.id) == serving(&after, s).map(|c| &c.id));
    match kind {
        ErrorKind::DeployFailed => assert!(same, "it is not the previous release that serves: {place}"),
        ErrorKind::RollbackFailed | ErrorKind::Failed => {}
        ErrorKind::Interrupted => assert_eq!(wrong, Wrong::Interrupted, "{place}"),
        // Nothing answers a process that was killed: as if its engine had gone away.
        ErrorKind::Partial => assert!(matches!(wrong, Wrong::DeathBefore | Wrong::DeathAfter), "{place}"),
        other => panic!("{other:?}: {place}"),
    }
    let planned = history(&world.load_records(PROJECT).await.unwrap(), None);
    let began = planned.last().is_some_and(|last| last.steps.iter().any(|s| s.outcome == StepOutcome::Failed));
    if wrong == Wrong::Refused && began && matches!(walk.cut, Act::Deploy(_)) && !walk.always.is_empty() {
        assert_eq!(*kind, ErrorKind::DeployFailed, "{place}");
    }
}

/// A release that is called deployed serves; one that failed in order left what served before.
async fn history_is_true(
    world: &MemoryEngine,
    (walk, before, after): (&Scenario, &Observed, &Observed),
    wrong: Wrong,
    place: &str,
) {
    let past = history(&world.load_records(PROJECT).await.unwrap(), None);
    let Some(last) = past.last().filter(|last| last.number > walk.before.len() as u32) else { return };
    let hash = |observed: &Observed| {
        let hash = |service: &&str| serving(observed, service).and_then(|c| c.docker.config_hash.clone());
        walk.always.iter().map(hash).collect::<Vec<_>>()
    };
    let changes = !matches!(walk.cut, Act::Deploy(files) if files == FIRST);
    match last.release_status {
        Some(ReleaseStatus::Deployed | ReleaseStatus::Baking) if changes => {
            assert_ne!(hash(before), hash(after), "{place}")
        }
        Some(ReleaseStatus::Failed) if !matches!(wrong, Wrong::RefusedTwice | Wrong::RefusedOften) => {
            assert_eq!(hash(before), hash(after), "{place}");
        }
        _ => {}
    }
}

async fn no_secret(world: &MemoryEngine, ended: &Ended, place: &str) {
    assert!(!format!("{ended:?}").contains(SECRET), "{place}");
    for record in world.load_records(PROJECT).await.unwrap() {
        assert!(!String::from_utf8(record.encode().unwrap()).unwrap().contains(SECRET), "{place}");
    }
}

/// What ended was recorded before its first effect with the same steps; one that ended well left none undecided.
pub async fn recorded_as_planned(world: &MemoryEngine, place: &str) {
    let records = world.load_records(PROJECT).await.unwrap();
    let planned = |record: &Record| record.steps.iter().map(StepRecord::planned).collect::<Vec<_>>();
    for last in records.iter().filter(|r| matches!(r.phase, RecordPhase::Done | RecordPhase::Failed)) {
        let pending = records.iter().find(|r| r.sequence == last.sequence && r.phase == RecordPhase::Pending);
        let pending = pending.unwrap_or_else(|| panic!("{} was never pending: {place}", last.file_name()));
        assert_eq!(planned(last), planned(pending), "{}: {place}", last.file_name());
        let undecided = last.steps.iter().find(|step| step.outcome == StepOutcome::Planned);
        assert!(last.phase == RecordPhase::Failed || undecided.is_none(), "{undecided:?}: {place}");
    }
}

/// The steps that the last record calls done are, one for one, the effects the engine saw.
async fn recorded_as_executed(world: &MemoryEngine, effects: &[String]) {
    let records = world.load_records(PROJECT).await.unwrap();
    let last = records.iter().max_by_key(|record| (record.sequence, record.phase != RecordPhase::Pending)).unwrap();
    // A task is one step and has effects of its own, a check has none.
    let own = |name: &&String| !name.contains("lock") && !name.starts_with("record ") && !name.contains("-run-");
    let executed: Vec<&String> = effects.iter().filter(own).collect();
    use OperationKind::{Bake, RunCheck, RunTask};
    let is_task = |s: &StepRecord| matches!(s.operation, RunTask | RunCheck | Bake);
    let done = last.steps.iter().filter(|s| s.outcome == StepOutcome::Done && !s.operation.is_wait() && !is_task(s));
    let done: Vec<&String> = done.map(|step| &step.subject).collect();
    assert_eq!(executed.len(), done.len(), "{executed:#?} {done:#?}");
    for effect in executed {
        assert!(done.iter().any(|subject| effect.ends_with(subject.as_str())), "{effect} is not in {done:#?}");
    }
}

/// The next command reaches the goal, history is closed, and the one after changes nothing.
async fn recovers((world, folder): (&MemoryEngine, &Folder), walk: &Scenario, goal: &[String], place: &str) {
    let next = folder.run(&world.another(), walk.next).await;
    assert!(next.report.is_ok(), "the next command failed: {next:#?}\nafter {place}");
    assert_eq!(shape(world).await, goal, "after {place}\n{next:#?}");
    assert_eq!(world.observe_lease(PROJECT).await.unwrap(), None, "after {place}");
    let records = world.load_records(PROJECT).await.unwrap();
    let open =
        history(&records, None).into_iter().find(|past| past.ended.is_none() && past.number == records.len() as u32);
    assert!(open.is_none(), "history leaves {open:?} open, after {place}");
    let second = world.another();
    let report = folder.run(&second, walk.next).await.report.unwrap();
    assert_eq!(second.effects(), 0, "{:#?}\nafter {place}", second.effect_names());
    assert_eq!(report["changed"], serde_json::json!(false), "after {place}");
}

const ROUTED: &[&str] = &["api", "web"];
const ONE_ROUTE: Files = Files { two_routes: false, ..FIRST };

#[tokio::test(start_paused = true)]
async fn a_deploy_that_fails_or_dies_at_any_effect_leaves_a_side_serving_and_is_finished_by_the_next() {
    let cut = Act::Deploy(SECOND);
    walk(Scenario { before: &[Act::Deploy(FIRST)], cut, next: cut, always: ROUTED, effects: 20 }).await;
}

/// Cut while it bakes, the next deploy judges what was seen and ends the bake.
#[tokio::test(start_paused = true)]
async fn a_deploy_with_a_bake_that_fails_or_dies_at_any_effect_leaves_a_side_serving_and_is_finished_by_the_next() {
    let cut = Act::Deploy(Files { bake: true, ..SECOND });
    walk(Scenario { before: &[Act::Deploy(FIRST)], cut, next: cut, always: ROUTED, effects: 22 }).await;
}

/// Requests to the database are held while it is replaced.
#[tokio::test(start_paused = true)]
async fn a_deploy_with_a_hold_that_fails_or_dies_at_any_effect_leaves_a_side_serving_and_no_hold() {
    let cut = Act::Deploy(Files { db_route: true, ..SECOND });
    let before = &[Act::Deploy(Files { db_route: true, ..FIRST })];
    walk(Scenario { before, cut, next: cut, always: ROUTED, effects: 22 }).await;
}

#[tokio::test(start_paused = true)]
async fn a_deploy_that_was_cut_can_be_taken_back_by_deploying_the_old_files() {
    let (before, next) = (&[Act::Deploy(FIRST)], Act::Deploy(FIRST));
    walk_without_shape(Scenario { before, cut: Act::Deploy(SECOND), next, always: ROUTED, effects: 20 }).await;
}

#[tokio::test(start_paused = true)]
async fn a_first_deploy_that_fails_or_dies_at_any_effect_is_finished_by_the_next() {
    let cut = Act::Deploy(FIRST);
    walk(Scenario { before: &[], cut, next: cut, always: &[], effects: 20 }).await;
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_fails_or_dies_at_any_effect_leaves_a_side_serving_and_is_finished_by_the_next() {
    let before = &[Act::Deploy(FIRST), Act::Deploy(SECOND)];
    let cut = Act::Rollback(Some(1));
    walk(Scenario { before, cut, next: cut, always: ROUTED, effects: 20 }).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_route_that_fails_or_dies_at_any_effect_leaves_the_old_one_serving() {
    let cut = Act::Deploy(FIRST);
    walk(Scenario { before: &[Act::Deploy(ONE_ROUTE)], cut, next: cut, always: &["api"], effects: 8 }).await;
}

/// Sides may differ by where the cut was: only what serves and what runs counts.
async fn walk_without_shape(walk: Scenario) {
    let folder = Folder::new();
    let ready = world(&walk, &folder).await;
    let effects = {
        let world = ready.copied();
        let process = world.another();
        folder.run(&process, walk.cut).await.report.unwrap();
        process.effect_names()
    };
    for at in 1..=effects.len() {
        for wrong in ALL {
            let world = ready.copied();
            let process = arm(world.another(), at, wrong);
            let ended = folder.run(&process, walk.cut).await;
            let place = format!("{wrong:?} at {at}, {}: {ended:#?}", effects[at - 1]);
            let next = folder.run(&world.another(), walk.next).await;
            assert!(next.report.is_ok(), "the next command failed: {next:#?}\nafter {place}");
            let after = observe(&world).await;
            for service in walk.always {
                assert!(serving(&after, service).is_some(), "nothing serves {service}: {after:#?}\n{place}");
            }
            let apis = after.instances.iter().filter(|c| !c.one_off && c.service == "api").count();
            assert_eq!(apis, 1, "{after:#?}\n{place}");
            let second = world.another();
            folder.run(&second, walk.next).await.report.unwrap();
            assert_eq!(second.effects(), 0, "{:#?}\nafter {place}", second.effect_names());
        }
    }
}
