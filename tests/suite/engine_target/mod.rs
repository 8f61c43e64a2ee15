//! The engine an environment of aictl.yaml names: by host, by docker context, with TLS; and what cannot be honoured.

mod certificates;
mod contexts;
mod places;
mod port;
mod several;
mod tls;

pub use certificates::Authority;
pub use contexts::write_context;
pub use port::TlsPort;
