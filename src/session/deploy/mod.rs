//! Deploys and rollbacks: settings from the project file, the proxy's configuration, stored releases, and the change itself.
//! Options that are not supported yet are rejected here, before connecting.

mod bake;
mod checks;
mod configuration;
mod follow_release;
mod proxy_config;
mod refusals;
mod releases;
mod responses;
mod settings;
mod ship;

pub use configuration::{Configuration, Keyed};
pub use follow_release::{Following, has_release};
pub use releases::Releases;
pub use settings::{DeploySettings, ProxySettings};
pub use ship::{ShipReport, Shipment, Shipping};
