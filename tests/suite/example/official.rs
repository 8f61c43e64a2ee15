//! The same compose file on official images: what `official` renders beside what `full` does, and a stack under their names.
//! Reads the example and the embedded recipes. Without a registry the recipes stand behind the names, and aictl says so.
use std::collections::BTreeSet;

use aictl::image::{Recipes, Reference};
use serde_json::Value;

use super::assistant::Assistant;
use super::rendered::model;
use super::{loaded, root};
use crate::support::project::docker;

/// Paths of the values in which two models differ.
fn differences(ours: &Value, theirs: &Value, path: &str, found: &mut BTreeSet<String>) {
    let (Some(left), Some(right)) = (ours.as_object(), theirs.as_object()) else {
        if ours != theirs {
            found.insert(path.to_owned());
        }
        return;
    };
    for key in left.keys().chain(right.keys()).collect::<BTreeSet<_>>() {
        let child = if path.is_empty() { key.clone() } else { format!("{path}/{key}") };
        differences(&ours[key], &theirs[key], &child, found);
    }
}

#[test]
fn official_differs_from_full_in_images_and_what_they_must_have() {
    let example = root().join("examples/ai-assistant");
    let (ours, theirs) = (model(&example, "full"), model(&example, "official"));
    let mut found = BTreeSet::new();
    differences(&ours, &theirs, "", &mut found);
    let image =
        |path: &str| path.ends_with("/image") || path.ends_with("/PYTHON_IMAGE") || path.ends_with("/NGINX_IMAGE");
    assert!(found.iter().any(|path| image(path)), "{found:?}");
    found.retain(|path| !image(path));
    // Elasticsearch 8 has users, and it and Kibana write a keystore into their own folders.
    let wanted = [
        "services/api/environment/APP_ENVIRONMENT",
        "services/api/environment/ELASTICSEARCH_PASSWORD",
        "services/api/environment/ELASTICSEARCH_USERNAME",
        "services/elasticsearch/environment/ELASTIC_PASSWORD",
        "services/elasticsearch/environment/xpack.security.enabled",
        "services/elasticsearch/environment/xpack.security.http.ssl.enabled",
        "services/elasticsearch/read_only",
        "services/kibana-user",
        "services/kibana/depends_on/kibana-user",
        "services/kibana/environment/ELASTICSEARCH_PASSWORD",
        "services/kibana/environment/ELASTICSEARCH_USERNAME",
        "services/kibana/read_only",
        "services/logstash/environment/ELASTICSEARCH_PASSWORD",
        "services/logstash/environment/ELASTICSEARCH_USERNAME",
        "services/tools/environment/APP_ENVIRONMENT",
        "services/tools/environment/ELASTICSEARCH_PASSWORD",
        "services/tools/environment/ELASTICSEARCH_USERNAME",
    ];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
}

#[test]
fn every_image_of_ours_says_that_it_stands_for_the_official_one_of_the_same_value() {
    let example = root().join("examples/ai-assistant");
    let images = |environment| loaded(&example, Some(environment)).values["images"].as_object().unwrap().clone();
    let (ours, theirs, recipes) = (images("full"), images("official"), Recipes::embedded().unwrap());
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    let name = |image: &str| image.parse::<Reference>().unwrap().path().to_owned();
    for (value, image) in ours {
        let recipe = recipes.building(image.as_str().unwrap()).unwrap_or_else(|| panic!("no recipe builds {image}"));
        let official = name(theirs[&value].as_str().unwrap());
        let replaced = recipe.replaces.iter().any(|other| name(other) == official);
        assert!(replaced, "{value}: recipe {} does not say that it replaces {official}", recipe.name);
    }
}

/// Official names by value, in versions that a recipe may stand for.
const OFFICIAL: [(&str, &str); 4] =
    [("postgres", "postgres:15"), ("redis", "redis:7"), ("nginx", "nginx:1.22"), ("python", "python:3.11-slim")];

#[test]
fn the_smallest_environment_runs_under_official_names_by_values_alone() {
    let Some(assistant) = Assistant::new("example-official", "simple") else { return };
    let present = || docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]);
    let before = present();
    let values: Vec<String> = OFFICIAL.iter().map(|(value, image)| format!("images.{value}={image}")).collect();
    let aictl = |words: &[&str]| {
        let mut all: Vec<&str> = values.iter().flat_map(|value| ["--set", value]).collect();
        all.extend_from_slice(words);
        assistant.aictl(&all).ended(0)
    };
    let started = aictl(&["start"]);
    for (_, image) in OFFICIAL.iter().filter(|(_, image)| !before.lines().any(|line| line == *image)) {
        // No registry gave it, so nobody may believe that it is the official one.
        let pulled = started.stderr.contains(&format!("Pulled image {image}  from registry"));
        let said = pulled || started.stderr.contains(&format!("{image} is replaced by aictl/"));
        assert!(said, "{image}: {}", started.stderr);
    }
    aictl(&["migrate"]);
    aictl(&["run", "admin-user"]);
    let checked: Value = serde_json::from_str(&aictl(&["smoke-test", "--output", "json"]).stdout).unwrap();
    assert!(checked["passed"].as_u64() > Some(8) && checked["failed"] == 0, "{checked}");
    let image = |service: &str| {
        let name = format!("{}-{service}-1", assistant.stage.name());
        docker(&["inspect", "--format", "{{.Config.Image}}", &name]).trim().to_owned()
    };
    assert_eq!((image("postgres"), image("redis")), ("postgres:15".to_owned(), "redis:7".to_owned()));
    aictl(&["stop", "--remove", "-v"]);
    for (_, image) in OFFICIAL.iter().filter(|(_, image)| !before.lines().any(|line| line == *image)) {
        docker(&["rmi", image]);
    }
}
