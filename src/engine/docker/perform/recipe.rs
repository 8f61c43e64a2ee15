//! Building an image from a recipe this binary brings: by the engine from its Dockerfile, or by its own program.
//! Reads the embedded folder; returns the image's id, or the recipe's name with what its build said last.
//! Never leaves the unpacked folder behind.

use std::collections::VecDeque;
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use super::{Progress, created, image_build};
use crate::compose::model::Build;
use crate::engine::docker::{DockerEngine, images};
use crate::image::{Recipe, Recipes, Trouble, trouble_in};
use crate::output_file::{Content, Existing, OutputError, Rules, Scratch, Tree};
use crate::plan::{Outcome, RecipeBuild};
use crate::process;
use crate::target::TargetError;

/// Lines kept of a program's output.
const KEPT: usize = 20;

/// Variables a build may need to reach its package sources; Docker keeps them out of the image.
const PROXIES: [&str; 6] = ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

fn failed(wanted: &RecipeBuild, reason: String, log: Vec<String>) -> TargetError {
    let recipe = wanted.recipe.clone();
    match trouble_in(&log).or_else(|| trouble_in(std::slice::from_ref(&reason))) {
        Some(Trouble::NoNames { host }) => TargetError::NoNames { recipe, host, log },
        Some(Trouble::MirrorDown { url }) => TargetError::MirrorDown { recipe, url, log },
        Some(Trouble::DiskFull) => {
            TargetError::DiskFull { operation: format!("building {} from recipe {recipe}", wanted.image), reason }
        }
        None => TargetError::RecipeFailed { recipe, reason, log },
    }
}

pub(super) async fn build(
    engine: &DockerEngine,
    wanted: &RecipeBuild,
    progress: Progress<'_>,
) -> Result<Outcome, TargetError> {
    // Never closed, so a permit always comes.
    let _permit = engine.recipes.acquire().await;
    let local = |reason: String| failed(wanted, reason, Vec::new());
    let recipes = Recipes::embedded().map_err(|e| local(e.to_string()))?;
    let recipe = recipes.get(&wanted.recipe).map_err(|e| local(e.to_string()))?;
    let folder = Scratch::temporary("aictl-recipe-").map_err(|e| local(e.to_string()))?;
    unpack(recipe, folder.path()).map_err(|e| local(format!("unpacking it: {e}")))?;
    if recipe.is_script() {
        run_program(engine, wanted, folder.path(), progress).await?;
        return Ok(created(images::image(&engine.connection, &wanted.image).await?.id));
    }
    let proxies =
        PROXIES.iter().filter_map(|name| Some(((*name).to_owned(), Some(engine.environment.get(*name)?.clone()))));
    let section = Build {
        context: folder.path().display().to_string(),
        labels: wanted.labels.clone().into_iter().collect(),
        args: proxies.collect(),
        ..Build::default()
    };
    let image = image_build::BuildRequest {
        service: &wanted.recipe,
        image: &wanted.image,
        build: &section,
        platform: &None,
        no_cache: wanted.no_cache,
        pull: false,
    };
    image_build::build(engine, &image, progress).await.map_err(|error| match error {
        TargetError::BuildFailed { reason, log, .. } => failed(wanted, reason, log),
        other => other,
    })
}

fn unpack(recipe: &Recipe, folder: &Path) -> Result<(), OutputError> {
    let tree = Tree::create(folder)?;
    for file in &recipe.files {
        let content = if file.executable { Content::Program } else { Content::Plain };
        let rules = Rules { existing: Existing::Keep, content };
        tree.write(Path::new(&file.path), rules, &file.bytes)?;
    }
    Ok(())
}

/// `build TAG LABELS` in the recipe's folder, with this engine as Docker's.
async fn run_program(
    engine: &DockerEngine,
    wanted: &RecipeBuild,
    folder: &Path,
    progress: Progress<'_>,
) -> Result<(), TargetError> {
    let labels: Vec<String> = wanted.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    // Through bash: the folder may be on a disk that runs no programs.
    let local = |error: std::io::Error| failed(wanted, format!("its program could not be run: {error}"), Vec::new());
    let mut command = process::command("bash").map_err(local)?;
    command.arg("build").arg(&wanted.image).arg(labels.join(" ")).current_dir(folder);
    command.env("DOCKER_HOST", &engine.connection.engine.address).env_remove("DOCKER_CONTEXT");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(local)?;
    let kept = std::sync::Mutex::new(VecDeque::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let ((), (), ended) = tokio::join!(told(out, &kept, progress), told(err, &kept, progress), child.wait());
    let log: Vec<String> = kept.into_inner().unwrap_or_default().into();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(wanted, format!("its build script failed: {status}"), log)),
        Err(error) => Err(failed(wanted, error.to_string(), log)),
    }
}

async fn told(
    output: Option<impl AsyncRead + Unpin>,
    kept: &std::sync::Mutex<VecDeque<String>>,
    progress: Progress<'_>,
) {
    let Some(output) = output else { return };
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        progress.line(&line);
        if let Ok(mut kept) = kept.lock() {
            kept.push_back(line);
            if kept.len() > KEPT {
                kept.pop_front();
            }
        }
    }
}
