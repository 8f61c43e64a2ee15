//! Hosts that are no services of the stack: a public URL, a certificate seen from outside.
//! Reads a question or an address; returns the answer or a stream, straight from this machine.
//! Never follows a redirect, never goes through a proxy, never takes a certificate this machine does not trust.

use std::time::Duration;

use tokio::net::TcpStream;

use super::ProbeError;
use crate::target::BoxDuplex;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

pub(super) async fn connect(host: &str, port: u16) -> Result<BoxDuplex, ProbeError> {
    let address = format!("{host}:{port}");
    match tokio::time::timeout(CONNECT, TcpStream::connect(&address)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(ProbeError::Broken { what: address, reason: error.to_string() }),
        Err(_) => Err(ProbeError::Late { what: address, after: CONNECT }),
    }
}
