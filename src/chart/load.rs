//! Files to a chart with its subcharts.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use aictl_gotemplate::Map;

use super::archive;
use super::error::ChartError;
use super::files::ChartFile;
use super::metadata::Metadata;
use super::yaml::{map_of, merged_map};

/// A chart as it was loaded. Clones share the contents of files and the default values.
#[derive(Clone)]
pub struct Chart {
    pub metadata: Metadata,
    /// The default values; never changed in place.
    pub values: Map,
    pub schema: Option<Arc<[u8]>>,
    pub templates: Rc<[ChartFile]>,
    /// What templates can read.
    pub files: Rc<[ChartFile]>,
    pub dependencies: Vec<Chart>,
}

impl Chart {
    /// The name, which is the alias once dependencies are processed.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }
}

/// Subcharts of subcharts that are loaded.
const DEEPEST: usize = 32;

/// Loads a chart from its files.
pub fn load(files: &[ChartFile]) -> Result<Chart, ChartError> {
    loaded(files, "", DEEPEST)
}

/// `at` is the chart's own path within the outermost chart, for errors.
fn loaded(files: &[ChartFile], at: &str, left: usize) -> Result<Chart, ChartError> {
    let Some(left) = left.checked_sub(1) else {
        let message = format!("charts nested more than {DEEPEST} levels deep");
        return Err(ChartError::File { file: at.to_owned(), message });
    };
    let metadata = metadata(files, at)?;
    let (mut values, mut schema) = (Map::new(), None);
    let (mut templates, mut others) = (Vec::new(), Vec::new());
    let mut subcharts: BTreeMap<&str, Vec<ChartFile>> = BTreeMap::new();
    for file in files {
        match file.name.as_str() {
            "Chart.yaml" | "Chart.lock" => {}
            "values.yaml" => values = merged_map(&format!("{at}{}", file.name), &file.text())?,
            "values.schema.json" => schema = Some(file.data.clone()),
            "requirements.yaml" | "requirements.lock" => {
                if metadata.api_version == "v1" {
                    others.push(file.clone());
                }
            }
            name if name.starts_with("templates/") => templates.push(file.clone()),
            name => match name.strip_prefix("charts/") {
                Some(rest) if !name.ends_with(".prov") => {
                    let first = rest.split('/').next().unwrap_or(rest);
                    subcharts.entry(first).or_default().push(ChartFile { name: rest.to_owned(), ..file.clone() });
                }
                _ => others.push(file.clone()),
            },
        }
    }
    let mut dependencies = Vec::new();
    for (name, files) in subcharts {
        if !name.starts_with(['_', '.']) {
            dependencies.push(subchart(name, files, (at, left))?);
        }
    }
    Ok(Chart { metadata, values, schema, templates: templates.into(), files: others.into(), dependencies })
}

fn metadata(files: &[ChartFile], at: &str) -> Result<Metadata, ChartError> {
    let mut metadata = Metadata::default();
    let wrong = |name: &str| {
        let file = format!("{at}{name}");
        move |message: String| ChartError::File { file, message }
    };
    for name in ["Chart.yaml", "requirements.yaml"] {
        let Some(file) = files.iter().find(|file| file.name == name) else {
            if name == "Chart.yaml" {
                return Err(wrong(name)("the file is missing".to_owned()));
            }
            continue;
        };
        let map = map_of(&ChartFile { name: format!("{at}{name}"), ..file.clone() })?;
        metadata.read(&map).map_err(wrong(name))?;
        if metadata.api_version.is_empty() {
            metadata.api_version = "v1".to_owned();
        }
    }
    metadata.check().map_err(wrong("Chart.yaml"))?;
    Ok(metadata)
}

fn subchart(name: &str, files: Vec<ChartFile>, (at, left): (&str, usize)) -> Result<Chart, ChartError> {
    if name.ends_with(".tgz") {
        let file = format!("{at}charts/{name}");
        let [archive] = &files[..] else {
            return Err(ChartError::File { file, message: "a folder with the name of an archive".to_owned() });
        };
        return loaded(&archive::unpacked(&file, &archive.data)?, &format!("{file}/"), left);
    }
    let below = |file: ChartFile| {
        let (_, rest) = file.name.split_once('/')?;
        Some(ChartFile { name: rest.to_owned(), data: file.data.clone() })
    };
    let files: Vec<ChartFile> = files.into_iter().filter_map(below).collect();
    loaded(&files, &format!("{at}charts/{name}/"), left)
}
