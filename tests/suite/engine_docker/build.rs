//! Builds on the real engine.

use std::sync::Mutex;

use aictl::compose::model::{Build, ServiceHook};
use aictl::event::{Event, Reporter};
use aictl::plan::{ContainerOperation, ImageOperation, Operation, Outcome, Scope};
use aictl::target::TargetError;
use serde_json::json;

use crate::engine_contract::lab::Lab;

#[derive(Default)]
struct Told(Mutex<Vec<Event>>);

impl Reporter for Told {
    fn report(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Told {
    fn lines(&self) -> Vec<String> {
        let line = |event: &Event| match event {
            Event::StepOutput { line, .. } => Some(line.clone()),
            _ => None,
        };
        self.0.lock().unwrap().iter().filter_map(line).collect()
    }
}

async fn build(lab: &Lab, told: &Told, build: Build) -> Result<Outcome, TargetError> {
    let operation = Operation::Image(ImageOperation::Build {
        service: "a".into(),
        image: format!("{}-a", lab.project),
        build: Box::new(build),
        platform: None,
        no_cache: false,
        pull: false,
    });
    lab.target.perform(&operation, 0, told).await
}

async fn remove(lab: &Lab, image: &str) {
    lab.perform(&Operation::Image(ImageOperation::Remove { image: image.to_owned() })).await.unwrap();
}

#[tokio::test]
async fn an_image_is_built_from_a_context_with_arguments_labels_and_tags() {
    let Some(lab) = Lab::docker("build").await else { return };
    let context = tempfile::tempdir().unwrap();
    std::fs::write(context.path().join("kept.txt"), "kept").unwrap();
    std::fs::write(context.path().join("left.txt"), "left").unwrap();
    std::fs::write(context.path().join(".dockerignore"), "left.txt\n").unwrap();
    let dockerfile = format!(
        "FROM {} AS first\nARG WORD\nCOPY . /c\nRUN ls /c && echo {} $WORD\nFROM first AS second\nRUN exit 1\n",
        // A step of an earlier run would come from the cache and say nothing.
        lab.image,
        lab.project
    );
    let wanted = Build {
        context: context.path().display().to_string(),
        dockerfile_inline: dockerfile,
        target: "first".into(),
        args: [("WORD".to_owned(), Some("it".to_owned()))].into(),
        labels: [("org.example".to_owned(), "yes".to_owned())].into(),
        tags: vec![format!("{}-b:2", lab.project)],
        ..Build::default()
    };
    let told = Told::default();
    let built = build(&lab, &told, wanted).await.unwrap();
    let images = vec![format!("{}-a", lab.project), format!("{}-b:2", lab.project)];
    let found = lab.target.observe(&Scope { images: images.clone(), ..Scope::default() }).await.unwrap().images;
    assert_eq!(found.values().map(|image| Some(image.id.clone())).collect::<Vec<_>>(), [built.id.clone(), built.id]);
    assert!(told.lines().contains(&format!("{} it", lab.project)), "{:?}", told.lines());
    assert!(told.lines().iter().any(|line| line == "kept.txt"), "{:?}", told.lines());
    assert!(!told.lines().iter().any(|line| line == "left.txt"), "{:?}", told.lines());
    for image in &images {
        remove(&lab, image).await;
    }
    lab.clean().await;
}

#[tokio::test]
async fn a_failing_step_is_told_with_its_last_lines() {
    let Some(lab) = Lab::docker("build-fails").await else { return };
    let context = tempfile::tempdir().unwrap();
    let dockerfile = format!("FROM {}\nRUN echo before && echo the reason >&2 && exit 3\n", lab.image);
    let wanted =
        Build { context: context.path().display().to_string(), dockerfile_inline: dockerfile, ..Build::default() };
    let error = build(&lab, &Told::default(), wanted).await.unwrap_err();
    let TargetError::BuildFailed { service, reason, log } = &error else { panic!("{error}") };
    // The builder reads the two outputs of a step apart, so their order is not told.
    assert_eq!(service, "a");
    assert!(log.contains(&"before".to_owned()) && log.contains(&"the reason".to_owned()), "{error}: {log:?}");
    assert!(reason.contains("exit code: 3") || reason.contains("code: 3"), "{reason}");
    lab.clean().await;
}

#[tokio::test]
async fn a_pull_without_a_registry_says_which_image_is_missing() {
    let Some(lab) = Lab::docker("pull").await else { return };
    let image = "127.0.0.1:1/nowhere:1".to_owned();
    let operation = Operation::Image(ImageOperation::Pull {
        service: "a".into(),
        image: image.clone(),
        platform: None,
        sources: Vec::new(),
    });
    let error = lab.perform(&operation).await.unwrap_err();
    assert!(matches!(&error, TargetError::ImageMissing { image: named, .. } if *named == image), "{error}");
    lab.clean().await;
}

#[tokio::test]
async fn a_hook_tells_its_lines_and_fails_with_its_code() {
    let Some(lab) = Lab::docker("hook").await else { return };
    let model = json!({"command": ["sleep", "1000"], "network_mode": "none", "stop_grace_period": "1s"});
    let id = lab.run(lab.spec("a", 1, model)).await;
    let hook = |script: &str| {
        Operation::Container(ContainerOperation::RunHook {
            service: "a".into(),
            container: id.clone(),
            hook: Box::new(serde_json::from_value::<ServiceHook>(json!({"command": ["sh", "-c", script]})).unwrap()),
            timeout: std::time::Duration::from_secs(2),
        })
    };
    let told = Told::default();
    lab.target.perform(&hook("echo one; printf two"), 0, &told).await.unwrap();
    assert_eq!(told.lines(), ["one", "two"]);
    let error = lab.perform(&hook("echo broken; exit 4")).await.unwrap_err();
    assert!(error.to_string().ends_with("exit code 4: broken"), "{error}");
    let error = lab.perform(&hook("sleep 100")).await.unwrap_err();
    assert!(matches!(error, TargetError::TimedOut { .. }), "{error}");
    lab.clean().await;
}
