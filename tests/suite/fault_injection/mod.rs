//! A failure, two kinds of death and a Ctrl-C at every effect of start, restart and stop, over the engine in memory.
//! Each walk counts the effects of a run without fault, then repeats it with a fault at each of them and one past the end.
//! Never samples: a walk that missed an effect fails.

mod process;

use aictl::engine::memory::{Fault, MemoryEngine};
use aictl::error::ErrorKind;
use aictl::plan::{InstanceState, Observed, Scope};
use aictl::release::{LeaseVerdict, Record, RecordPhase, StepOutcome, StepRecord};
use aictl::target::{Journal as _, Leases as _, Observe as _, TargetError};
use process::{Act, Ended, Verb, run};

const PROJECT: &str = "steps";

/// What the scripted engine answers where it refuses.
const SCRIPTED: &str = "the engine refuses as scripted";

const fn act(verb: Verb, file: &'static str) -> Act {
    Act { verb, file }
}

/// A walk: what came before, what is cut off, what the operator types next.
struct Scenario {
    before: &'static [Act],
    cut: Act,
    next: Act,
    /// The effects a run without fault has at least.
    effects: usize,
}

/// A way for an effect to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// The engine refuses it.
    Refused,
    /// The engine refuses it, and also what is done next about that.
    RefusedTwice,
    DeathBefore,
    DeathAfter,
    /// Ctrl-C, once, while the engine is at it.
    Interrupted,
}

impl Wrong {
    const ALL: [Self; 5] = [Self::Refused, Self::RefusedTwice, Self::DeathBefore, Self::DeathAfter, Self::Interrupted];

    fn is_death(self) -> bool {
        matches!(self, Self::DeathBefore | Self::DeathAfter)
    }
}

fn refusal() -> Fault {
    Fault::Refuse(TargetError::Refused { operation: "engine".into(), status: 500, message: SCRIPTED.into() })
}

fn arm(engine: MemoryEngine, at: usize, wrong: Wrong) -> MemoryEngine {
    match wrong {
        Wrong::Refused => engine.fault_at(at, refusal()),
        Wrong::RefusedTwice => engine.fault_at(at, refusal()).fault_at(at + 1, refusal()),
        Wrong::DeathBefore => engine.fault_at(at, Fault::DieBefore),
        Wrong::DeathAfter => engine.fault_at(at, Fault::DieAfter),
        Wrong::Interrupted => engine.fault_at(at, Fault::Interrupt),
    }
}

/// The stack as it counts: everything but ids, times and addresses.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    containers: Vec<String>,
    networks: Vec<String>,
    volumes: Vec<String>,
}

async fn observe(world: &MemoryEngine) -> Observed {
    world.observe(&Scope { project: PROJECT.to_owned(), ..Scope::default() }).await.unwrap()
}

async fn shape(world: &MemoryEngine, walk: &Scenario) -> Shape {
    let observed = observe(world).await;
    // Data is never undone: a volume only the cut version of the files has may stay.
    let outlives = |volume: &str| walk.cut.file != walk.next.file && volume == "steps_more";
    let content = |labels: &std::collections::BTreeMap<String, String>| {
        labels.get(aictl::plan::labels::CONTENT).cloned().unwrap_or_default()
    };
    let container = |c: &aictl::plan::ObservedInstance| {
        let hash = c.docker.config_hash.clone().unwrap_or_default();
        format!("{} {} {:?} {} {hash} {}", c.name, c.image, c.state, c.exit_code.is_some(), content(&c.labels))
    };
    Shape {
        containers: observed.instances.iter().map(container).collect(),
        networks: observed.networks.iter().map(|n| format!("{} {:?}", n.name, n.labels)).collect(),
        volumes: observed.volumes.iter().map(|v| v.name.clone()).filter(|v| !outlives(v)).collect(),
    }
}

/// A world in which everything before the cut went well.
async fn world(walk: &Scenario) -> MemoryEngine {
    let world = MemoryEngine::new().with_image("tool:1");
    for act in walk.before {
        run(&world.another(), *act).await.report.unwrap();
    }
    world
}

/// The run without fault, and what it leaves when the next command has run as well: its effects, and the goal.
async fn undisturbed(walk: &Scenario, world: MemoryEngine) -> (Vec<String>, Shape) {
    let process = world.another();
    run(&process, walk.cut).await.report.unwrap();
    recorded_as_executed(&world, &process.effect_names()).await;
    run(&world.another(), walk.next).await.report.unwrap();
    (process.effect_names(), shape(&world, walk).await)
}

/// What ended was recorded before its first effect with the same steps in the same order; one that ended well left none
/// of them undecided.
async fn recorded_as_planned(world: &MemoryEngine, place: &str) {
    let records = world.load_records(PROJECT).await.unwrap();
    let planned = |record: &Record| record.steps.iter().map(StepRecord::planned).collect::<Vec<_>>();
    for last in records.iter().filter(|r| matches!(r.phase, RecordPhase::Done | RecordPhase::Failed)) {
        let pending = records.iter().find(|r| r.sequence == last.sequence && r.phase == RecordPhase::Pending);
        let pending = pending.unwrap_or_else(|| panic!("{} was never pending: {place}", last.file_name()));
        assert_eq!(planned(last), pending.steps, "{}: {place}", last.file_name());
        let undecided = last.steps.iter().find(|step| step.outcome == StepOutcome::Planned);
        assert!(last.phase == RecordPhase::Failed || undecided.is_none(), "{undecided:?}: {place}");
    }
}

/// The steps that the last record calls done are, one for one, the effects the engine saw.
async fn recorded_as_executed(world: &MemoryEngine, effects: &[String]) {
    let records = world.load_records(PROJECT).await.unwrap();
    let last = records.iter().max_by_key(|record| (record.sequence, record.phase != RecordPhase::Pending));
    // A removal with its data forgets its history.
    let Some(last) = last else { return };
    let own = |name: &&String| !name.contains("lock") && !name.starts_with("record ") && !name.starts_with("retire ");
    let executed: Vec<&String> = effects.iter().filter(own).collect();
    let done = last.steps.iter().filter(|s| s.outcome == StepOutcome::Done && !s.operation.is_wait());
    let done: Vec<&String> = done.map(|step| &step.subject).collect();
    assert_eq!(executed.len(), done.len(), "{executed:#?} {done:#?}");
    for effect in executed {
        assert!(done.iter().any(|subject| effect.ends_with(subject.as_str())), "{effect} is not in {done:#?}");
    }
}

/// Walks through every effect and one past the last.
async fn walk(walk: Scenario) {
    let ready = world(&walk).await;
    let (effects, goal) = undisturbed(&walk, ready.copied()).await;
    assert!(effects.len() >= walk.effects, "only {} effects: {effects:#?}", effects.len());
    for at in 1..=effects.len() + 1 {
        for wrong in Wrong::ALL {
            let world = ready.copied();
            let before = observe(&world).await;
            let process = arm(world.another(), at, wrong);
            let ended = run(&process, walk.cut).await;
            let name = effects.get(at - 1).map_or("past the end", String::as_str);
            let place = format!("{wrong:?} at {at}, {name}: {ended:#?}\n{:#?}", process.effect_names());
            if at > effects.len() {
                // The same number of effects as without fault: the walk has seen them all.
                assert_eq!(process.effects(), effects.len(), "{place}");
                assert!(ended.report.is_ok(), "{place}");
            } else {
                said(&ended, wrong, name, &place);
                left(&world, &before, (&walk, wrong, name), &place).await;
            }
            recorded_as_planned(&world, &place).await;
            recovers(&world, &walk, &goal, &place).await;
            recorded_as_planned(&world, &place).await;
        }
    }
}

/// A refusal ends with code 1 and names the step; where the new side already serves, with 30 and a warning.
/// A Ctrl-C ends with 130, unless all work was done and only its end was still to be written down.
fn said(ended: &Ended, wrong: Wrong, name: &str, place: &str) {
    match (&ended.report, wrong) {
        (_, Wrong::DeathBefore | Wrong::DeathAfter) => {}
        (Err((kind, _)), Wrong::Interrupted) => assert_eq!(kind.exit_code(), 130, "{place}"),
        (Ok(_), Wrong::Interrupted) => {
            let done = name.ends_with(" done") || matches!(name, "give the lock back" | "retire the state");
            assert!(done, "the interruption was not heard: {place}");
        }
        (Err((kind, _)), _) => assert_eq!(*kind, ErrorKind::Failed, "{place}"),
        (Ok(_), _) => {
            assert!(!ended.warnings.is_empty(), "{place}");
            // A hook before a stop may fail.
            assert!(is_own(name) || name.starts_with("run hook") || ended.code == Some(30), "{place}");
        }
    }
    if matches!(wrong, Wrong::Refused | Wrong::RefusedTwice) {
        let complaints = ended.complaints();
        assert!(complaints.contains(SCRIPTED), "{place}");
        // The lock and the records are the engine's own words; every step of the plan is named by us.
        assert!(is_own(name) || complaints.contains(name), "{place}");
    }
}

/// Whether the effect is about the lock or the records, not a step of the plan.
fn is_own(name: &str) -> bool {
    name.contains("lock") || name.starts_with("record") || name.starts_with("retire the")
}

/// What a cut run may leave: no lock of a living process, a record of whatever it did, nothing half done.
async fn left(world: &MemoryEngine, before: &Observed, (walk, wrong, name): (&Scenario, Wrong, &str), place: &str) {
    let lease = world.observe_lease(PROJECT).await.unwrap();
    assert!(lease.as_ref().is_none_or(|l| l.verdict == LeaseVerdict::Dead), "the lock is held: {place}");
    assert!(wrong != Wrong::Interrupted || lease.is_none(), "the lock was not given back: {place}");
    let after = observe(world).await;
    let records = world.load_records(PROJECT).await.unwrap();
    let forgets = walk.cut.verb == Verb::RemoveAll;
    if after != *before && !forgets {
        let last = records.iter().map(|r| r.sequence).max();
        let begun = records.iter().any(|r| Some(r.sequence) == last && r.phase == RecordPhase::Pending);
        assert!(begun && last > Some(sequence_before(walk)), "something changed and no record says so: {place}");
    }
    let steps = !is_own(name);
    if wrong.is_death() && walk.cut.verb == Verb::Start {
        a_side_is_kept(before, &after, walk, place);
    }
    let in_order = wrong == Wrong::Interrupted || (wrong == Wrong::Refused && steps);
    if in_order && walk.cut.verb == Verb::Start {
        nothing_half_done(before, &after, walk, place);
        let ended = |r: &Record| matches!(r.phase, RecordPhase::Failed | RecordPhase::Interrupted);
        let failed = records.iter().any(|r| ended(r) && !r.error.is_empty());
        assert!(failed || place.contains("Ok("), "the failure is not recorded: {place}");
    }
}

/// Every command before the cut took one sequence number.
fn sequence_before(walk: &Scenario) -> u32 {
    u32::try_from(walk.before.len()).unwrap()
}

/// After a refused step of start: no container that never ran, no resource without a user, and what served still serves.
fn nothing_half_done(before: &Observed, after: &Observed, walk: &Scenario, place: &str) {
    let never_ran = after.instances.iter().find(|c| c.state == InstanceState::Created);
    assert!(never_ran.is_none(), "{never_ran:#?}: {place}");
    let used = |name: &str| {
        after
            .instances
            .iter()
            .any(|c| c.docker.networks.contains_key(name) || c.docker.mounts.iter().any(|m| m.source == name))
    };
    for network in after.networks.iter().filter(|n| !before.networks.iter().any(|b| b.name == n.name)) {
        assert!(used(&network.name), "network {} is used by nothing: {place}", network.name);
    }
    for volume in after.volumes.iter().filter(|v| !before.volumes.contains(v)) {
        assert!(used(&volume.name), "volume {} is used by nothing: {place}", volume.name);
    }
    let silent = silenced(before, after, walk);
    assert!(silent.is_empty(), "{silent:?} served and does not any more: {place}");
}

/// Services that ran before and do not now. A network that is made anew lets everything on it stop first, so that walk
/// is left out; anything else keeps one side serving.
fn silenced(before: &Observed, after: &Observed, walk: &Scenario) -> Vec<&'static str> {
    let runs = |observed: &Observed, service: &str| {
        observed.instances.iter().any(|c| c.service == service && c.state == InstanceState::Running)
    };
    let all = ["db", "web", "api"].into_iter().filter(|_| walk.cut.file != "v3.yaml");
    all.filter(|service| runs(before, service) && !runs(after, service)).collect()
}

/// After a death nobody is left to start the old side again, and the two sides may share ports and volumes: between the
/// stop of the one and the start of the other nothing can serve. Then both must be there, the old one as it was and the
/// new one complete, one start away from serving.
fn a_side_is_kept(before: &Observed, after: &Observed, walk: &Scenario, place: &str) {
    for service in silenced(before, after, walk) {
        let of = |old: bool, state: InstanceState| {
            let was_there = |id: &str| before.instances.iter().any(|b| b.id == id);
            after.instances.iter().any(|c| c.service == service && was_there(&c.id) == old && c.state == state)
        };
        let kept = of(true, InstanceState::Exited) && of(false, InstanceState::Created);
        assert!(kept, "{service} served and neither side of it is left: {place}");
    }
}

/// The next plain command reaches the goal, and the one after it changes nothing.
async fn recovers(world: &MemoryEngine, walk: &Scenario, goal: &Shape, place: &str) {
    let process = world.another();
    let next = run(&process, walk.next).await;
    assert!(next.report.is_ok(), "the next command failed: {next:#?}\nafter {place}");
    assert_eq!(shape(world, walk).await, *goal, "after {place}\n{next:#?}");
    assert_eq!(world.observe_lease(PROJECT).await.unwrap(), None, "after {place}");
    if process.effects() > 0 {
        let records = world.load_records(PROJECT).await.unwrap();
        let ended = |sequence| records.iter().any(|r| r.sequence == sequence && r.phase != RecordPhase::Pending);
        let open = records.iter().find(|r| !ended(r.sequence));
        assert!(open.is_none(), "history leaves {open:?} open, after {place}");
    }
    let second = world.another();
    let report = run(&second, walk.next).await.report.unwrap();
    assert_eq!(second.effects(), 0, "{:#?}\nafter {place}", second.effect_names());
    assert_eq!(report["changed"], serde_json::json!(false), "after {place}");
}

const STARTED: &[Act] = &[act(Verb::Start, "v1.yaml")];

#[tokio::test(start_paused = true)]
async fn a_first_start_that_fails_or_dies_at_any_effect_is_finished_by_the_next() {
    let start = STARTED[0];
    walk(Scenario { before: &[], cut: start, next: start, effects: 25 }).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_fails_or_dies_at_any_effect_is_finished_by_the_next_start() {
    let change = act(Verb::Start, "v2.yaml");
    walk(Scenario { before: STARTED, cut: change, next: change, effects: 30 }).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_fails_or_dies_at_any_effect_can_be_taken_back() {
    walk(Scenario { before: STARTED, cut: act(Verb::Start, "v2.yaml"), next: STARTED[0], effects: 30 }).await;
}

#[tokio::test(start_paused = true)]
async fn a_renewed_network_that_fails_or_dies_at_any_effect_is_finished_by_the_next_start() {
    let change = act(Verb::Start, "v3.yaml");
    walk(Scenario { before: STARTED, cut: change, next: change, effects: 20 }).await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_fails_or_dies_at_any_effect_is_repaired_by_start() {
    walk(Scenario { before: STARTED, cut: act(Verb::Restart, "v1.yaml"), next: STARTED[0], effects: 12 }).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_fails_or_dies_at_any_effect_is_finished_by_the_next() {
    let stop = act(Verb::Stop, "v1.yaml");
    walk(Scenario { before: STARTED, cut: stop, next: stop, effects: 10 }).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_fails_or_dies_at_any_effect_is_taken_back_by_start() {
    walk(Scenario { before: STARTED, cut: act(Verb::Stop, "v1.yaml"), next: STARTED[0], effects: 10 }).await;
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_fails_or_dies_at_any_effect_is_finished_by_the_next() {
    let remove = act(Verb::Remove, "v1.yaml");
    walk(Scenario { before: STARTED, cut: remove, next: remove, effects: 16 }).await;
}

#[tokio::test(start_paused = true)]
async fn a_removal_with_data_that_fails_or_dies_at_any_effect_leaves_nothing_after_the_next() {
    let remove = act(Verb::RemoveAll, "v1.yaml");
    walk(Scenario { before: STARTED, cut: remove, next: remove, effects: 17 }).await;
}

#[tokio::test(start_paused = true)]
async fn a_removal_with_data_that_fails_or_dies_at_any_effect_is_made_good_by_start() {
    walk(Scenario { before: STARTED, cut: act(Verb::RemoveAll, "v1.yaml"), next: STARTED[0], effects: 17 }).await;
}
