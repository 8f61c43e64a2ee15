//! Host ports that are taken: which one, and by whom.
//! Reads the engine's refusal and its running containers; returns a `PortTaken`.
//! Never looks at processes: the engine may be on another machine.

use std::time::Duration;

use crate::engine::docker::connection::Connection;
use crate::engine::docker::observe;
use crate::target::{PortOwner, TargetError};

/// From a container's allocation of a host port until the engine lists it, and some more.
const BEING_STARTED: Duration = Duration::from_millis(400);

/// The port in a refusal: `Bind for 0.0.0.0:8080 failed: port is already allocated`,
/// `listen tcp4 127.0.0.1:8080: bind: address already in use`.
pub(super) fn taken(message: &str) -> Option<String> {
    let before = message
        .split_once(" failed: port is already allocated")
        .or_else(|| message.split_once(": bind: address already in use"))?
        .0;
    let address = before.rsplit(' ').next()?;
    address.contains(':').then(|| address.to_owned())
}

pub(super) async fn taken_error(connection: &Connection, port: String) -> TargetError {
    let number = port.rsplit(':').next().and_then(|n| n.parse::<u16>().ok());
    let publisher = || async { observe::publisher_of(connection, number?).await.ok().flatten() };
    let holder = match publisher().await {
        Some(holder) => Some(holder),
        // One that is just being started is not listed yet.
        None => {
            tokio::time::sleep(BEING_STARTED).await;
            publisher().await
        }
    };
    TargetError::PortTaken { port, holder: holder.map(PortOwner::Container) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_found_in_both_refusals() {
        let proxy = "driver failed programming external connectivity on endpoint x: Error starting userland proxy: \
                     listen tcp4 127.0.0.1:8080: bind: address already in use";
        assert_eq!(taken(proxy).as_deref(), Some("127.0.0.1:8080"));
        let engine = "driver failed: Bind for 0.0.0.0:80 failed: port is already allocated";
        assert_eq!(taken(engine).as_deref(), Some("0.0.0.0:80"));
        assert_eq!(taken("no such file"), None);
    }
}
