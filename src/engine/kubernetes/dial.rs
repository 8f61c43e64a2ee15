//! Connections to ports of pods by the API server's port-forward.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;

use super::KubernetesCluster;
use super::error_mapping::map;
use crate::plan::ObservedInstance;
use crate::target::{BoxDuplex, TargetError};

/// A refusal comes within this time, or not at all.
const REFUSAL: Duration = Duration::from_millis(30);

impl KubernetesCluster {
    pub(super) async fn forward(&self, pod: &ObservedInstance, port: u16) -> Result<BoxDuplex, TargetError> {
        let doing = format!("connecting to port {port} of {}", pod.name);
        let forwarder = self.here::<Pod>().portforward(&pod.name, &[port]).await;
        let mut forwarder = forwarder.map_err(|error| map(&self.address, &doing, error))?;
        let no_route = |reason: String| TargetError::NoRoute { container: pod.name.clone(), port, reason };
        let stream = forwarder.take_stream(port).ok_or_else(|| no_route("no stream was opened".to_owned()))?;
        if let Some(refused) = forwarder.take_error(port)
            && let Ok(Some(_)) = tokio::time::timeout(REFUSAL, refused).await
        {
            return Err(TargetError::NotListening { container: pod.name.clone(), port });
        }
        // It ends when the stream is dropped.
        tokio::spawn(async move {
            let _ = forwarder.join().await;
        });
        Ok(Box::new(stream))
    }
}
