//! Environments with several targets, and targets that lack a capability, are rejected before any request.

use std::path::Path;
use std::sync::Arc;

use aictl::engine::memory::MemoryEngine;
use aictl::error::{Error, ErrorKind};
use aictl::session::report::Report;
use aictl::session::{Context, GlobalOptions};
use aictl::target::Capability;
use aictl::workflow::run::{ls, start, status, top};
use aictl::workflow::ship::images;

use crate::support::memory::{Warned, context};

const PROJECT: &str = "name: shop
environments:
  one: { compose: compose.yaml }
  two: { compose: compose.yaml, chart: { path: chart }, target: { kubernetes: [{ context: eu }, { context: us }] } }
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("aictl.yaml"), PROJECT).unwrap();
    let compose = "services: { web: { image: 'x:1', command: sleep 1000 } }\n";
    std::fs::write(folder.path().join("compose.yaml"), compose).unwrap();
    folder
}

fn context_of(folder: &Path, environment: &str, engines: &[(&str, &MemoryEngine)]) -> Context {
    let options = GlobalOptions { environment: Some(environment.to_owned()), ..Default::default() };
    context(engines, (options, folder.to_owned()), &Arc::new(Warned::default()))
}

fn refused<R>(result: Result<R, Error>) -> (ErrorKind, String) {
    let error = result.err().unwrap();
    (error.kind(), error.messages().join(": "))
}

#[tokio::test(start_paused = true)]
async fn a_verb_for_one_target_names_the_targets_there_are_and_touches_none() {
    let folder = folder();
    let engines = [MemoryEngine::new().with_image("x:1"), MemoryEngine::new().with_image("x:1")];
    let context = context_of(folder.path(), "two", &[("eu", &engines[0]), ("us", &engines[1])]);
    for (kind, text) in
        [refused(status::run(&context, Default::default()).await), refused(ls::run(&context, Default::default()).await)]
    {
        assert_eq!(kind, ErrorKind::Config, "{text}");
        let said =
            "environments.two.target.kubernetes: this command works on one target; the environment has 2: eu, us";
        assert!(text.contains(said) && text.contains("aictl.yaml:4:"), "{text}");
    }
    let (kind, text) = refused(start::run(&context, Default::default()).await);
    assert_eq!((kind, text.as_str()), (ErrorKind::Config, "not supported yet: this command on Kubernetes"));
    assert_eq!((engines[0].effects(), engines[1].effects()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_environment_of_one_target_works() {
    let folder = folder();
    let engine = MemoryEngine::new().with_image("x:1");
    let context = context_of(folder.path(), "one", &[("eu", &engine)]);
    start::run(&context, Default::default()).await.unwrap();
    let listed = ls::run(&context, Default::default()).await.unwrap().json();
    assert_eq!(listed[0]["name"], "shop", "{listed}");
}

#[tokio::test(start_paused = true)]
async fn a_verb_says_which_capability_its_target_lacks() {
    let folder = folder();
    let engine = MemoryEngine::new().with_image("x:1").without(Capability::Processes).without(Capability::Images);
    let context = context_of(folder.path(), "one", &[("eu", &engine)]);
    start::run(&context, Default::default()).await.unwrap();
    let (kind, text) = refused(top::run(&context, Default::default()).await);
    assert_eq!(
        (kind, text.as_str()),
        (ErrorKind::Failed, "this target does not support listing the processes of containers")
    );
    let (kind, text) = refused(
        images::run(&context, images::ImagesArgs { action: images::ImagesAction::Ls(Default::default()) }).await,
    );
    assert_eq!(
        (kind, text.as_str()),
        (ErrorKind::Failed, "this target does not support listing and transferring images")
    );
}
