//! The order of sources, over the engine in memory: each is silenced in turn and the next one is taken and named.

use std::collections::{BTreeMap, BTreeSet};

use aictl::compose::model::{Service, Stack};
use aictl::engine::memory::MemoryEngine;
use aictl::event::Silent;
use aictl::image::Recipes;
use aictl::plan::{ImageOperation, ImageSource, Observed, Operation, Outcome};
use aictl::session::image_catalog::Supplies;
use aictl::session::plan_images::{ImageOptions, plan_images};
use aictl::target::{Perform as _, TargetError};

/// Two mirrors, a bundle with redis:7 in it, and the recipes of the binary.
fn supplies() -> Supplies {
    let held = BTreeSet::from(["docker.io/library/redis:7".to_owned()]);
    Supplies {
        mirrors: vec!["one.example:5000".to_owned(), "two.example:5000".to_owned()],
        bundle: Some(("/srv/shop.tar".into(), held)),
        recipes: Recipes::embedded().unwrap(),
        obstacle: None,
    }
}

fn planned(image: &str, supplies: &Supplies, present: &[&str]) -> Vec<Operation> {
    let mut stack = Stack { name: "shop".into(), ..Default::default() };
    stack.services.insert("a".into(), Service { image: image.into(), ..Default::default() });
    let images: BTreeMap<_, _> = present.iter().map(|name| ((*name).to_owned(), Default::default())).collect();
    let observed = Observed { images, ..Default::default() };
    let options = ImageOptions { supplies: Some(supplies), ..Default::default() };
    let plan = plan_images(&stack, &BTreeSet::from(["a".to_owned()]), &observed, &options).unwrap();
    plan.steps.into_iter().map(|step| step.operation).collect()
}

async fn obtained(engine: &MemoryEngine, image: &str, supplies: &Supplies) -> Result<Outcome, TargetError> {
    let operations = planned(image, supplies, &[]);
    assert_eq!(operations.len(), 1);
    engine.perform(&operations[0], 0, &Silent).await
}

/// What gave redis:7 when these sources answer.
async fn origin(answering: &[&str]) -> String {
    let engine = answering.iter().fold(MemoryEngine::new(), |engine, words| engine.with_source(words));
    obtained(&engine, "redis:7", &supplies()).await.unwrap().detail.unwrap()
}

const SOURCES: [&str; 7] = [
    "registry docker.io",
    "mirror one.example:5000/library/redis:7",
    "mirror one.example:5000/redis:7",
    "mirror two.example:5000/library/redis:7",
    "mirror two.example:5000/redis:7",
    "bundle /srv/shop.tar",
    "recipe redis",
];

#[tokio::test]
async fn registry_mirrors_bundle_and_recipe_are_tried_in_this_order_and_the_line_says_why() {
    for first in 0..SOURCES.len() {
        let said = origin(&SOURCES[first..]).await;
        assert!(said.starts_with(&format!("from {}", SOURCES[first])), "{said}");
        let mut rest = said.as_str();
        for silent in &SOURCES[..first] {
            let reason = format!("not {silent}: it is not responding");
            let at = rest.find(&reason).unwrap_or_else(|| panic!("{reason} is not told in its turn: {said}"));
            rest = &rest[at..];
        }
        assert!(!said.contains('\n'), "{said}");
    }
}

#[tokio::test]
async fn where_no_source_answers_each_is_named_and_nothing_is_there() {
    let engine = MemoryEngine::new();
    let error = obtained(&engine, "redis:7", &supplies()).await.unwrap_err().to_string();
    assert!(SOURCES.iter().all(|source| error.contains(source)), "{error}");
    assert!(engine.performed().is_empty());
}

#[tokio::test]
async fn a_stand_in_never_takes_the_name_of_the_real_thing() {
    let engine = MemoryEngine::new().with_source("recipe qdrant-standin");
    let error = obtained(&engine, "qdrant/qdrant:v1.7.0", &supplies()).await.unwrap_err().to_string();
    assert!(error.contains("recipe qdrant-standin: only a stand-in"), "{error}");
    assert!(error.contains("bundle /srv/shop.tar: the image is not in the bundle"), "{error}");
}

#[test]
fn what_is_present_is_not_replaced_by_a_recipe_or_a_bundle() {
    let sources = |present: &[&str]| {
        let mut stack = Stack { name: "shop".into(), ..Default::default() };
        let service = Service { image: "redis:7".into(), pull_policy: "always".into(), ..Default::default() };
        stack.services.insert("a".into(), service);
        let images = present.iter().map(|name| ((*name).to_owned(), Default::default())).collect();
        let supplies = supplies();
        let options = ImageOptions { supplies: Some(&supplies), ..Default::default() };
        let observed = Observed { images, ..Default::default() };
        let plan = plan_images(&stack, &BTreeSet::from(["a".to_owned()]), &observed, &options).unwrap();
        match &plan.steps[0].operation {
            Operation::Image(ImageOperation::Pull { sources, .. }) => {
                sources.iter().map(|s| s.words("redis:7")).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(sources(&[]), SOURCES);
    assert_eq!(sources(&["redis:7"]), SOURCES[..5]);
}

#[test]
fn an_image_of_a_recipe_asks_no_registry() {
    let operations = planned("aictl/redis:7", &supplies(), &[]);
    let built: Vec<&str> = operations
        .iter()
        .map(|operation| match operation {
            Operation::Image(ImageOperation::BuildRecipe(build)) => build.image.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(built, ["aictl/base:bookworm", "aictl/redis:7"]);
}

#[test]
fn a_recipe_builds_what_is_absent_and_nothing_below_what_is_present() {
    let builds = |present: &[&str]| match &planned("elasticsearch:7.10.2", &supplies(), present)[0] {
        Operation::Image(ImageOperation::Pull { sources, .. }) => match sources.last().unwrap() {
            ImageSource::Recipe { builds, .. } => builds.iter().map(|b| b.recipe.clone()).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(builds(&[]), ["base", "jre", "elasticsearch"]);
    assert_eq!(builds(&["aictl/base:bookworm", "aictl/jre:17"]), ["elasticsearch"]);
    assert!(builds(&["aictl/elasticsearch:7.10.2"]).is_empty());
}
