//! Holding requests: the proxy sends those that are held to a gate, a container that takes connections and answers none.
//! When it ends the kernel resets them, and nginx sends each request on, with its body, to its service. It ends by
//! itself at its deadline, so no hold outlives it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bollard::query_parameters::RemoveContainerOptionsBuilder;
use serde::Deserialize;
use serde_json::json;

use super::volume::{HOLD, NEXT_HOLD, next_hold};
use crate::engine::docker::confined::confined;
use crate::engine::docker::connection::Connection;
use crate::engine::docker::perform::start;
use crate::engine::docker::query::encoded;
use crate::engine::docker::state::ROLE;
use crate::engine::docker::static_image::{AARCH64, StaticImage, X86_64, elf};
use crate::engine::docker::{DockerEngine, copy};
use crate::plan::{HoldScope, InstanceState, ObservedInstance, Outcome, PROXY_FOLDER, gate_name, labels};
use crate::target::TargetError;

/// nginx knows the addresses of the names it looked up for two seconds.
const LOOKED_UP: Duration = Duration::from_millis(2200);
/// A request that saw the hold has its connection to the gate by then.
const CONNECTED: Duration = Duration::from_millis(300);

/// The role of the gate's container.
const GATE: &str = "gate";

const IMAGE: StaticImage =
    StaticImage { name: "aictl/gate:1", path: "/gate", folder: None, message: "aictl: gate of the proxy", program };

/// Requests to hold.
pub(super) struct Hold<'a> {
    pub(super) project: &'a str,
    pub(super) proxy: &'a str,
    pub(super) services: &'a [String],
    pub(super) scope: HoldScope,
    pub(super) deadline: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
}

impl DockerEngine {
    /// A new gate, then the file that sends requests to it; gates of earlier holds go.
    pub(super) async fn hold_requests(&self, hold: Hold<'_>) -> Result<Outcome, TargetError> {
        let Hold { project, proxy, services, scope, deadline } = hold;
        let network = network_of(&self.container(proxy).await?)?;
        let earlier = self.gates(project).await?;
        // Requests are held from the end of the wait below.
        let gate = self.create_gate(project, &network, deadline + LOOKED_UP).await?;
        start(&self.connection, &gate).await?;
        // The address of an earlier gate may still be remembered.
        tokio::time::sleep(LOOKED_UP).await;
        if self.container(&gate).await?.state != InstanceState::Running {
            return Err(cannot("the gate ended".to_owned()));
        }
        copy::put(&self.connection, proxy, PROXY_FOLDER, next_hold(services, scope)?).await?;
        self.rename(proxy, NEXT_HOLD, HOLD).await?;
        // A backup replaces no container: its addresses stay.
        self.held_since.set((scope == HoldScope::All).then(Instant::now));
        for gate in earlier {
            self.remove_gate(&gate).await?;
        }
        Ok(Outcome::default())
    }

    /// New requests pass, then those at the gate.
    pub(super) async fn release_requests(&self, project: &str, proxy: &str) -> Result<Outcome, TargetError> {
        if let Some(since) = self.held_since.set(None) {
            tokio::time::sleep(LOOKED_UP.saturating_sub(since.elapsed())).await;
        }
        copy::put(&self.connection, proxy, PROXY_FOLDER, next_hold(&[], HoldScope::All)?).await?;
        let opened = self.rename(proxy, NEXT_HOLD, HOLD).await;
        tokio::time::sleep(CONNECTED).await;
        for gate in self.gates(project).await? {
            self.remove_gate(&gate).await?;
        }
        opened.map(|()| Outcome::default())
    }

    async fn gates(&self, project: &str) -> Result<Vec<String>, TargetError> {
        let filters = json!({ "label": [format!("{}={project}", labels::AICTL_PROJECT), format!("{ROLE}={GATE}")] });
        let path = format!("/containers/json?all=1&filters={}", encoded(&filters.to_string()));
        let listed: Vec<Listed> = self.connection.get(&path, "looking for gates").await?;
        Ok(listed.into_iter().map(|gate| gate.id).collect())
    }

    async fn create_gate(&self, project: &str, network: &str, deadline: Duration) -> Result<String, TargetError> {
        let doing = format!("creating the gate of {project}");
        let body = container(project, network, deadline);
        let answer = match self.connection.post("/containers/create", &body, &doing).await {
            Err(TargetError::NotFound { kind: "image", .. }) => {
                IMAGE.import(&self.connection, &self.engine_info().await?.architecture).await?;
                self.connection.post("/containers/create", &body, &doing).await
            }
            answer => answer,
        };
        let created: serde_json::Value = serde_json::from_slice(&answer?).unwrap_or_default();
        let id = created["Id"].as_str().map(str::to_owned);
        id.ok_or_else(|| cannot("the engine returned no container id".to_owned()))
    }

    /// It removes itself when it ends.
    async fn remove_gate(&self, id: &str) -> Result<(), TargetError> {
        let options = RemoveContainerOptionsBuilder::default().force(true).build();
        let Err(error) = self.connection.api.remove_container(id, Some(options)).await else { return Ok(()) };
        match map(&self.connection, error) {
            TargetError::NotFound { .. } | TargetError::Refused { status: 409, .. } => Ok(()),
            other => Err(other),
        }
    }
}

fn map(connection: &Connection, error: bollard::errors::Error) -> TargetError {
    crate::engine::docker::error_mapping::map(connection, "removing a gate", error)
}

fn cannot(message: String) -> TargetError {
    TargetError::Refused { operation: "holding requests".to_owned(), status: 0, message }
}

/// A network on which the proxy finds the gate by its name.
fn network_of(proxy: &ObservedInstance) -> Result<String, TargetError> {
    let named = |network: &&String| !matches!(network.as_str(), "bridge" | "host" | "none");
    let found = proxy.docker.networks.keys().find(named);
    found.cloned().ok_or_else(|| cannot(format!("{} is in no network with names", proxy.name)))
}

/// A container that may do nothing but take connections, until the deadline.
fn container(project: &str, network: &str, deadline: Duration) -> serde_json::Value {
    let labels = BTreeMap::from([(labels::AICTL_PROJECT, project), (ROLE, GATE), ("io.aictl.oneoff", "True")]);
    json!({
        "Image": IMAGE.name,
        "Entrypoint": [IMAGE.path],
        "Cmd": [deadline.as_secs().to_string()],
        "User": "65534:65534",
        "Labels": labels,
        "StopSignal": "SIGKILL",
        "HostConfig": confined((32, 8), json!({ "NetworkMode": network, "AutoRemove": true })),
        "NetworkingConfig": { "EndpointsConfig": { network: { "Aliases": [gate_name(project)] } } },
    })
}

/// Listens on the port of gates, never accepts, and ends after as many seconds as its argument says: connections wait in
/// the kernel meanwhile, with what was sent over them.
fn program(architecture: &str) -> Option<Vec<u8>> {
    match architecture {
        "x86_64" | "amd64" => Some(elf(X86_64, &X86_64_CODE)),
        "aarch64" | "arm64" => {
            let bytes: Vec<u8> = AARCH64_CODE.iter().flat_map(|word| word.to_le_bytes()).collect();
            Some(elf(AARCH64, &bytes))
        }
        _ => None,
    }
}

/// The same for both: read the argument, socket, bind to 0.0.0.0:8080, listen, nanosleep, exit.
#[rustfmt::skip]
const X86_64_CODE: [u8; 115] = [
    0x48, 0x8b, 0x74, 0x24, 0x10, // mov 0x10(%rsp),%rsi
    0x31, 0xdb, // xor %ebx,%ebx
    0x0f, 0xb6, 0x06, // movzbl (%rsi),%eax
    0x83, 0xe8, 0x30, // sub $0x30,%eax
    0x83, 0xf8, 0x09, // cmp $0x9,%eax
    0x77, 0x0a, // ja 1c
    0x6b, 0xdb, 0x0a, // imul $0xa,%ebx,%ebx
    0x01, 0xc3, // add %eax,%ebx
    0x48, 0xff, 0xc6, // inc %rsi
    0xeb, 0xeb, // jmp 7
    0xb8, 0x29, 0x00, 0x00, 0x00, // mov $0x29,%eax
    0xbf, 0x02, 0x00, 0x00, 0x00, // mov $0x2,%edi
    0xbe, 0x01, 0x00, 0x00, 0x00, // mov $0x1,%esi
    0x31, 0xd2, // xor %edx,%edx
    0x0f, 0x05, // syscall
    0x41, 0x89, 0xc4, // mov %eax,%r12d
    0x6a, 0x00, // push $0x0
    0xb8, 0x02, 0x00, 0x1f, 0x90, // mov $0x901f0002,%eax
    0x50, // push %rax
    0xb8, 0x31, 0x00, 0x00, 0x00, // mov $0x31,%eax
    0x44, 0x89, 0xe7, // mov %r12d,%edi
    0x48, 0x89, 0xe6, // mov %rsp,%rsi
    0xba, 0x10, 0x00, 0x00, 0x00, // mov $0x10,%edx
    0x0f, 0x05, // syscall
    0xb8, 0x32, 0x00, 0x00, 0x00, // mov $0x32,%eax
    0x44, 0x89, 0xe7, // mov %r12d,%edi
    0xbe, 0xff, 0xff, 0x00, 0x00, // mov $0xffff,%esi
    0x0f, 0x05, // syscall
    0x6a, 0x00, // push $0x0
    0x53, // push %rbx
    0xb8, 0x23, 0x00, 0x00, 0x00, // mov $0x23,%eax
    0x48, 0x89, 0xe7, // mov %rsp,%rdi
    0x31, 0xf6, // xor %esi,%esi
    0x0f, 0x05, // syscall
    0xb8, 0x3c, 0x00, 0x00, 0x00, // mov $0x3c,%eax
    0x31, 0xff, // xor %edi,%edi
    0x0f, 0x05, // syscall
];

#[rustfmt::skip]
const AARCH64_CODE: [u32; 34] = [
    0xf940_0be1, // ldr x1, [sp, #16]
    0x5280_0013, // mov w19, #0x0
    0x5280_0143, // mov w3, #0xa
    0x3840_1420, // ldrb w0, [x1], #1
    0x5100_c000, // sub w0, w0, #0x30
    0x7100_241f, // cmp w0, #0x9
    0x5400_0068, // b.hi 24
    0x1b03_0273, // madd w19, w19, w3, w0
    0x17ff_fffb, // b c
    0xd280_0040, // mov x0, #0x2
    0xd280_0021, // mov x1, #0x1
    0xd280_0002, // mov x2, #0x0
    0xd280_18c8, // mov x8, #0xc6
    0xd400_0001, // svc #0x0
    0x2a00_03f4, // mov w20, w0
    0x5280_0041, // mov w1, #0x2
    0x72b2_03e1, // movk w1, #0x901f, lsl #16
    0xa9bf_7fe1, // stp x1, xzr, [sp, #-16]!
    0x9100_03e1, // mov x1, sp
    0xd280_0202, // mov x2, #0x10
    0xd280_1908, // mov x8, #0xc8
    0xd400_0001, // svc #0x0
    0x2a14_03e0, // mov w0, w20
    0x529f_ffe1, // mov w1, #0xffff
    0xd280_1928, // mov x8, #0xc9
    0xd400_0001, // svc #0x0
    0xa9bf_7ff3, // stp x19, xzr, [sp, #-16]!
    0x9100_03e0, // mov x0, sp
    0xd280_0001, // mov x1, #0x0
    0xd280_0ca8, // mov x8, #0x65
    0xd400_0001, // svc #0x0
    0xd280_0000, // mov x0, #0x0
    0xd280_0ba8, // mov x8, #0x5d
    0xd400_0001, // svc #0x0
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{GATE_ARCHITECTURES, GATE_PORT};

    #[test]
    fn every_architecture_that_plans_count_on_has_a_gate_that_listens_on_its_port() {
        let [high, low] = GATE_PORT.to_be_bytes();
        for architecture in GATE_ARCHITECTURES {
            assert!(program(architecture).is_some(), "{architecture}");
        }
        assert_eq!(program("riscv64"), None);
        assert!(X86_64_CODE.windows(4).any(|code| code == [2, 0, high, low]));
        let half = u32::from(u16::from_le_bytes([high, low]));
        assert!(AARCH64_CODE.contains(&(0x72a0_0001 | half << 5)));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_program_ends_after_as_many_seconds_as_it_is_given() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gate");
        std::fs::write(&path, program("x86_64").unwrap()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let began = Instant::now();
        let ended = std::process::Command::new(&path).arg("1").status().unwrap();
        let took = began.elapsed();
        assert!(ended.success() && took >= Duration::from_secs(1), "{ended} {took:?}");
    }
}
