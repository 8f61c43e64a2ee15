//! Finding a cluster in the kubeconfig and connecting to it.
//! Reads kubeconfig files; returns a cluster whose context, namespace and identity are what was asked for.
//! Never falls back to another context, and runs no command that a project's own kubeconfig names.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::Api;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::sync::Mutex;

use super::KubernetesCluster;
use super::error_mapping::map;
use crate::error::{innermost, nearest};
use crate::event::Changes;
use crate::project::KubernetesTarget;
use crate::secret::Redactor;
use crate::target::TargetError;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);

/// The namespace whose UID is the identity of a cluster.
const IDENTITY: &str = "kube-system";

/// A cluster that was found in the kubeconfig.
pub struct FoundCluster {
    wanted: KubernetesTarget,
    kubeconfig: Kubeconfig,
    address: String,
    read_only: bool,
    changes: Changes,
    redactor: Arc<Redactor>,
}

/// What the process environment says of kubeconfig files.
pub struct KubeEnvironment<'e> {
    /// `KUBECONFIG`: paths separated by colons.
    pub kubeconfig: Option<&'e str>,
    /// The home directory.
    pub home: Option<&'e str>,
}

/// Finds the context. Nothing is connected to.
pub fn locate(wanted: &KubernetesTarget, environment: &KubeEnvironment<'_>) -> Result<FoundCluster, TargetError> {
    let paths = paths(wanted, environment);
    let kubeconfig = read(&paths)?;
    let names: Vec<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
    let Some(named) = kubeconfig.contexts.iter().find(|context| context.name == wanted.context) else {
        let near = nearest(&wanted.context, names.iter().copied()).map(str::to_owned);
        let files: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let reason = format!("no context `{}` in {}", wanted.context, files.join(", "));
        return Err(TargetError::BadCluster { reason, nearest: near });
    };
    let context = named.context.clone().unwrap_or_default();
    if wanted.kubeconfig.is_some() && runs_a_command(&kubeconfig, context.user.as_deref()) {
        let reason = format!(
            "the kubeconfig that aictl.yaml names runs a command to get credentials for context `{}`; \
             to allow that, name the file in KUBECONFIG instead",
            wanted.context
        );
        return Err(TargetError::BadCluster { reason, nearest: None });
    }
    let server = kubeconfig.clusters.iter().find(|cluster| cluster.name == context.cluster);
    let server = server.and_then(|cluster| cluster.cluster.as_ref()?.server.clone());
    let Some(server) = server else {
        let reason =
            format!("context `{}` names the cluster `{}`, which has no server", wanted.context, context.cluster);
        return Err(TargetError::BadCluster { reason, nearest: None });
    };
    Ok(FoundCluster {
        wanted: wanted.clone(),
        kubeconfig,
        address: server,
        read_only: false,
        changes: Changes::default(),
        redactor: Arc::default(),
    })
}

/// The files to read, as kubectl finds them.
fn paths(wanted: &KubernetesTarget, environment: &KubeEnvironment<'_>) -> Vec<PathBuf> {
    if let Some(path) = &wanted.kubeconfig {
        return vec![PathBuf::from(path)];
    }
    let listed = environment.kubeconfig.filter(|paths| !paths.is_empty());
    match listed {
        Some(paths) => std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => vec![Path::new(environment.home.unwrap_or("/")).join(".kube/config")],
    }
}

/// Reads and merges the files; of several, those that do not exist are passed over, as kubectl does.
fn read(paths: &[PathBuf]) -> Result<Kubeconfig, TargetError> {
    let bad = |path: &Path, reason: String| TargetError::BadCluster {
        reason: format!("kubeconfig {}: {reason}", path.display()),
        nearest: None,
    };
    let mut merged: Option<Kubeconfig> = None;
    for path in paths {
        if paths.len() > 1 && !path.exists() {
            continue;
        }
        let next = Kubeconfig::read_from(path).map_err(|error| bad(path, innermost(&error)))?;
        merged = Some(match merged {
            None => next,
            Some(before) => before.merge(next).map_err(|error| bad(path, innermost(&error)))?,
        });
    }
    merged.ok_or_else(|| bad(paths.first().map_or(Path::new(""), PathBuf::as_path), "no such file".to_owned()))
}

fn runs_a_command(kubeconfig: &Kubeconfig, user: Option<&str>) -> bool {
    let user = kubeconfig.auth_infos.iter().find(|known| Some(known.name.as_str()) == user);
    let user = user.and_then(|named| named.auth_info.as_ref());
    user.is_some_and(|user| user.exec.is_some() || user.auth_provider.is_some())
}

impl FoundCluster {
    /// The context.
    pub fn name(&self) -> &str {
        &self.wanted.context
    }

    /// The address of the API server.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The same cluster without a way to change it.
    #[must_use]
    pub fn read_only(self) -> Self {
        Self { read_only: true, ..self }
    }

    /// The same cluster, telling a watcher before it is changed.
    #[must_use]
    pub fn telling(self, changes: &Changes) -> Self {
        Self { changes: changes.clone(), ..self }
    }

    /// The same cluster, telling a redactor what must not be shown.
    #[must_use]
    pub fn redacting(self, redactor: &Arc<Redactor>) -> Self {
        Self { redactor: redactor.clone(), ..self }
    }

    /// Connects, and refuses a cluster whose identity is another than the one aictl.yaml names.
    pub async fn connect(&self) -> Result<KubernetesCluster, TargetError> {
        let bad = |reason: String| TargetError::BadCluster { reason, nearest: None };
        let options = KubeConfigOptions { context: Some(self.wanted.context.clone()), ..Default::default() };
        let config = Config::from_custom_kubeconfig(self.kubeconfig.clone(), &options).await;
        let mut config =
            config.map_err(|error| bad(format!("context `{}`: {}", self.wanted.context, innermost(&error))))?;
        config.connect_timeout = Some(CONNECT);
        let namespace = self.wanted.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config);
        let client =
            client.map_err(|error| bad(format!("context `{}`: {}", self.wanted.context, innermost(&error))))?;
        let cluster = KubernetesCluster {
            client,
            address: self.address.clone(),
            namespace,
            read_only: self.read_only,
            changes: self.changes.clone(),
            redactor: self.redactor.clone(),
            kinds: Mutex::default(),
        };
        if let Some(pinned) = &self.wanted.cluster_uid {
            let found = cluster.uid().await?;
            if *pinned != found {
                let reason = format!(
                    "context `{}` leads to the cluster with UID {found}, aictl.yaml names {pinned}",
                    self.wanted.context
                );
                return Err(bad(reason));
            }
        }
        Ok(cluster)
    }
}

impl KubernetesCluster {
    /// The identity of the cluster: the UID of its `kube-system` namespace.
    pub(super) async fn uid(&self) -> Result<String, TargetError> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let found = namespaces.get(IDENTITY).await;
        let found = found.map_err(|error| map(&self.address, "reading the identity of the cluster", error))?;
        Ok(found.metadata.uid.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig(user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: 'https://k:6443'}}}}]\n\
             users: [{{name: u, user: {user}}}]\ncontexts: [{{name: prod, context: {{cluster: c, user: u}}}}]\n"
        )
    }

    fn wanted(context: &str, kubeconfig: Option<String>) -> KubernetesTarget {
        KubernetesTarget { context: context.to_owned(), kubeconfig, ..Default::default() }
    }

    #[test]
    fn the_context_is_found_or_the_nearest_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, kubeconfig("{token: t}")).unwrap();
        let path = file.display().to_string();
        let environment = KubeEnvironment { kubeconfig: Some(&path), home: None };
        assert_eq!(locate(&wanted("prod", None), &environment).unwrap().address(), "https://k:6443");
        let error = locate(&wanted("prd", None), &environment).err().unwrap();
        assert_eq!(
            error,
            TargetError::BadCluster { reason: format!("no context `prd` in {path}"), nearest: Some("prod".to_owned()) }
        );
        let both = format!("/nowhere/config:{path}");
        let environment = KubeEnvironment { kubeconfig: Some(&both), home: None };
        assert!(locate(&wanted("prod", None), &environment).is_ok());
        let environment = KubeEnvironment { kubeconfig: None, home: Some("/nowhere") };
        let error = locate(&wanted("prod", None), &environment).err().unwrap().to_string();
        assert!(error.starts_with("kubeconfig /nowhere/.kube/config: "), "{error}");
    }

    #[test]
    fn a_projects_own_kubeconfig_runs_no_command() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        let exec = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, args: [/tmp/owned]}}";
        std::fs::write(&file, kubeconfig(exec)).unwrap();
        let path = file.display().to_string();
        let environment = KubeEnvironment { kubeconfig: Some(&path), home: None };
        assert!(locate(&wanted("prod", None), &environment).is_ok(), "the operator named it");
        let error = locate(&wanted("prod", Some(path.clone())), &environment).err().unwrap().to_string();
        assert!(error.contains("runs a command"), "{error}");
    }
}
