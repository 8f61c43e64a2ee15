//! Custom resource definitions of a chart: created, and changed only where that is asked for.

use super::project::ClusterProject;
use crate::support::engine_api::clean_up;

/// A project whose chart has a definition of its own; it goes with the project.
struct Defined {
    project: ClusterProject,
    group: String,
}

impl Defined {
    fn new(name: &str) -> Option<Self> {
        let project = ClusterProject::new(name)?;
        let group = format!("{}.example.com", project.namespace());
        let defined = Self { project, group };
        defined.fields("a");
        defined.thing("a: x");
        defined.project.aictl(&["deploy"]).ended(0);
        Some(defined)
    }

    fn fields(&self, names: &str) {
        let group = &self.group;
        let fields: Vec<String> = names.split(' ').map(|name| format!("{name}: {{ type: string }}")).collect();
        let text = format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{ name: things.{group} }}\n\
             spec:\n  group: {group}\n  scope: Namespaced\n  names: {{ plural: things, singular: thing, kind: Thing, \
             listKind: ThingList }}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema:\n      \
             openAPIV3Schema: {{ type: object, properties: {{ spec: {{ type: object, properties: {{ {} }} }} }} }}\n",
            fields.join(", ")
        );
        self.project.write("chart/crds/things.yaml", &text);
    }

    fn thing(&self, spec: &str) {
        let group = &self.group;
        self.project.values(&format!(
            "extra: [ {{ apiVersion: {group}/v1, kind: Thing, metadata: {{ name: one }}, spec: {{ {spec} }} }} ]\n"
        ));
    }

    fn spec(&self) -> serde_json::Value {
        self.project.object(&format!("things.{}", self.group), "one")["spec"].clone()
    }
}

impl Drop for Defined {
    fn drop(&mut self) {
        let name = format!("things.{}", self.group);
        clean_up(|| drop(self.project.kubectl(&["delete", "crd", &name, "--ignore-not-found", "--wait=false"])));
    }
}

#[test]
fn objects_that_need_the_changed_definition_are_applied_after_it() {
    let Some(defined) = Defined::new("crd") else { return };
    let project = &defined.project;
    defined.fields("a b");
    let outcome = project.aictl(&["plan", "--exit-code"]).ended(0);
    let said = outcome.stdout + &outcome.stderr;
    assert!(said.contains("differs from the chart's") && said.contains("--upgrade-crds"), "{said}");
    defined.thing("a: x, b: z1");
    let said = project.aictl(&["deploy"]).ended(78).stderr;
    assert!(said.contains("Thing one") && said.contains("--upgrade-crds"), "{said}");
    project.aictl(&["deploy", "--upgrade-crds"]).ended(0);
    assert_eq!(defined.spec(), serde_json::json!({"a": "x", "b": "z1"}));
    project.aictl(&["plan", "--exit-code"]).ended(0);
}
