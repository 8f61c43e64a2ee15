//! Ports of containers in memory: scripted servers, and `nc -ll -p PORT -e cat`, which gives back what it gets.
//! Reads which server stands behind a service's port; returns one end of a pipe whose other end that server answers.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::MemoryEngine;
use super::server::Server;
use super::world::Container;
use crate::plan::{InstanceState, ObservedInstance};
use crate::target::{BoxDuplex, Dial, TargetError};

impl MemoryEngine {
    /// What answers on a port of every container of a service from now on: bytes so far → the answer, or nothing yet.
    pub fn serve(&self, service: &str, port: u16, respond: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync + 'static) {
        self.world().servers.insert((service.to_owned(), port), Server(Arc::new(respond)));
    }
}

/// The server a container's own command is.
fn of_command(container: &Container, port: u16) -> Option<Server> {
    let words: Vec<&str> = container.seen.docker.command.split(' ').collect();
    let listens = words.windows(2).any(|pair| pair[0] == "-p" && pair[1].parse() == Ok(port));
    (words.first() == Some(&"nc") && listens).then(|| Server(Arc::new(|bytes: &[u8]| Some(bytes.to_vec()))))
}

async fn answer(mut stream: DuplexStream, Server(respond): Server) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        request.extend_from_slice(&buffer[..length]);
        let Some(reply) = respond(&request) else { continue };
        if reply.is_empty() || stream.write_all(&reply).await.is_err() {
            return;
        }
        request.clear();
    }
}

#[async_trait]
impl Dial for MemoryEngine {
    async fn dial(&self, container: &ObservedInstance, port: u16) -> Result<BoxDuplex, TargetError> {
        self.alive()?;
        let mut world = self.world();
        let found = world.get(&container.id)?.clone();
        if found.seen.state != InstanceState::Running {
            let reason = format!("it is {}", found.seen.state.word());
            return Err(TargetError::NoRoute { container: found.seen.name, port, reason });
        }
        let scripted = world.servers.get(&(found.seen.service.clone(), port)).cloned();
        let Some(server) = scripted.or_else(|| of_command(&found, port)) else {
            return Err(TargetError::NotListening { container: found.seen.name, port });
        };
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::spawn(answer(theirs, server));
        Ok(Box::new(ours))
    }

    async fn close_helpers(&self) {}
}
