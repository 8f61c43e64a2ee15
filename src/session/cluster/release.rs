//! Between a rendered chart, Helm's record of it, and the objects that are planned.

use std::time::Duration;

use super::rendering::RenderedChart;
use crate::chart::{ChartError, Manifest, objects};
use crate::plan::cluster::{
    ClusterObject, ClusterRelease, ClusterScope, DeletePolicy, HookObject, released_objects, released_services,
};
use crate::release::{HelmHook, HelmInfo, HelmRelease, HelmStatus, Release, ReleaseCause};

/// How long an object may take to become ready, where `--timeout` does not say otherwise; Helm's default.
pub(super) const TIMEOUT: Duration = Duration::from_secs(300);

/// Helm's record of a rendered chart; revision and namespace are filled in by who stores it.
pub(super) fn helm_release(name: &str, namespace: &str, rendered: &RenderedChart) -> HelmRelease {
    let hook = |manifest: &Manifest| {
        let hook = manifest.hook.clone();
        HelmHook {
            name: manifest.name.clone(),
            kind: manifest.kind.clone(),
            path: manifest.source.clone(),
            manifest: manifest.text.clone(),
            events: hook.as_ref().map(|hook| hook.events.clone()).unwrap_or_default(),
            weight: hook.as_ref().map_or(0, |hook| hook.weight),
            delete_policies: hook.map(|hook| hook.delete_policies).unwrap_or_default(),
            other: serde_json::Map::new(),
        }
    };
    let manifests = &rendered.manifests;
    let document = |manifest: &Manifest| format!("---\n# Source: {}\n{}\n", manifest.source, manifest.text.trim_end());
    HelmRelease {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        info: HelmInfo { notes: manifests.notes.clone(), ..Default::default() },
        chart: rendered.record.chart.clone(),
        config: rendered.record.config.clone(),
        manifest: manifests.resources.iter().map(document).collect(),
        hooks: manifests.hooks.iter().map(hook).collect(),
        apply_method: Some("ssa".to_owned()),
        ..Default::default()
    }
}

/// The hooks of a release.
pub(super) fn hooks_of(release: &HelmRelease) -> Result<Vec<HookObject>, ChartError> {
    let mut found = Vec::new();
    for hook in &release.hooks {
        let delete: Vec<DeletePolicy> = hook.delete_policies.iter().filter_map(|word| DeletePolicy::of(word)).collect();
        for body in objects(&hook.path, &hook.manifest)? {
            let Some(object) = ClusterObject::of(body) else { continue };
            let (events, weight, delete) = (hook.events.clone(), hook.weight, delete.clone());
            found.push(HookObject { object, events, weight, delete });
        }
    }
    Ok(found)
}

/// Whether two releases run other hooks.
pub(super) fn hooks_differ(one: &HelmRelease, other: &HelmRelease) -> Result<bool, ChartError> {
    let hooks = |release: &HelmRelease| -> Result<Vec<HookObject>, ChartError> {
        let mut all = hooks_of(release)?;
        all.retain(|hook| hook.events.iter().any(|event| event != "test"));
        all.sort_by_key(|hook| hook.object.reference.clone());
        Ok(all)
    };
    Ok(hooks(one)? != hooks(other)?)
}

/// Whether two releases are the same to whoever looks at them: objects, hooks and values. Texts may differ: another
/// version of Helm writes them otherwise.
pub(super) fn is_same(one: &HelmRelease, other: &HelmRelease) -> Result<bool, ChartError> {
    let sorted = |release: &HelmRelease| -> Result<Vec<ClusterObject>, ChartError> {
        let mut all = released_objects(release)?;
        all.sort_by_key(|object| object.reference.clone());
        Ok(all)
    };
    // No values at all are written as null, or as none.
    let values = |release: &HelmRelease| release.config.as_object().cloned().unwrap_or_default();
    Ok(values(one) == values(other) && sorted(one)? == sorted(other)? && !hooks_differ(one, other)?)
}

/// What to look at in the cluster for a plan.
pub(super) fn scope_of(wanted: &ClusterRelease) -> ClusterScope {
    let home = &wanted.namespace;
    let stays =
        |former: &&ClusterObject| wanted.objects.iter().any(|object| object.reference.is_same(&former.reference, home));
    let former = wanted.former.iter().chain(&wanted.leftover);
    ClusterScope {
        wanted: wanted.objects.iter().chain(&wanted.definitions).cloned().collect(),
        definitions: wanted.definitions.iter().map(|object| object.reference.clone()).collect(),
        former: former.filter(|former| !stays(former)).map(|former| former.reference.clone()).collect(),
    }
}

/// What the history says of a release.
pub(super) fn draft(
    release: &HelmRelease,
    cause: ReleaseCause,
    message: Option<String>,
) -> Result<Release, ChartError> {
    Ok(Release::new(cause, message, released_services(release)?))
}

/// What a record says before anything is applied.
pub(super) struct Beginning {
    /// Which operation is pending.
    pub status: HelmStatus,
    /// In words.
    pub description: String,
    /// When the release was first deployed, where it was before.
    pub first: Option<String>,
    /// Now, RFC 3339.
    pub now: String,
}

/// The record as it is stored before anything is applied.
pub(super) fn pending(release: HelmRelease, begun: Beginning) -> HelmRelease {
    let Beginning { status, description, first, now } = begun;
    let info = HelmInfo {
        first_deployed: first.unwrap_or_else(|| now.clone()),
        last_deployed: now,
        deleted: String::new(),
        description,
        status,
        ..release.info
    };
    HelmRelease { info, ..release }
}
