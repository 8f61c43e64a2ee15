//! Deploys and rollbacks: settings from the project file, the proxy's configuration, stored releases, and the change itself.
//! What a release does not support yet is refused here, before anything is connected to.

mod configuration;
mod follow_release;
mod proxy_config;
mod refusals;
mod releases;
mod settings;
mod ship;

pub use configuration::{Configuration, Keyed};
pub use follow_release::{Following, has_release};
pub use releases::Releases;
pub use settings::{DeploySettings, ProxySettings};
pub use ship::{ShipReport, Shipment, Shipping};
