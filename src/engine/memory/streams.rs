//! Exec, attach and logs in memory.
//! Reads the world and standard input; hands outputs over and returns exit codes.
//! Never streams in parts: programs in memory end at once or never.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::StreamExt;
use tokio::io::AsyncReadExt;

use super::MemoryEngine;
use super::perform::{finish, run_with};
use super::shell::{self, Surroundings};
use super::world::refused;
use crate::event::{Channel, LogLine, OutputStream};
use crate::plan::{InstanceState, ObservedInstance, labels};
use crate::target::{Exec, ExecArgs, ExecInput, LogArgs, LogStream, Logs, RunningExec, TargetError};

async fn read(input: ExecInput) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stdin) = input.stdin {
        let _ = stdin.read_to_end(&mut bytes).await;
    }
    bytes
}

impl MemoryEngine {
    /// What clients inside a container sent to its server, oldest first.
    pub fn sent(&self, container: &str) -> Vec<String> {
        self.world().get(container).map(|found| found.sent.clone()).unwrap_or_default()
    }

    /// The input of a client that runs until its server has taken it: the server keeps it.
    fn send(&self, container: &str, input: &[u8]) -> Result<(), TargetError> {
        let text = String::from_utf8_lossy(input).into_owned();
        let name = self.world().get(container)?.seen.name.clone();
        self.effect(format!("send a statement to {name}"), |world| {
            world.get(&name)?.sent.push(text);
            Ok(())
        })
    }
}

fn pieces(bytes: &[(Channel, u8)]) -> Vec<(Channel, Bytes)> {
    let parts = bytes.chunk_by(|a, b| a.0 == b.0);
    parts.map(|part| (part[0].0, part.iter().map(|(_, byte)| *byte).collect())).collect()
}

fn hand_over(output: &dyn OutputStream, bytes: &[(Channel, u8)]) {
    for (channel, bytes) in pieces(bytes) {
        if output.bytes(channel, &bytes).is_err() {
            return;
        }
    }
}

#[async_trait]
impl Exec for MemoryEngine {
    async fn exec_stream(&self, args: &ExecArgs, input: ExecInput) -> Result<RunningExec, TargetError> {
        self.alive()?;
        let input = read(input).await;
        let found = self.world().get(&args.container)?.clone();
        if found.seen.state != InstanceState::Running {
            return Err(refused(format!("running in {}", args.container), 409, "the container is not running"));
        }
        let own = found.spec.service.environment.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
        let given = args.environment.iter().filter_map(|pair| pair.split_once('='));
        let variables = own.chain(given.map(|(key, value)| (key.to_owned(), value.to_owned()))).collect();
        let mut around = Surroundings { variables, input: &input, files: &found.files };
        let no_program = shell::Ran { output: Vec::new(), code: Some(127) };
        let mut ran = shell::run(&args.command, &mut around).unwrap_or(no_program);
        let what = format!("running {} in {}", args.command.first().map_or("", String::as_str), args.container);
        if ran.code.is_none() && !input.is_empty() {
            self.send(&args.container, &input)?;
            ran.output = b"OK\n".map(|byte| (Channel::Stdout, byte)).to_vec();
        }
        let pieces: Vec<_> = pieces(&ran.output).into_iter().map(Ok).collect();
        let code = ran.code.unwrap_or_default();
        Ok(RunningExec::new(what, futures_util::stream::iter(pieces).boxed(), async move { Ok(code) }))
    }

    async fn run_attached(
        &self,
        container: &str,
        _: bool,
        input: ExecInput,
        output: &dyn OutputStream,
    ) -> Result<i64, TargetError> {
        self.alive()?;
        let input = read(input).await;
        let ran = self.told(|world| run_with(world, container, &input))?;
        let ran = ran.unwrap_or_default();
        hand_over(output, &ran.output);
        let code = ran.code.unwrap_or_default();
        self.told(|world| finish(world, container, ran))?;
        Ok(code)
    }
}

#[async_trait]
impl Logs for MemoryEngine {
    async fn logs(&self, container: &ObservedInstance, args: &LogArgs) -> Result<LogStream, TargetError> {
        self.alive()?;
        let mut world = self.world();
        let time = world.time();
        let found = world.get(&container.id)?;
        let project = found.seen.labels.get(labels::PROJECT).cloned().unwrap_or_default();
        let short = found.seen.name.strip_prefix(&project).and_then(|rest| rest.strip_prefix('-'));
        let source = short.unwrap_or(&found.seen.name).to_owned();
        let skip =
            args.tail.map_or(0, |tail| found.log.len().saturating_sub(usize::try_from(tail).unwrap_or(usize::MAX)));
        let line = |(channel, message): &(Channel, String)| {
            Ok(LogLine {
                source: source.clone(),
                service: found.seen.service.clone(),
                channel: *channel,
                time: Some(time.clone()),
                message: message.clone(),
            })
        };
        let lines: Vec<_> = found.log[skip..].iter().map(line).collect();
        Ok(futures_util::stream::iter(lines).boxed())
    }
}
