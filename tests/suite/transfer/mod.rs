//! Images sent from one engine to another without a registry: between the machine's engine and the lab's current one, whose
//! image stores differ.

mod gate;
mod promotion;

use std::io::Read as _;
use std::process::Command;

use aictl::image::Digest;
use serde_json::Value;

use crate::support::both_engines::{Engine, Image, engines};
use crate::support::project::{Outcome, TestProject, records_in, write_program};
use gate::Gate;

/// Bytes of a layer that is sent.
const LAYER: u64 = 5_000_000;
/// The end of a file in a tar archive, and its header.
const FRAME: u64 = 4096;

/// The engines of one direction, with a gate in front of the target.
struct Way<'e> {
    from: &'e Engine,
    to: &'e Engine,
    stage: &'e TestProject,
    gate: Gate,
}

impl<'e> Way<'e> {
    fn new(name: &str, (from, to): (&'e Engine, &'e Engine), stage: &'e TestProject) -> Self {
        let gate = Gate::open(&stage.path().join(format!("{name}.sock")), &to.address);
        Self { from, to, stage, gate }
    }

    /// The project's only service runs this image; environment `there` is on the target.
    fn project(&self, image: &str, host: &str) {
        let service =
            format!("{{ image: '{image}', network_mode: none, command: [tool, serve], stop_grace_period: 0s }}");
        self.stage.write("compose.yaml", &format!("services: {{ app: {service} }}\n"));
        let environment = format!("{{ compose: compose.yaml, target: {{ docker: {{ host: '{host}' }} }} }}");
        self.stage.write("aictl.yaml", &format!("environments: {{ there: {environment} }}\n"));
    }

    fn through_the_gate(&self, image: &str) {
        self.project(image, &format!("unix://{}", self.gate.path.display()));
    }

    /// A new image: the base and a layer of random bytes.
    fn extend(&self, base: &str, image: &str) {
        let mut bytes = vec![0; usize::try_from(LAYER).unwrap()];
        std::fs::File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
        let name = image.rsplit(':').next().unwrap();
        std::fs::write(self.stage.path().join(name), bytes).unwrap();
        self.from.extend((base, image), &self.stage.path().join(name));
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.stage.command(words);
        command.env("DOCKER_HOST", &self.from.address);
        command
    }

    fn aictl(&self, words: &[&str]) -> Outcome {
        self.command(words).output().unwrap().into()
    }

    /// The report of a push; with its bytes, and those that went through the gate.
    #[track_caller]
    fn push(&self, words: &[&str]) -> (Value, u64, u64) {
        self.gate.take();
        let told = self.aictl(&[&["--output", "json", "push", "--to", "there"], words].concat()).ended(0).stdout;
        let report: Value = serde_json::from_str(&told).unwrap();
        let bytes = report["bytes"].as_u64().unwrap();
        (report, bytes, self.gate.take())
    }

    /// The image is the same on both engines and runs.
    #[track_caller]
    fn is_there(&self, image: &str) {
        assert_eq!(self.to.configuration(image), self.from.configuration(image), "{image}");
        self.to.docker(&["run", "--rm", "--network", "none", image, "true"]);
        self.protects_nothing(image);
    }

    /// No tag is left of those that keep the layers an image builds on.
    #[track_caller]
    fn protects_nothing(&self, image: &str) {
        let mark = Digest::of(format!("{}/{image}", self.stage.name()).as_bytes());
        let tags = self.to.docker(&["image", "ls", "--format", "{{.Tag}}", "aictl-transfer"]);
        assert!(!tags.contains(mark.short()), "{tags}");
    }
}

/// What the project leaves on the target; the rest of it is removed by its owner.
impl Drop for Way<'_> {
    fn drop(&mut self) {
        let (name, run) = (self.stage.name(), |words: &[&str]| {
            let output = Command::new("docker").args(["-H", &self.to.address]).args(words).output().unwrap();
            String::from_utf8_lossy(&output.stdout).into_owned()
        });
        for container in ["app-1", "aictl-lock", "aictl-state"] {
            run(&["rm", "-f", &format!("{name}-{container}")]);
        }
        run(&["volume", "rm", "-f", &format!("{name}_aictl")]);
        let kept = format!("reference={name}-*");
        for image in run(&["image", "ls", "--filter", &kept, "--format", "{{.Repository}}:{{.Tag}}"]).lines() {
            run(&["image", "rm", image]);
        }
    }
}

/// At most a layer and one per cent.
#[track_caller]
fn is_one_layer(bytes: u64) {
    let most = (LAYER + FRAME) * 101 / 100;
    assert!(bytes >= LAYER && bytes <= most, "{bytes} bytes for a layer of {LAYER}");
}

fn goes(way: &Way<'_>, [first, second, third]: [&str; 3]) {
    way.extend("aictl-lab/tool:1", first);
    way.through_the_gate(first);
    let (dry, announced, through) = way.push(&["--dry-run"]);
    assert!(dry["images"][0]["sent"] == true && through < 100_000, "{dry} {through}");
    assert!(!way.to.has_image(first), "a dry run sends nothing");
    let (whole, bytes, through) = way.push(&[]);
    // An engine that keeps layers as registries do may have the base in another form.
    assert!(bytes >= announced && through >= bytes && through - bytes < bytes / 100, "{whole}: {through}, {announced}");
    way.is_there(first);
    assert_eq!(way.push(&["app"]).0["images"][0]["sent"], false, "it is there already");
    way.extend(first, second);
    way.through_the_gate(second);
    let (one, bytes, through) = way.push(&[]);
    assert_eq!((&one["images"][0]["layers_sent"], &one["images"][0]["attempts"]), (&1.into(), &1.into()), "{one}");
    is_one_layer(bytes);
    is_one_layer(through);
    way.is_there(second);
    way.extend(second, third);
    way.through_the_gate(third);
    way.gate.cut(1);
    let (cut, ..) = way.push(&[]);
    assert_eq!((&cut["images"][0]["attempts"], way.gate.cuts_left()), (&2.into(), 0), "{cut}");
    assert_eq!(cut["images"][0]["layers_sent"], 1, "{cut}");
    way.is_there(third);
}

#[test]
fn an_image_goes_to_an_engine_of_the_other_kind_as_the_layers_it_lacks() {
    let Some(engines) = engines("transfer between engines") else { return };
    let Some(stage) = TestProject::new("transfer") else { return };
    let [here, current] = &engines;
    for (name, from, to) in [("forth", here, current), ("back", current, here)] {
        let images = ["one", "two", "three"].map(|tag| Image(&engines, format!("{}-{name}:{tag}", stage.name())));
        goes(&Way::new(name, (from, to), &stage), [&images[0].1, &images[1].1, &images[2].1]);
    }
}

#[test]
fn a_transfer_that_is_always_cut_leaves_nothing_on_the_target() {
    let Some(engines) = engines("transfer that is cut") else { return };
    let Some(stage) = TestProject::new("transfer-cut") else { return };
    let [here, current] = &engines;
    let way = Way::new("cut", (here, current), &stage);
    let image = Image(&engines, format!("{}:1", stage.name()));
    way.extend("aictl-lab/tool:1", &image.1);
    way.through_the_gate(&image.1);
    way.gate.cut(usize::MAX);
    let failed = way.aictl(&["push", "--to", "there"]).ended(1);
    assert!(
        failed.stderr.contains("could not be transferred") && failed.stderr.contains("4 attempts"),
        "{}",
        failed.stderr
    );
    let label = format!("label=made={}", image.1);
    assert_eq!(current.docker(&["image", "ls", "-aq", "--filter", &label]), "", "half an image");
    way.protects_nothing(&image.1);
    assert!(!current.has_image(&image.1));
    assert_eq!(way.aictl(&["lock", "status", "--env", "there"]).code, 0);
}

#[test]
fn a_deploy_over_ssh_sends_the_image_that_the_target_lacks() {
    let Some(engines) = engines("transfer by a deploy") else { return };
    let Some(stage) = TestProject::new("transfer-deploy") else { return };
    let [here, current] = &engines;
    let way = Way::new("deploy", (here, current), &stage);
    let image = Image(&engines, format!("{}:1", stage.name()));
    way.extend("aictl-lab/tool:1", &image.1);
    stage.write("bin/README", "What follows the host name is run here.");
    write_program(
        &stage.path().join("bin/ssh"),
        "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift 2\neval \"exec $*\"\n",
    );
    let path = format!("{}:{}", stage.path().join("bin").display(), std::env::var("PATH").unwrap());
    way.project(&image.1, &current.address);
    let seen = way.aictl(&["--env", "there", "--dry-run", "plan", "--out", "none.json"]).ended(0).stdout;
    assert!(seen.contains("images: ") && seen.contains(" free, "), "the disk of this machine is known: {seen}");
    way.project(&image.1, &current.address.replace("unix://", "ssh://deploy@prod"));
    let run = |words: &[&str]| -> Outcome {
        way.command(&[&["--env", "there"], words].concat()).env("PATH", &path).output().unwrap().into()
    };
    let planned = run(&["plan", "--out", "saved.json"]).ended(0);
    let step = planned.stdout.lines().find(|line| line.starts_with("transfer")).unwrap().to_owned();
    assert!(
        step.starts_with(&format!("transfer image {} from unix://", image.1)) && step.contains(" MB)"),
        "{}",
        planned.stdout
    );
    assert!(planned.stdout.contains("free disk space of ssh://"), "{}", planned.stdout);
    assert!(!current.has_image(&image.1), "a plan sends nothing");
    run(&["deploy", "--plan", "saved.json"]).ended(0);
    way.is_there(&image.1);
    let from = format!("{}-aictl-state:/state/releases", stage.name());
    let copied = Command::new("docker").args(["-H", &current.address, "cp", &from, "-"]).output().unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let all = records_in(&copied.stdout);
    let (_, last) = all.last().unwrap();
    let recorded = last.steps.iter().find(|recorded| recorded.operation.verb() == "transfer").unwrap();
    assert!(step.contains(&recorded.subject), "{step}: {recorded:?}");
    run(&["stop", "--remove", "--volumes", "--yes"]).ended(0);
}

#[test]
fn what_cannot_be_sent_is_named_before_anything_changes() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
        command
            .args(words)
            .current_dir(folder.path())
            .env("DOCKER_HOST", "unix:///nowhere.sock")
            .output()
            .unwrap()
            .into()
    };
    std::fs::write(folder.path().join("compose.yaml"), "services: { app: { image: x } }\n").unwrap();
    let environment = "environments: { a: { compose: compose.yaml }, b: { compose: compose.yaml } }\n";
    std::fs::write(folder.path().join("aictl.yaml"), environment).unwrap();
    assert!(run(&["push", "--to"]).ended(2).stderr.contains("--to <ENV>"));
    assert!(run(&["--env", "a", "push", "--to", "b"]).ended(2).stderr.contains("different environments"));
    run(&["push", "--to", "nosuch"]).ended(78);
    run(&["push", "--to", "a"]).ended(9);
    if std::env::var_os("AICTL_LAB").is_none() {
        return;
    }
    let here = |words: &[&str]| -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aictl"));
        command.args(words).current_dir(folder.path()).output().unwrap().into()
    };
    assert!(here(&["push", "--to", "a"]).ended(78).stderr.contains("uses the engine that images come from"));
}
