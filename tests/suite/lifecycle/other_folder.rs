//! Two folders with one project name on the real engine: nothing of the other folder goes or changes unsaid.

use std::process::Command;

use crate::support::project::{Outcome, TestProject};

const THERE: &str = "\
services:
  db: { image: 'aictl-lab/tool:1', command: [tool, serve], volumes: ['data:/d'], stop_grace_period: 1s }
  cache: { image: 'aictl-lab/tool:1', command: [tool, serve], volumes: ['theirs:/d'], stop_grace_period: 1s }
volumes: { data: {}, theirs: {} }
";

const HERE: &str = "\
services:
  db: { image: 'aictl-lab/tool:1', command: [tool, serve], volumes: ['data:/d'], stop_grace_period: 1s }
volumes: { data: {} }
";

#[test]
fn what_another_folder_made_goes_only_with_a_word_about_whose_it_is() {
    let Some(stage) = TestProject::new("two-folders") else { return };
    stage.write("there/compose.yaml", THERE);
    stage.write("here/compose.yaml", HERE);
    let run = |folder: &str, words: &[&str]| -> Outcome {
        let mut command: Command = stage.command(words);
        command.current_dir(stage.path().join(folder)).output().unwrap().into()
    };
    let (cache, db) = (format!("{}-cache-1", stage.name()), format!("{}-db-1", stage.name()));
    let folder = stage.path().canonicalize().unwrap().join("there").display().to_string();
    let whose = |outcome: &Outcome, what: &str| {
        let said =
            outcome.stderr.contains(what) && outcome.stderr.contains(&folder) && outcome.stderr.contains("-p NAME");
        assert!(said, "{what}: {outcome:?}");
    };
    run("there", &["start"]).ended(0);
    let before = stage.containers();
    // What the files here do not have is no business of a command without names.
    let killed = run("here", &["kill", "--dry-run"]).ended(0);
    assert!(killed.stdout.contains(&db) && !killed.stdout.contains(&cache), "{killed:?}");
    whose(&killed, &db);
    whose(&run("here", &["start", "--dry-run"]).ended(0), &db);
    let refused = run("here", &["clean", "--yes"]).ended(5);
    whose(&refused, &cache);
    let refused = run("here", &["quickstart", "--yes"]).ended(5);
    whose(&refused, &db);
    assert!(!stage.path().join("here/.env").exists(), "quickstart wrote before it asked");
    assert_eq!(stage.containers(), before);
    let down = run("here", &["down", "-v"]).ended(0);
    whose(&down, &db);
    assert_eq!(stage.containers().into_keys().collect::<Vec<_>>(), [format!("/{cache}")]);
    let left = stage.everything().into_iter().filter(|name| name.contains('_') && !name.ends_with("_aictl"));
    let (theirs, network) = (format!("{}_theirs", stage.name()), format!("{}_default", stage.name()));
    assert_eq!(left.collect::<Vec<_>>(), [network, theirs]);
    // In its own folder nothing is said.
    let own = run("there", &["down", "-v"]).ended(0);
    assert!(!own.stderr.contains("-p NAME"), "{own:?}");
    assert_eq!(stage.everything(), [""; 0]);
}
