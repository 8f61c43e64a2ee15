//! `aictl cp`: files and directories between a service's containers and this machine, as tar archives.
//! Reads and writes local files and the engine's archives; `-` is an archive on standard input or output.
//! Never holds a whole archive, and never writes outside the destination.

mod channel;
mod copied;
mod pack;
mod rules;
mod unpack;

use std::ffi::OsString;
use std::sync::Arc;

use clap::Args;
use futures_util::StreamExt;

use crate::error::Result;
use crate::event::Channel;
use crate::output_file::{OutputFile, Rules};
use crate::plan::{Observed, ObservedInstance};
use crate::session::attached_process::Passed;
use crate::session::load::{LoadedStack, load_named};
use crate::session::report::{Said, one_of_reports, to_json};
use crate::session::select;
use crate::session::{Context, WorkflowError};
use crate::target::{Target, TargetError};
use copied::Copied;
use rules::{CopyEndpoint, CopySource};

/// Copy files between a service container and the local filesystem
#[derive(Debug, Clone, Default, Args)]
pub struct CpArgs {
    /// SERVICE:PATH, a local path, or - for a tar archive from standard input
    pub source: String,
    /// SERVICE:PATH, a local path, or - for a tar archive to standard output
    pub destination: String,
    /// Archive mode (copy all uid/gid information)
    #[arg(short = 'a', long)]
    pub archive: bool,
    /// Always follow symbolic links in the source path
    #[arg(short = 'L', long)]
    pub follow_link: bool,
    /// Index of the container if the service has several; by default files are copied to all of them
    #[arg(long, value_name = "N")]
    pub index: Option<u32>,
}

one_of_reports! {
    /// Report of `cp`.
    pub enum CpReport {
        /// A tar archive was streamed to or from standard input or output.
        Streamed(Passed),
        /// The copied files, or those a dry run would copy.
        Copied(Said),
    }
}

/// Copies.
pub async fn run(context: &Context, args: CpArgs) -> Result<CpReport> {
    let (from, to) = (CopyEndpoint::of(&args.source), CopyEndpoint::of(&args.destination));
    for (name, text, endpoint) in [("source", &args.source, &from), ("destination", &args.destination, &to)] {
        if endpoint.is_empty() {
            return Err(WorkflowError::usage(format!("the {name} `{text}` has no path")).into());
        }
    }
    let service = match (&from, &to) {
        (CopyEndpoint::Inside { service, .. }, CopyEndpoint::Local(_) | CopyEndpoint::Stream) => service,
        (CopyEndpoint::Local(_) | CopyEndpoint::Stream, CopyEndpoint::Inside { service, .. }) => service,
        _ => {
            return Err(WorkflowError::usage(
                "exactly one of SOURCE and DESTINATION must be SERVICE:PATH, the other a local path or -",
            )
            .into());
        }
    };
    let loaded = load_named(context)?;
    let target = loaded.connect(context).await?;
    let observed = target.observe(&loaded.narrow_scope()).await?;
    let containers = containers(&loaded, &observed, service, args.index)?;
    if context.options.dry_run {
        let names: Vec<&str> = containers.iter().map(|c| c.name.as_str()).collect();
        let line = format!("copy {} to {} ({})", args.source, args.destination, names.join(", "));
        return Ok(Said { value: to_json(&[&line]), lines: vec![line] }.into());
    }
    let copy = Copy { context, target: &target, args: &args };
    tokio::select! {
        done = async {
            match (&from, &to) {
                (CopyEndpoint::Inside { path, .. }, to) => copy.outward(containers[0], path, to).await,
                (from, CopyEndpoint::Inside { path, .. }) => copy.inward(&containers, from, path).await,
                _ => Ok(Passed::default().into()),
            }
        } => done,
        () = context.interrupted() => Err(WorkflowError::Interrupted.into()),
    }
}

/// The containers meant, at least one: running or not, files can be copied.
fn containers<'a>(
    loaded: &LoadedStack,
    observed: &'a Observed,
    service: &str,
    index: Option<u32>,
) -> Result<Vec<&'a ObservedInstance>> {
    let first = select::one(loaded.stack.as_ref(), observed, service, index)?;
    if index.is_some() {
        return Ok(vec![first]);
    }
    let mut all = vec![first];
    let others = select::containers(observed, &[service.to_owned()]);
    all.extend(others.into_iter().filter(|c| c.id != first.id));
    Ok(all)
}

struct Copy<'a> {
    context: &'a Context,
    target: &'a Arc<dyn Target>,
    args: &'a CpArgs,
}

impl Copy<'_> {
    async fn outward(&self, container: &ObservedInstance, path: &str, to: &CopyEndpoint) -> Result<CpReport> {
        let (query, source) = self.found_inside(container, path).await?;
        let mut stream = self.target.copy_out(&container.id, &query).await?;
        let CopyEndpoint::Local(destination) = to else {
            while let Some(chunk) = stream.next().await {
                if let Err(error) = self.context.output.bytes(Channel::Stdout, &chunk?) {
                    return gone_or(error);
                }
            }
            return Ok(Passed::default().into());
        };
        let place = self.context.cwd.join(destination);
        let found = std::fs::metadata(&place).ok().map(|m| m.is_dir());
        let (directory, prefix) = rules::landing(destination, found, &source)?;
        let (mut directory, mut prefix) = (self.context.cwd.join(directory), OsString::from(prefix));
        if !source.is_dir && found != Some(true) {
            let out = OutputFile::open(&place, Rules::REPLACE)?;
            match out.location() {
                None => return self.copied(unpack::write_through(stream, out).await?),
                // Behind the links that lead there.
                Some((folder, name)) => (directory, prefix) = (folder.to_owned(), name.to_owned()),
            }
        }
        let options = unpack::Options { directory, prefix, bare: query.ends_with("/."), archive: self.args.archive };
        self.copied(unpack::unpack(stream, options).await?)
    }

    async fn inward(&self, containers: &[&ObservedInstance], from: &CopyEndpoint, path: &str) -> Result<CpReport> {
        let path = rules::absolute(path);
        let CopyEndpoint::Local(source) = from else { return self.stream_into(containers, &path).await };
        let tree = pack::Tree::open(&self.context.cwd, source, self.args.follow_link)?;
        let mut copied = Copied::default();
        for container in containers {
            let found = self.state(container, &path).await?;
            let (directory, prefix) = rules::landing(&path, found, &tree.source)?;
            copied = pack::pack(tree.clone(), prefix, |archive| async {
                Ok(self.target.copy_in(&container.id, &directory, archive).await?)
            })
            .await?;
        }
        self.copied(copied)
    }

    async fn stream_into(&self, containers: &[&ObservedInstance], path: &str) -> Result<CpReport> {
        let [container] = containers else {
            return Err(WorkflowError::usage("the service has several containers; choose one with --index").into());
        };
        if self.state(container, path).await? != Some(true) {
            return Err(rules::no_directory(path));
        }
        let archive = tokio_util::io::ReaderStream::new(self.context.console.stdin()).map(|chunk| {
            let broken = |e: std::io::Error| TargetError::Broken {
                operation: "reading standard input".to_owned(),
                message: e.to_string(),
            };
            chunk.map_err(broken)
        });
        self.target.copy_in(&container.id, path, archive.boxed()).await?;
        Ok(Passed::default().into())
    }

    fn copied(&self, copied: Copied) -> Result<CpReport> {
        for skipped in &copied.skipped {
            self.context.reporter.warn(skipped.clone());
        }
        Ok(Said { lines: Vec::new(), value: to_json(&copied) }.into())
    }

    /// Whether a path inside exists and is a directory, a link to one included.
    async fn state(&self, container: &ObservedInstance, path: &str) -> Result<Option<bool>> {
        let trimmed = rules::trimmed(path);
        match self.target.observe_path(&container.id, trimmed).await? {
            Some(false) => {
                // The engine describes the link; behind a slash it describes what the link points to.
                let behind = self.target.observe_path(&container.id, &format!("{trimmed}/.")).await;
                Ok(Some(matches!(behind, Ok(Some(true)))))
            }
            found => Ok(found),
        }
    }

    /// What to ask the engine for, and what it is.
    async fn found_inside(&self, container: &ObservedInstance, path: &str) -> Result<(String, CopySource)> {
        let path = rules::absolute(path);
        let (trimmed, contents) = (rules::trimmed(&path), rules::means_contents(&path));
        let name = rules::base(trimmed);
        let missing = || TargetError::NotFound { kind: "path", name: format!("{}:{path}", container.name) };
        let plain = self.target.observe_path(&container.id, trimmed).await?.ok_or_else(missing)?;
        let behind_slash = contents || path.ends_with('/');
        if plain && !contents {
            return Ok((trimmed.to_owned(), CopySource { name, is_dir: true, contents }));
        }
        if behind_slash || self.args.follow_link {
            if self.state(container, trimmed).await? == Some(true) {
                return Ok((
                    format!("{}/.", trimmed.trim_end_matches('/')),
                    CopySource { name, is_dir: true, contents },
                ));
            }
            if behind_slash {
                return Err(rules::no_directory(&path));
            }
        }
        let query = if self.args.follow_link { self.followed(container, trimmed).await? } else { trimmed.to_owned() };
        Ok((query, CopySource { name, is_dir: false, contents: false }))
    }

    /// The file a link inside leads to, over any number of links.
    async fn followed(&self, container: &ObservedInstance, path: &str) -> Result<String> {
        let mut path = path.to_owned();
        for _ in 0..40 {
            let mut stream = self.target.copy_out(&container.id, &path).await?;
            let mut head = Vec::new();
            while head.len() < 512
                && let Some(chunk) = stream.next().await
            {
                head.extend_from_slice(&chunk?);
            }
            match rules::link_target(&head) {
                Some(target) => path = rules::beside(&path, &target),
                None => return Ok(path),
            }
        }
        Err(WorkflowError::File { path, reason: "too many symbolic links".to_owned() }.into())
    }
}

/// A reader of the archive that went away is no failure.
fn gone_or(error: std::io::Error) -> Result<CpReport> {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => Ok(Passed::default().into()),
        _ => Err(WorkflowError::File { path: "standard output".to_owned(), reason: error.to_string() }.into()),
    }
}
