//! Backup sets as data: the manifest that makes a set complete, its parts, and how snapshots belong together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::set_check::{SetCheck, is_set_check};

/// The tag of everything aictl writes.
pub const TAG: &str = "aictl";
/// The beginning of the tag that says which set a snapshot belongs to.
const SET_TAG: &str = "aictl-set=";
/// The beginning of the tag that says which project a snapshot is of.
const PROJECT_TAG: &str = "aictl-project=";
/// The beginning of a tag that the operator gave.
const OWN_TAG: &str = "tag=";
/// The tag of a manifest.
const MANIFEST_TAG: &str = "aictl-manifest";
/// The version of manifests this binary writes, and the newest it reads. The second knows Qdrant and Elasticsearch, the
/// third base backups and WAL of PostgreSQL.
pub const FORMAT: u32 = 3;
/// The tag of a set that was taken before a restore.
pub const SAFETY: &str = "safety";
/// The part with project files, rendered configuration and secrets.
pub const CONFIGURATION: &str = "configuration";
/// The name of the manifest in its snapshot.
pub const MANIFEST: &str = "manifest.json";

/// What kind of data a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartKind {
    /// Project files, rendered configuration, secrets, release records.
    Configuration,
    /// Dumps of PostgreSQL databases and the roles.
    Postgres,
    /// A Redis database file.
    Redis,
    /// Snapshots of Qdrant collections and the aliases.
    Qdrant,
    /// A snapshot of Elasticsearch indices and their definitions.
    Elasticsearch,
    /// Volumes as tar archives.
    Volume,
}

impl PartKind {
    /// The word for tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Qdrant => "qdrant",
            Self::Elasticsearch => "elasticsearch",
            Self::Volume => "volume",
        }
    }
}

/// One file of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartFile {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its digest, in hexadecimal.
    pub sha256: String,
    /// What it belongs to: the database, the path of the volume's mount, the path of a project file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub of: String,
    /// The permission bits of a project file; none where it may hold secrets: it is restored for its owner alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
}

/// One part of a set: the files of a service, or the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Name of the service, or `configuration`.
    pub name: String,
    /// Its kind.
    pub kind: PartKind,
    /// When its dump began, in milliseconds since 1970: its cut.
    pub started_ms: i64,
    /// The image it was taken from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// What else was recorded: versions, extensions, settings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
    /// Its files.
    pub files: Vec<PartFile>,
    /// Its snapshot.
    pub snapshot: String,
}

/// What a complete set consists of. It is written last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format.
    pub format: u32,
    /// Id of the set.
    pub set: String,
    /// Project.
    pub project: String,
    /// Environment of aictl.yaml.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Seconds since 1970.
    pub time: i64,
    /// Milliseconds between the first and the last cut of its data.
    pub skew_ms: i64,
    /// Bytes that the set added to the repository, compressed.
    #[serde(default)]
    pub added_bytes: u64,
    /// Whether it holds some of the project's services only, because they were named.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Its parts.
    pub parts: Vec<Part>,
}

impl Manifest {
    /// Bytes of all its files.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().flat_map(|part| &part.files).map(|file| file.bytes).sum()
    }

    /// The part of a service.
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }
}

/// Milliseconds between the first and the last cut of data; the configuration does not change meanwhile.
pub fn skew(parts: &[Part]) -> i64 {
    let cuts = || parts.iter().filter(|part| part.kind != PartKind::Configuration).map(|part| part.started_ms);
    cuts().max().zip(cuts().min()).map_or(0, |(last, first)| last - first)
}

/// What identifies the snapshots of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetId {
    /// Id of the set.
    pub set: String,
    /// Project.
    pub project: String,
    /// Tags of the operator.
    pub tags: Vec<String>,
}

impl SetId {
    /// The tags of its snapshots.
    pub fn tags(&self, manifest: bool) -> Vec<String> {
        let own = self.tags.iter().map(|tag| format!("{OWN_TAG}{tag}"));
        let fixed = [TAG.to_owned(), format!("{SET_TAG}{}", self.set), format!("{PROJECT_TAG}{}", self.project)];
        let manifest = manifest.then(|| MANIFEST_TAG.to_owned());
        fixed.into_iter().chain(own).chain(manifest).collect()
    }
}

/// A snapshot as far as sets need it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotFacts {
    /// Its id, in hexadecimal.
    pub id: String,
    /// Seconds since 1970.
    pub time: i64,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its tree, in hexadecimal.
    pub tree: String,
}

/// The snapshots of one set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSet {
    /// What identifies it.
    pub id: SetId,
    /// When its newest snapshot was made.
    pub time: i64,
    /// Its snapshots but the manifest.
    pub snapshots: Vec<SnapshotFacts>,
    /// The snapshot of its manifest.
    pub manifest: Option<SnapshotFacts>,
    /// What verifications and drills found; their snapshots are among the others.
    pub marks: Vec<SetCheck>,
}

/// The sets among snapshots, oldest first. Snapshots that aictl did not make belong to none.
pub fn group(snapshots: Vec<SnapshotFacts>) -> Vec<FoundSet> {
    let mut sets: BTreeMap<(String, String), FoundSet> = BTreeMap::new();
    for snapshot in snapshots {
        let tag = |prefix: &str| snapshot.tags.iter().find_map(|tag| tag.strip_prefix(prefix)).map(str::to_owned);
        let (Some(set), Some(project)) = (tag(SET_TAG), tag(PROJECT_TAG)) else { continue };
        let tags = snapshot.tags.iter().filter_map(|tag| tag.strip_prefix(OWN_TAG)).map(str::to_owned).collect();
        let id = SetId { set: set.clone(), project: project.clone(), tags };
        let empty = FoundSet {
            id,
            time: if is_set_check(&snapshot.tags) { 0 } else { snapshot.time },
            snapshots: Vec::new(),
            manifest: None,
            marks: Vec::new(),
        };
        let found = sets.entry((project, set)).or_insert(empty);
        if is_set_check(&snapshot.tags) {
            found.marks.extend(SetCheck::of(&snapshot.tags));
            found.snapshots.push(snapshot);
            continue;
        }
        found.time = found.time.max(snapshot.time);
        match snapshot.tags.iter().any(|tag| tag == MANIFEST_TAG) {
            true => found.manifest = Some(snapshot),
            false => found.snapshots.push(snapshot),
        }
    }
    let mut sets: Vec<FoundSet> = sets.into_values().collect();
    sets.sort_by_key(|set| set.time);
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_of_a_set_belong_together_and_others_to_none() {
        let id = |set: &str| SetId { set: set.into(), project: "shop".into(), tags: vec!["night".into()] };
        let of =
            |set: &str, time: i64, manifest| SnapshotFacts { time, tags: id(set).tags(manifest), ..Default::default() };
        let foreign = SnapshotFacts { time: 9, tags: vec!["home".into()], ..Default::default() };
        let sets = group(vec![of("b", 5, true), of("a", 2, false), foreign, of("b", 4, false)]);
        let seen: Vec<_> =
            sets.iter().map(|s| (s.id.clone(), s.time, s.snapshots.len(), s.manifest.is_some())).collect();
        assert_eq!(seen, [(id("a"), 2, 1, false), (id("b"), 5, 1, true)]);
    }

    #[test]
    fn the_skew_is_between_the_first_and_the_last_cut_of_data() {
        let part = |kind, started_ms| Part {
            name: String::new(),
            kind,
            started_ms,
            image: String::new(),
            facts: BTreeMap::new(),
            files: Vec::new(),
            snapshot: String::new(),
        };
        let parts = [part(PartKind::Configuration, 1), part(PartKind::Postgres, 100), part(PartKind::Redis, 130)];
        assert_eq!((skew(&parts), skew(&parts[..1])), (30, 0));
    }
}
