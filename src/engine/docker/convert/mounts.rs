//! Mounts of a container: bind strings, mounts and tmpfs, chosen as Compose chooses them.
//! Reads a spec's volumes; writes `Binds`, `Mounts` and `Tmpfs` into the host configuration.
//! Never creates or looks at a path: the engine may be on another machine.

use serde_json::{Map, Value, json};

use super::body::Body;
use crate::compose::model::{ServiceVolume, VolumeBind};
use crate::plan::{ContainerSpec, EngineInfo};
use crate::target::TargetError;

pub(super) fn mounts(spec: &ContainerSpec, engine: &EngineInfo, body: &mut Body) -> Result<(), TargetError> {
    let mut binds = Vec::new();
    let mut mounts = Vec::new();
    for volume in &spec.service.volumes {
        let inherited = spec.inherited_volumes.contains_key(&cleaned(&volume.target));
        if inherited && volume.source.is_empty() {
            continue;
        }
        match as_bind(spec, volume) {
            Some(bind) => binds.push(bind),
            None => mounts.push(mount(spec, volume, engine)?),
        }
    }
    for (target, name) in &spec.inherited_volumes {
        mounts.push(json!({ "Type": "volume", "Source": name, "Target": target }));
    }
    for (target, source) in &spec.bound_files {
        mounts.push(json!({ "Type": "bind", "Source": source, "Target": target, "ReadOnly": true }));
    }
    for directory in file_directories(spec)? {
        mounts.push(json!({ "Type": "volume", "Target": directory }));
    }
    body.list("Binds", &binds);
    body.values("Mounts", mounts);
    let tmpfs: Map<String, Value> = spec.service.tmpfs.iter().map(|entry| tmpfs(entry)).collect();
    if !tmpfs.is_empty() {
        body.value("Tmpfs", tmpfs);
    }
    Ok(())
}

fn tmpfs(entry: &str) -> (String, Value) {
    let (path, options) = entry.split_once(':').unwrap_or((entry, ""));
    (path.to_owned(), json!(options))
}

/// The bind form, which creates a missing source on the engine and which Compose prefers for plain volumes.
fn as_bind(spec: &ContainerSpec, volume: &ServiceVolume) -> Option<String> {
    let source = match volume.r#type.as_str() {
        "bind" => {
            let plain = volume.bind.as_ref().is_none_or(|b| b.create_host_path.0 && b.recursive.is_empty());
            plain.then(|| volume.source.clone())?
        }
        "volume" => {
            let options = volume.volume.as_ref();
            let plain = options.is_none_or(|o| o.subpath.is_empty() && o.labels.is_empty() && !o.nocopy);
            spec.volume_names.get(&volume.source).filter(|_| plain)?.clone()
        }
        _ => return None,
    };
    let mut options = vec![if volume.read_only { "ro" } else { "rw" }];
    if let Some(bind) = &volume.bind {
        options.extend([bind.selinux.as_str(), bind.propagation.as_str()].into_iter().filter(|word| !word.is_empty()));
    }
    Some(format!("{source}:{}:{}", volume.target, options.join(",")))
}

fn mount(spec: &ContainerSpec, volume: &ServiceVolume, engine: &EngineInfo) -> Result<Value, TargetError> {
    if volume.r#type == "image" && !engine.api_at_least(1, 48) {
        return Err(TargetError::Unsupported {
            feature: format!("the image volume at {}", volume.target),
            needed: "1.48".to_owned(),
            found: engine.api_version.clone(),
        });
    }
    let named = spec.volume_names.get(&volume.source).filter(|_| volume.r#type == "volume");
    let mut body = Body::default();
    body.text("Type", &volume.r#type);
    body.text("Source", named.unwrap_or(&volume.source));
    body.text("Target", &cleaned(&volume.target));
    body.flag("ReadOnly", volume.read_only);
    body.text("Consistency", &volume.consistency);
    match volume.r#type.as_str() {
        "bind" => body.value("BindOptions", bind_options(volume.bind.as_ref())),
        "volume" => body.value("VolumeOptions", volume_options(volume)),
        "tmpfs" => body.value("TmpfsOptions", tmpfs_options(volume)),
        "image" => {
            let subpath = volume.image.as_ref().map(|image| image.subpath.as_str()).unwrap_or_default();
            let mut options = Body::default();
            options.text("Subpath", subpath);
            body.value("ImageOptions", options.finish());
        }
        _ => {}
    }
    Ok(body.finish())
}

fn bind_options(bind: Option<&VolumeBind>) -> Value {
    let mut body = Body::default();
    if let Some(bind) = bind {
        body.text("Propagation", &bind.propagation);
        body.flag("CreateMountpoint", bind.create_host_path.0);
        body.flag("NonRecursive", bind.recursive == "disabled");
        body.flag("ReadOnlyNonRecursive", bind.recursive == "writable");
        body.flag("ReadOnlyForceRecursive", bind.recursive == "readonly");
    }
    body.finish()
}

fn volume_options(volume: &ServiceVolume) -> Value {
    let mut body = Body::default();
    if let Some(options) = &volume.volume {
        body.flag("NoCopy", options.nocopy);
        body.map("Labels", &options.labels);
        body.text("Subpath", &options.subpath);
    }
    body.finish()
}

fn tmpfs_options(volume: &ServiceVolume) -> Value {
    let mut body = Body::default();
    if let Some(options) = &volume.tmpfs {
        body.number("SizeBytes", options.size.0);
        body.number("Mode", i64::from(options.mode));
    }
    body.finish()
}

/// Directories that get an anonymous volume so that files can be put into them: a read-only root cannot be written even
/// before the container starts.
fn file_directories(spec: &ContainerSpec) -> Result<Vec<String>, TargetError> {
    let mut directories = Vec::new();
    if !spec.service.read_only {
        return Ok(directories);
    }
    for file in &spec.files {
        let directory = parent(&file.target);
        let mounted = spec.service.volumes.iter().any(|v| within(directory, &cleaned(&v.target)))
            || spec.inherited_volumes.keys().any(|path| within(directory, path))
            || directories.iter().any(|known: &String| within(directory, known));
        if mounted {
            continue;
        }
        if directory == "/" {
            return Err(super::refused(
                spec,
                format!(
                    "{} cannot be put into the root directory of a read-only container; give it a `target` in a directory of its own",
                    file.target
                ),
            ));
        }
        directories.push(directory.to_owned());
    }
    Ok(directories)
}

/// The directory a path is in: `/run/secrets` of `/run/secrets/token`.
pub(in crate::engine::docker) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((directory, _)) => directory,
    }
}

fn within(path: &str, directory: &str) -> bool {
    path == directory || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// Without repeated or trailing slashes and `.` parts.
fn cleaned(path: &str) -> String {
    // The engine refuses a relative one.
    if !path.starts_with('/') {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            other => parts.push(other),
        }
    }
    format!("/{}", parts.join("/"))
}
