//! The files of the proxy's volume: configuration, one folder per set of sides, and the link to the one in use.

use std::collections::BTreeMap;
use std::io::Read as _;

use futures_util::TryStreamExt as _;

use crate::engine::docker::connection::Connection;
use crate::engine::docker::copy::{self, Archive, FileAccess};
use crate::plan::{Green, HoldScope, ObservedProxy, PROXY_FOLDER, sides_folder};
use crate::target::TargetError;

/// The configuration in use, the staged one, and the main file that checks it.
pub(super) const IN_USE: &str = "aictl.conf";
pub(super) const STAGED: &str = "aictl.next";
pub(super) const CHECK: &str = "aictl.check";
/// The link to the sides in use, and the one that takes its place.
pub(super) const CURRENT: &str = "current";
pub(super) const NEXT: &str = "current.next";
/// The link to the services whose requests are held, and the one that takes its place.
pub(super) const HOLD: &str = "hold";
pub(super) const NEXT_HOLD: &str = "hold.next";
/// The link to the folder that says whether clients get the maintenance page, and the one that takes its place.
pub(super) const MAINTENANCE: &str = "maintenance";
pub(super) const NEXT_MAINTENANCE: &str = "maintenance.next";
/// The file in it.
const ENABLED: &str = "enabled";
/// The image's own server, which a new volume inherits: ours takes its place.
const IMAGES_OWN: &str = "default.conf";

/// The main file of every nginx image.
const MAIN: &str = "/etc/nginx/nginx.conf";

/// The configuration in use, with the sides.
pub(super) fn in_place(configuration: &str, green: &Green) -> Result<Vec<u8>, TargetError> {
    let mut archive = Archive::default();
    sides(&mut archive, green)?;
    archive.link(CURRENT, &sides_folder(green))?;
    archive.file(IN_USE, configuration.as_bytes(), FileAccess::of_root(0o644))?;
    archive.file(IMAGES_OWN, b"", FileAccess::of_root(0o644))?;
    archive.finish()
}

/// The configuration beside the one in use, and a main file that reads it.
pub(super) fn staged(configuration: &str, main: &str) -> Result<Vec<u8>, TargetError> {
    let mut archive = Archive::default();
    archive.file(STAGED, configuration.as_bytes(), FileAccess::of_root(0o644))?;
    archive.file(CHECK, main.as_bytes(), FileAccess::of_root(0o644))?;
    archive.finish()
}

/// The sides, and a link to them that is not in use yet.
pub(super) fn next_sides(green: &Green) -> Result<Vec<u8>, TargetError> {
    let mut archive = Archive::default();
    sides(&mut archive, green)?;
    archive.link(NEXT, &sides_folder(green))?;
    archive.finish()
}

/// The services whose requests are held, and a link to them that is not in use yet. Without services none are.
pub(super) fn next_hold(services: &[String], scope: HoldScope) -> Result<Vec<u8>, TargetError> {
    let mut archive = Archive::default();
    let names = services.iter().cloned().collect();
    let folder = format!("holds/{}-{}", scope.folder(), sides_folder(&names).trim_start_matches("sides/"));
    archive.directory("holds", 0o755)?;
    archive.directory(&folder, 0o755)?;
    archive.directory(&format!("{folder}/{}", scope.folder()), 0o755)?;
    for service in &names {
        archive.file(&format!("{folder}/{}/{service}", scope.folder()), b"", FileAccess::of_root(0o644))?;
    }
    archive.link(NEXT_HOLD, &folder)?;
    archive.finish()
}

/// A folder that shows the maintenance page or does not, and a link to it that is not in use yet.
pub(super) fn next_maintenance(on: bool) -> Result<Vec<u8>, TargetError> {
    let mut archive = Archive::default();
    let folder = if on { "pages/maintenance" } else { "pages/none" };
    archive.directory("pages", 0o755)?;
    archive.directory(folder, 0o755)?;
    if on {
        archive.file(&format!("{folder}/{ENABLED}"), b"", FileAccess::of_root(0o644))?;
    }
    archive.link(NEXT_MAINTENANCE, folder)?;
    archive.finish()
}

fn sides(archive: &mut Archive, green: &Green) -> Result<(), TargetError> {
    let folder = sides_folder(green);
    archive.directory("sides", 0o755)?;
    archive.directory(&folder, 0o755)?;
    for service in green {
        archive.file(&format!("{folder}/{service}"), b"", FileAccess::of_root(0o644))?;
    }
    Ok(())
}

/// The image's main file, reading the staged configuration in place of everything in the folder.
pub(super) async fn main_file(connection: &Connection, proxy: &str) -> Result<String, TargetError> {
    let files = unpacked(connection, proxy, MAIN).await?;
    let text = files.into_values().find_map(|entry| match entry {
        Entry::File(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Entry::Link(_) => None,
    });
    let all = format!("{PROXY_FOLDER}/*.conf");
    match text {
        Some(text) if text.contains(&all) => Ok(text.replace(&all, &format!("{PROXY_FOLDER}/{STAGED}"))),
        _ => Err(TargetError::Refused {
            operation: format!("reading {MAIN} of {proxy}"),
            status: 0,
            message: format!("it does not include {all}"),
        }),
    }
}

/// What the volume holds.
pub(super) async fn read(connection: &Connection, container: &str) -> Result<ObservedProxy, TargetError> {
    let found = match unpacked(connection, container, PROXY_FOLDER).await {
        Ok(found) => found,
        Err(TargetError::NotFound { kind: "path", .. }) => BTreeMap::new(),
        Err(error) => return Err(error),
    };
    let configuration = found.get(IN_USE).and_then(|entry| match entry {
        Entry::File(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Entry::Link(_) => None,
    });
    let below = |link: &str| {
        let folder = match found.get(link) {
            Some(Entry::Link(target)) => format!("{target}/"),
            _ => return Vec::new(),
        };
        found.keys().filter_map(|path| path.strip_prefix(&folder)).map(str::to_owned).collect()
    };
    let name = |path: String| path.rsplit('/').next().map(str::to_owned);
    Ok(ObservedProxy {
        green: below(CURRENT).into_iter().collect(),
        held: below(HOLD).into_iter().filter_map(name).collect(),
        maintenance: below(MAINTENANCE).iter().any(|file| file == ENABLED),
        configuration,
    })
}

enum Entry {
    File(Vec<u8>),
    Link(String),
}

/// Files and links below a path by their names there.
async fn unpacked(
    connection: &Connection,
    container: &str,
    path: &str,
) -> Result<BTreeMap<String, Entry>, TargetError> {
    let bytes = copy::get(connection, container, path).try_collect::<Vec<_>>().await?.concat();
    entries(&bytes).map_err(|e| TargetError::Broken { operation: format!("reading {path}"), message: e.to_string() })
}

fn entries(bytes: &[u8]) -> std::io::Result<BTreeMap<String, Entry>> {
    let mut found = BTreeMap::new();
    for entry in tar::Archive::new(bytes).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.display().to_string();
        let name = path.split_once('/').map_or(path.as_str(), |(_, below)| below).to_owned();
        if entry.header().entry_type().is_symlink() {
            let target = entry.link_name()?.map(|target| target.display().to_string()).unwrap_or_default();
            found.insert(name, Entry::Link(target));
        } else if entry.header().entry_type().is_file() {
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            found.insert(name, Entry::File(content));
        }
    }
    Ok(found)
}
