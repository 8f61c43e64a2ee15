//! Deploys and rollbacks over the engine in memory: each effect refused, killed and interrupted, and what serves then.

mod bake;
mod faults;
mod full_disk;
mod hold;
mod kills;
mod load;
mod load_client;
mod maintenance;
mod managed_proxy;
mod migrations;
mod notify;
mod process;
mod real;
mod refused;
mod rolling;
mod rotate;
mod rotate_data;
mod rotate_load;
mod saved_plan;
mod story;
mod under_load;
mod walk;
