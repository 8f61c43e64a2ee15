//! Deploys and rollbacks: settings from the project file, the proxy's configuration, stored releases, and the change itself.
//! Options that are not supported yet are rejected here, before connecting.

mod backup;
mod bake;
mod beside_release;
mod changes;
mod check_runner;
mod checks;
mod configuration;
mod drift;
mod edited_files;
mod env_file_edit;
mod find_secrets;
mod follow_release;
mod maintenance;
mod prepare;
mod proxy_config;
mod refusals;
mod releases;
mod responses;
mod resume;
mod rollback_data;
mod rolling_settings;
mod rotated_since;
mod rotation;
mod saved_plan;
mod secret_places;
mod settings;
mod ship;
mod start_proxy;
mod writes_hold;

pub use changes::{ConfigurationChange, configuration_changes};
pub use configuration::{Configuration, Keyed};
pub use drift::{Compared, release_drift};
pub use follow_release::{Followed, Following, has_release};
pub use maintenance::show_maintenance;
pub use prepare::{DeployWishes, Prepared};
pub use releases::{Current, Releases};
pub use resume::Resuming;
pub use rollback_data::RollbackData;
pub use rotation::{Rotation, rotate};
pub use saved_plan::{Approval, SavedFrom, check_saved_plan, load_saved_plan, open_saved_plan};
pub use settings::{DeploySettings, ProxySettings};
pub use ship::{PlannedDeploy, ShipReport, Shipment, Shipping};
pub use start_proxy::StartProxy;
pub use writes_hold::WritesHold;
