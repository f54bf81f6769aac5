//! Real Compose v2, the oracle: what it answers is what hl is held against.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use super::homelab::Homelab;
use super::outcome::Outcome;

/// Finds the program that `HL_TEST_COMPOSE` names (`scripts/oracle.sh` gets it); else says what is missing.
pub fn find() -> Result<PathBuf, String> {
    let path = std::env::var("HL_TEST_COMPOSE").map_err(|_| "HL_TEST_COMPOSE is not set".to_owned())?;
    let path = PathBuf::from(path);
    if path.is_file() { Ok(path) } else { Err(format!("no docker-compose at {}", path.display())) }
}

/// The releases of Compose that the tests run with, as far as they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// 2.26.1.
    Older,
    /// 2.40.3.
    Newer,
}

/// The release that the tests run with, and its version.
pub fn release() -> (Release, String) {
    let program = find().expect("a test that asks for Compose lists Need::Compose");
    let output = Command::new(program).args(["version", "--short"]).output().expect("docker-compose runs");
    let version =
        String::from_utf8(output.stdout).expect("a version is text").trim().trim_start_matches('v').to_owned();
    let minor =
        version.split('.').nth(1).and_then(|minor| minor.parse::<u32>().ok()).expect("a version has two numbers");
    (if minor < 31 { Release::Older } else { Release::Newer }, version)
}

/// Runs Compose in the folder of a service, with the engine at `address`, and waits for its end.
///
/// `DOCKER_CONFIG` is empty, so that no context or plugin of the machine has a say.
pub fn run(lab: &Homelab, service: &str, address: &str, arguments: &[&str]) -> Outcome {
    run_with(lab, service, address, &BTreeMap::new(), arguments)
}

/// The same with variables.
pub fn run_with(
    lab: &Homelab,
    service: &str,
    address: &str,
    variables: &BTreeMap<String, String>,
    arguments: &[&str],
) -> Outcome {
    let mut command = Command::new(find().expect("a test that asks for Compose lists Need::Compose"));
    lab.settle(&mut command);
    command.envs(variables);
    command.current_dir(lab.repository().join("services").join(lab.name(service)));
    command.env("DOCKER_HOST", address).env("DOCKER_CONFIG", lab.scratch("docker-config"));
    command.args(arguments.iter().map(|argument| lab.name(argument)));
    let output = command.output().expect("docker-compose runs");
    Outcome::new(format!("docker-compose {}", arguments.join(" ")), &output, |text| lab.stand_in(text))
}
