//! YAML as Helm reads and writes it: sigs.k8s.io/yaml, which goes through JSON.

mod fold;
pub mod read;
pub mod resolve;
pub mod write;
