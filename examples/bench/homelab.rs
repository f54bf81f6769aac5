//! The work that is measured: projects of containers that sleep, as files and as bodies of the engine's API.

use std::fmt;
use std::io::Result;
use std::path::{Path, PathBuf};

/// An image whose program sleeps.
pub const IMAGE: &str = "hl-test/plain:1";

/// How many projects of how many services.
#[derive(Clone, Copy)]
pub struct Shape {
    pub projects: usize,
    pub services: usize,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} projects of {}", self.projects, self.services)
    }
}

/// The name of a project.
pub fn name(project: usize) -> String {
    format!("p{project:02}")
}

/// Writes the repository, whose node is the engine at `socket`, and gives the folders of the projects.
pub fn write(repository: &Path, socket: &Path, shape: Shape) -> Result<Vec<PathBuf>> {
    let root = repository.join("node");
    std::fs::create_dir_all(repository.join("inventory"))?;
    std::fs::create_dir_all(&root)?;
    let services: String = (0..shape.projects).map(|p| format!("  {}: {{ owner_node: here }}\n", name(p))).collect();
    let node = format!("{{ address: \"unix://{}\", root: {} }}", socket.display(), root.display());
    std::fs::write(
        repository.join("inventory/topology.yaml"),
        format!("version: 1\nname: bench\nnodes:\n  here: {node}\nservices:\n{services}"),
    )?;
    let mut folders = Vec::new();
    for project in 0..shape.projects {
        let folder = repository.join("services").join(name(project));
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("docker-compose.yml"), compose(project, shape.services))?;
        folders.push(folder);
    }
    Ok(folders)
}

/// A project's compose file. Without the stop signal, each stop would last ten seconds: `sleep` as process 1 ignores the usual one.
pub fn compose(project: usize, services: usize) -> String {
    let service = |n: usize| {
        format!(
            "  s{n}:
    image: {IMAGE}
    pull_policy: never
    command: [sleep, \"86400\"]
    restart: unless-stopped
    stop_signal: SIGKILL
    environment:
      ONE: \"first\"
      TWO: \"second\"
      THREE: \"third\"
      WHO: \"s{n}\"
      WHERE: \"{project}\"
    labels:
      bench.project: \"{project}\"
      bench.service: \"s{n}\"
    volumes:
      - data:/data
"
        )
    };
    let services: String = (0..services).map(service).collect();
    let subnet = subnet(project);
    format!(
        "services:\n{services}volumes:\n  data: {{}}\nnetworks:\n  default:\n    ipam:\n      config:\n        - subnet: {subnet}\n"
    )
}

fn subnet(project: usize) -> String {
    format!("10.201.{project}.0/24")
}

/// What asks the engine for a network.
pub fn network_body(name: &str, project: usize) -> String {
    let labels =
        format!(r#"{{"com.docker.compose.project":"{}","com.docker.compose.network":"default"}}"#, self::name(project));
    let ipam = format!(r#"{{"Driver":"default","Config":[{{"Subnet":"{}"}}]}}"#, subnet(project));
    format!(r#"{{"Name":"{name}","CheckDuplicate":true,"Driver":"bridge","Labels":{labels},"IPAM":{ipam}}}"#)
}

/// What asks the engine for a volume.
pub fn volume_body(project: usize) -> String {
    let name = name(project);
    let labels = format!(r#"{{"com.docker.compose.project":"{name}","com.docker.compose.volume":"data"}}"#);
    format!(r#"{{"Name":"{name}_data","Driver":"local","Labels":{labels}}}"#)
}

/// What asks the engine for a container that is equal to the one that Compose makes, as far as it costs.
pub fn container_body(project: usize, service: usize, network: &str) -> String {
    let name = name(project);
    let env = format!(r#"["ONE=first","TWO=second","THREE=third","WHO=s{service}","WHERE={project}"]"#);
    let compose = format!(
        r#""com.docker.compose.project":"{name}","com.docker.compose.service":"s{service}","com.docker.compose.container-number":"1","com.docker.compose.oneoff":"False""#
    );
    let labels = format!(r#"{{"bench.project":"{project}","bench.service":"s{service}",{compose}}}"#);
    let mounts = format!(r#"[{{"Type":"volume","Source":"{name}_data","Target":"/data"}}]"#);
    let host =
        format!(r#"{{"NetworkMode":"{network}","RestartPolicy":{{"Name":"unless-stopped"}},"Mounts":{mounts}}}"#);
    let endpoints = format!(r#"{{"EndpointsConfig":{{"{network}":{{"Aliases":["s{service}"]}}}}}}"#);
    format!(
        r#"{{"Image":"{IMAGE}","Cmd":["sleep","86400"],"StopSignal":"SIGKILL","Env":{env},"Labels":{labels},"HostConfig":{host},"NetworkingConfig":{endpoints}}}"#
    )
}
