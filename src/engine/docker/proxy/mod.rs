//! The reverse proxy's volume and its traffic: writing, checking and loading configuration, the switch, drain and probes.
//! Works on any nginx image with `mv -T` and `cat`; commands run as root, who owns the volume.

mod connections;
mod gate;
mod held_since;
mod request;
mod volume;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use bollard::query_parameters::KillContainerOptionsBuilder;

pub(super) use held_since::HeldSince;

use gate::Hold;

use volume::{CHECK, CURRENT, IN_USE, MAINTENANCE, NEXT, NEXT_MAINTENANCE, STAGED};

use super::DockerEngine;
use super::perform::Progress;
use super::{copy, error_mapping, exec};
use crate::event::{Channel, human};
use crate::plan::{ObservedInstance, ObservedProxy, Outcome, PROXY_FOLDER, ProbeRequest, ProxyOperation, Scope};
use crate::target::{ExecArgs, ExecInput, TargetError};

/// Two looks at the connections, and two probes, are this far apart.
const LOOK: Duration = Duration::from_millis(500);
const RETRY: Duration = Duration::from_millis(200);
/// A request that was let through just before the switch has its connection by then.
const SETTLED: Duration = Duration::from_secs(1);

/// A request through a proxy that a container must answer.
#[derive(Clone, Copy)]
struct Question<'a> {
    service: &'a str,
    proxy: &'a str,
    container: &'a str,
    request: &'a ProbeRequest,
}

/// What a command in the proxy gave.
struct Ran {
    code: i64,
    stdout: String,
    stderr: String,
}

impl DockerEngine {
    pub(super) async fn on_proxy(
        &self,
        operation: &ProxyOperation,
        progress: Progress<'_>,
    ) -> Result<Outcome, TargetError> {
        match operation {
            ProxyOperation::Write { proxy, configuration, staged: false, green, .. } => {
                let archive = volume::in_place(configuration, green)?;
                copy::put(&self.connection, proxy, PROXY_FOLDER, archive).await?;
                Ok(Outcome::default())
            }
            ProxyOperation::Write { proxy, configuration, .. } => self.stage(proxy, configuration).await,
            ProxyOperation::Check { proxy, .. } => {
                let check = format!("{PROXY_FOLDER}/{CHECK}");
                self.command(proxy, &["nginx", "-t", "-q", "-c", &check]).await.map(|_| Outcome::default())
            }
            ProxyOperation::Reload { proxy, .. } => self.reload(proxy).await,
            ProxyOperation::Switch { proxy, green, .. } => {
                copy::put(&self.connection, proxy, PROXY_FOLDER, volume::next_sides(green)?).await?;
                self.rename(proxy, NEXT, CURRENT).await?;
                Ok(Outcome::default())
            }
            ProxyOperation::Probe { service, proxy, container, request, timeout } => {
                self.probe(Question { service, proxy, container, request }, *timeout).await
            }
            ProxyOperation::Drain { proxy, container, timeout, .. } => {
                self.drain((proxy, container), *timeout, progress).await
            }
            ProxyOperation::Hold { project, proxy, services, scope, deadline } => {
                let (scope, deadline) = (*scope, *deadline);
                self.hold_requests(Hold { project, proxy, services, scope, deadline }).await
            }
            ProxyOperation::Release { project, proxy, .. } => self.release_requests(project, proxy).await,
            ProxyOperation::Maintenance { proxy, on, .. } => {
                copy::put(&self.connection, proxy, PROXY_FOLDER, volume::next_maintenance(*on)?).await?;
                self.rename(proxy, NEXT_MAINTENANCE, MAINTENANCE).await?;
                Ok(Outcome::default())
            }
        }
    }

    /// The configuration beside the one in use, and the image's own main file reading it instead.
    async fn stage(&self, proxy: &str, configuration: &str) -> Result<Outcome, TargetError> {
        let main = volume::main_file(&self.connection, proxy).await?;
        let archive = volume::staged(configuration, &main)?;
        copy::put(&self.connection, proxy, PROXY_FOLDER, archive).await?;
        Ok(Outcome::default())
    }

    /// The master process reads its files again at SIGHUP. It is number one of the container.
    async fn reload(&self, proxy: &str) -> Result<Outcome, TargetError> {
        self.rename(proxy, STAGED, IN_USE).await?;
        let options = KillContainerOptionsBuilder::default().signal("SIGHUP").build();
        let sent = self.connection.api.kill_container(proxy, Some(options)).await;
        sent.map_err(|e| error_mapping::map(&self.connection, &format!("reloading {proxy}"), e))?;
        Ok(Outcome::default())
    }

    async fn rename(&self, proxy: &str, from: &str, to: &str) -> Result<(), TargetError> {
        let (from, to) = (format!("{PROXY_FOLDER}/{from}"), format!("{PROXY_FOLDER}/{to}"));
        self.command(proxy, &["mv", "-T", &from, &to]).await.map(drop)
    }

    /// Runs a command that must end with 0.
    async fn command(&self, proxy: &str, words: &[&str]) -> Result<Ran, TargetError> {
        let ran = self.ran(proxy, words).await?;
        if ran.code == 0 {
            return Ok(ran);
        }
        let message = format!("exit code {}: {}", ran.code, ran.stderr.trim());
        Err(TargetError::Refused { operation: format!("running `{}` in {proxy}", words.join(" ")), status: 0, message })
    }

    async fn ran(&self, proxy: &str, words: &[&str]) -> Result<Ran, TargetError> {
        let args = ExecArgs {
            container: proxy.to_owned(),
            command: words.iter().map(|word| (*word).to_owned()).collect(),
            user: Some("0".to_owned()),
            ..ExecArgs::default()
        };
        let mut running = exec::exec_stream(&self.connection, &args, ExecInput::default()).await?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(piece) = running.next().await {
            let (channel, bytes) = piece?;
            if channel == Channel::Stdout { &mut stdout } else { &mut stderr }.extend_from_slice(&bytes);
        }
        let code = running.exit_code().await?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Ran { code, stdout: text(stdout), stderr: text(stderr) })
    }

    /// Asks until the container itself answers with something else than a server's error.
    async fn probe(&self, question: Question<'_>, timeout: Duration) -> Result<Outcome, TargetError> {
        let Question { service, proxy, request, .. } = question;
        let until = Instant::now() + timeout;
        let operation = format!("asking {service} for {} through {proxy}", request.path);
        loop {
            let failed = match self.asked(question).await {
                Ok(Ok(status)) => return Ok(Outcome { detail: Some(format!("HTTP {status}")), ..Outcome::default() }),
                Ok(Err(reason)) => TargetError::Refused { operation: operation.clone(), status: 0, message: reason },
                Err(error @ (TargetError::NotListening { .. } | TargetError::NoRoute { .. })) => error,
                Err(error) => return Err(error),
            };
            if Instant::now() >= until {
                return Err(failed);
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// The status, or why this answer does not count.
    async fn asked(&self, question: Question<'_>) -> Result<Result<u16, String>, TargetError> {
        let Question { proxy, container, request, .. } = question;
        let (proxy, wanted) = (self.container(proxy).await?, self.container(container).await?);
        let stream = self.dial_port(&proxy, request.port).await?;
        let answer = match request::ask(stream, request).await {
            Ok(answer) => answer,
            Err(reason) => return Ok(Err(reason)),
        };
        if answer.fingerprint != request.fingerprint {
            return Ok(Err(format!("HTTP {} by another configuration of the proxy", answer.status)));
        }
        if answer.status >= 500 {
            return Ok(Err(format!("HTTP {}{}", answer.status, answer.said())));
        }
        match answer.upstream {
            Some(upstream) if addresses(&wanted).contains(&upstream) => Ok(Ok(answer.status)),
            Some(upstream) => Ok(Err(format!("HTTP {} from {upstream} instead of {}", answer.status, wanted.name))),
            None => Ok(Err(format!("HTTP {} without the answer of a service", answer.status))),
        }
    }

    /// Until two looks in a row see no connection, or the timeout.
    async fn drain(
        &self,
        (proxy, container): (&str, &str),
        timeout: Duration,
        progress: Progress<'_>,
    ) -> Result<Outcome, TargetError> {
        // `drain: 0s` asks for no wait, and nothing depends on how many there are.
        if timeout.is_zero() {
            return Ok(Outcome::default());
        }
        let (addresses, name) = match self.container(container).await {
            Ok(found) => (addresses(&found), found.name),
            Err(TargetError::NotFound { .. }) => return Ok(Outcome::default()),
            Err(error) => return Err(error),
        };
        let began = Instant::now();
        let (mut empty, mut last) = (0, None);
        tokio::time::sleep(SETTLED.min(timeout)).await;
        while began.elapsed() < timeout {
            last = self.connections(proxy, &addresses).await.ok();
            empty = if last == Some(0) { empty + 1 } else { 0 };
            if empty == 2 {
                return Ok(Outcome::default());
            }
            if let Some(open) = last {
                let message = format!("{}, {}s", human::count(open, "connection"), began.elapsed().as_secs());
                progress.told(message, (None, None));
            }
            tokio::time::sleep(LOOK.min(timeout.saturating_sub(began.elapsed()))).await;
        }
        if last.is_none() {
            // Within a short timeout there was no look at all.
            last = self.connections(proxy, &addresses).await.ok();
        }
        Ok(Outcome { warnings: still_open(last, (&name, timeout)).into_iter().collect(), ..Outcome::default() })
    }

    /// How many connections the proxy has to the addresses. Never zero because something could not be read.
    async fn connections(&self, proxy: &str, addresses: &[IpAddr]) -> Result<usize, TargetError> {
        let four = self.command(proxy, &["cat", "/proc/net/tcp"]).await?.stdout;
        let six = self.ran(proxy, &["cat", "/proc/net/tcp6"]).await?;
        if six.code != 0 && !six.stderr.contains("No such file") {
            return Err(TargetError::Broken { operation: "reading connections".to_owned(), message: six.stderr });
        }
        Ok(connections::open(&four, addresses) + connections::open(&six.stdout, addresses))
    }

    /// The proxy's volume, through whichever container of the proxy has it.
    pub(super) async fn proxy_of(
        &self,
        scope: &Scope,
        instances: &[ObservedInstance],
    ) -> Result<Option<ObservedProxy>, TargetError> {
        let Some(service) = &scope.proxy else { return Ok(None) };
        let mounts = |c: &&ObservedInstance| {
            let mounted = c.docker.mounts.iter().any(|m| m.target == PROXY_FOLDER && m.kind == "volume");
            c.service == *service && !c.one_off && mounted
        };
        let Some(found) = instances.iter().filter(mounts).max_by_key(|c| c.state.is_up()) else { return Ok(None) };
        volume::read(&self.connection, &found.id).await.map(Some)
    }
}

fn addresses(container: &ObservedInstance) -> Vec<IpAddr> {
    container.docker.networks.values().filter_map(|(_, address)| address.parse().ok()).collect()
}

/// What a drain that is over has to say of the connections that were last seen.
fn still_open(last: Option<usize>, (container, timeout): (&str, Duration)) -> Option<String> {
    let seconds = timeout.as_secs();
    match last {
        Some(0) => None,
        Some(open) => Some(format!("{} to {container} still open after {seconds}s", human::count(open, "connection"))),
        None => Some(format!("the connections to {container} could not be read; waited for {seconds}s")),
    }
}
