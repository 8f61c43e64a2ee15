//! Where an environment runs: a Docker engine, or one or more Kubernetes clusters.
//! Plain data; paths as they were written until `TargetConfig::in_directory` makes them absolute.
//! Never connects anywhere.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

/// Where an environment runs: exactly one of the two.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetConfig {
    /// A Docker engine.
    Docker(DockerTarget),
    /// Kubernetes clusters, deployed to one after the other.
    Kubernetes(Vec<KubernetesTarget>),
}

impl TargetConfig {
    /// Resolves relative paths against this directory and `~/` against the home directory.
    #[must_use]
    pub fn in_directory(self, directory: &Path, home: Option<&str>) -> Self {
        match self {
            Self::Docker(docker) => Self::Docker(docker.in_directory(directory, home)),
            Self::Kubernetes(mut clusters) => {
                for kubeconfig in clusters.iter_mut().filter_map(|cluster| cluster.kubeconfig.as_mut()) {
                    make_absolute(kubeconfig, directory, home);
                }
                Self::Kubernetes(clusters)
            }
        }
    }
}

fn make_absolute(path: &mut String, directory: &Path, home: Option<&str>) {
    let below_home = path.strip_prefix("~/").zip(home).map(|(rest, home)| Path::new(home).join(rest));
    *path = below_home.unwrap_or_else(|| directory.join(&*path)).display().to_string();
}

/// A Docker engine; default: DOCKER_HOST, DOCKER_CONTEXT or the current Docker context. What is set here takes precedence.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DockerTarget {
    /// `ssh://user@host`, `tcp://host:2376` or `unix:///path`.
    pub host: Option<String>,
    /// Name of a Docker context, instead of a host: `docker context ls` lists them.
    pub context: Option<String>,
    /// TLS for a `tcp://` host, instead of DOCKER_TLS_VERIFY and DOCKER_CERT_PATH.
    pub tls: Option<DockerTls>,
}

/// TLS to an engine: a directory with `ca.pem`, `cert.pem` and `key.pem`, or the files one by one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum DockerTls {
    /// Directory with `ca.pem` and, where the engine wants a client certificate, `cert.pem` and `key.pem`.
    Directory(String),
    /// The files one by one.
    Files(DockerTlsFiles),
}

/// Files for TLS, PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DockerTlsFiles {
    /// Authorities the engine's certificate is checked with; those of this machine when absent.
    pub ca: Option<String>,
    /// The certificate that is shown to the engine.
    pub cert: Option<String>,
    /// Its private key.
    pub key: Option<String>,
    /// Whether the engine's certificate and name are checked; true by default.
    pub verify: Option<bool>,
}

impl DockerTarget {
    /// Whether an engine is named at all.
    pub fn names_engine(&self) -> bool {
        self.host.is_some() || self.context.is_some()
    }

    /// The same with the paths of its TLS files taken from this directory; `~/` is the home directory.
    #[must_use]
    pub fn in_directory(mut self, directory: &Path, home: Option<&str>) -> Self {
        let absolute = |path: &mut String| make_absolute(path, directory, home);
        match &mut self.tls {
            Some(DockerTls::Directory(folder)) => absolute(folder),
            Some(DockerTls::Files(files)) => {
                [&mut files.ca, &mut files.cert, &mut files.key].into_iter().flatten().for_each(absolute);
            }
            None => {}
        }
        self
    }
}

/// One Kubernetes cluster.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KubernetesTarget {
    /// The context in the kubeconfig.
    pub context: String,
    /// UID of the `kube-system` namespace; a context that points to another cluster is refused.
    #[serde(default)]
    pub cluster_uid: Option<String>,
    /// The kubeconfig file; default: the standard one.
    #[serde(default)]
    pub kubeconfig: Option<String>,
    /// The namespace of the environment; none for that of the context.
    #[serde(skip)]
    pub namespace: Option<String>,
}
