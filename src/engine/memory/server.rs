//! A scripted server behind a port of an in-memory container.
//! Returns the response once the request is complete.

use std::fmt;
use std::sync::Arc;

/// Answers a request once it is complete; an empty answer ends the connection.
pub(super) type Respond = Arc<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// A scripted server.
#[derive(Clone)]
pub(super) struct Server(pub(super) Respond);

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Server")
    }
}
