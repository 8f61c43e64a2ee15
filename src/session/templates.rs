//! The templates of an environment: read from the project, rendered with its values.
//! Reads the named files and the `_*.tera` files beside them; returns finished files under their names in the project.
//! Never writes.

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::Result;
use crate::input_file::{Files, LocalFiles};
use crate::project::LoadedProject;
use crate::session::WorkflowError;
use crate::session::bounded_render;
use crate::template::{Rendered, SUFFIX, Scope, TemplateFile};

/// Renders the files that end in `.tera`; the others are read as they are. Order and number stay.
pub fn render_files(project: &LoadedProject, names: &[String]) -> Result<Vec<Rendered>> {
    let mut sources = Vec::new();
    for name in names {
        sources.push(source(project, name)?);
    }
    let folders: BTreeSet<&Path> = names.iter().filter_map(|name| Path::new(name).parent()).collect();
    for folder in folders {
        for name in partials(project, folder) {
            sources.push(source(project, &name)?);
        }
    }
    let scope = Scope {
        values: &project.values,
        environment: project.environment_name.as_deref().unwrap_or_default(),
        project: project.name().unwrap_or_default(),
    };
    Ok(bounded_render::render(&sources, &scope)?)
}

fn source(project: &LoadedProject, name: &str) -> Result<TemplateFile> {
    let path = project.directory.join(name);
    let unreadable = |error| WorkflowError::Configuration {
        message: format!("cannot read the template {}: {error}", path.display()),
        hint: None,
    };
    let text = LocalFiles.read_text(&path).map_err(unreadable)?;
    Ok(TemplateFile { name: name.to_owned(), text })
}

/// What templates of a folder can include: its `_*.tera`, in the order of their names.
fn partials(project: &LoadedProject, folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(project.directory.join(folder)) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut found: Vec<String> = names
        .filter(|name| name.starts_with('_') && name.ends_with(SUFFIX))
        .map(|name| folder.join(name).display().to_string())
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::input_file::LocalFiles;
    use crate::project::{ProjectArgs, load_project};

    #[test]
    fn templates_see_values_and_the_partials_beside_them() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        fs::create_dir(directory.path().join("deploy")).unwrap();
        write("aictl.yaml", "name: demo\nvalues: {port: 80}\n");
        write("compose.yaml.tera", "a: {{ values.port }}\n{% include \"_more.tera\" %}");
        write("_more.tera", "b: {{ project }}\n");
        write("deploy/x.yaml.tera", "{% include \"deploy/_y.tera\" %}");
        write("deploy/_y.tera", "c: 1\n");
        write("plain.yaml", "{{ untouched }}\n");
        let project = {
            let args = ProjectArgs { directory: directory.path(), file: None, environment: None, set: &[] };
            load_project(&args, &LocalFiles).unwrap()
        };
        let names = ["compose.yaml.tera", "plain.yaml", "deploy/x.yaml.tera"].map(str::to_owned);
        let files: Vec<(String, String)> =
            render_files(&project, &names).unwrap().into_iter().map(|file| (file.name, file.text)).collect();
        let expected =
            [("compose.yaml", "a: 80\nb: demo\n"), ("plain.yaml", "{{ untouched }}\n"), ("deploy/x.yaml", "c: 1\n")];
        assert_eq!(files, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
        let error = render_files(&project, &["absent.tera".to_owned()]).unwrap_err();
        let said = format!("cannot read the template {}: ", project.directory.join("absent.tera").display());
        assert!(error.to_string().starts_with(&said) && error.kind() == crate::error::ErrorKind::Config, "{error}");
    }
}
