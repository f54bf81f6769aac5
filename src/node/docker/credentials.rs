//! The credentials of registries, from the Docker client's own configuration.
//!
//! Source: `config.json` of docker/cli: `auths` by registry, or a program that keeps them
//! (`credHelpers` for one registry, `credsStore` for all), which speaks JSON over its standard input
//! and output.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// How long the program that keeps the credentials may take.
const HELPER: Duration = Duration::from_secs(30);
/// The name under which the client keeps the credentials of Docker Hub.
const HUB: &str = "https://index.docker.io/v1/";

/// The value of `X-Registry-Auth` for a registry; `None` without credentials. A configuration that
/// cannot be read is no error: public images need none, and for others the registry says so.
pub async fn header(config: Option<&Path>, registry: &str) -> Option<String> {
    let config: Value = serde_json::from_slice(&tokio::fs::read(config?).await.ok()?).ok()?;
    let auth = find(&config, registry).await?;
    Some(URL_SAFE.encode(auth.to_string()))
}

/// The headers of all registries that the configuration names, for builds: `X-Registry-Config`.
pub async fn all(config: Option<&Path>) -> Option<String> {
    let config: Value = serde_json::from_slice(&tokio::fs::read(config?).await.ok()?).ok()?;
    let listed = ["auths", "credHelpers"].into_iter().filter_map(|key| config[key].as_object());
    let mut found = serde_json::Map::new();
    for server in listed.flat_map(serde_json::Map::keys) {
        if let Some(auth) = find(&config, host(server)).await {
            found.insert(server.clone(), auth);
        }
    }
    (!found.is_empty()).then(|| URL_SAFE.encode(Value::from(found).to_string()))
}

/// The credentials for a registry, as the engine is sent them.
async fn find(config: &Value, registry: &str) -> Option<Value> {
    let entries = config["auths"].as_object();
    let entry = entries.and_then(|entries| entries.iter().find(|(server, _)| host(server) == registry));
    let server = match (entry, registry) {
        (Some((server, _)), _) => server.as_str(),
        (None, "docker.io") => HUB,
        (None, registry) => registry,
    };
    let helpers = config["credHelpers"].as_object();
    let helper = helpers.and_then(|helpers| helpers.iter().find(|(server, _)| host(server) == registry));
    let helper = helper.and_then(|(_, name)| name.as_str()).or(config["credsStore"].as_str());
    if let Some(helper) = helper.filter(|name| !name.is_empty())
        && let Some(auth) = ask(helper, server).await
    {
        return Some(auth);
    }
    from_entry(entry?.1, server)
}

/// The host of a registry as the client writes it in its keys.
fn host(server: &str) -> &str {
    let rest = server.trim_start_matches("https://").trim_start_matches("http://");
    match rest.split('/').next().unwrap_or_default() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    }
}

fn from_entry(entry: &Value, server: &str) -> Option<Value> {
    if let Some(token) = entry["identitytoken"].as_str().filter(|t| !t.is_empty()) {
        return Some(json!({"identitytoken": token, "serveraddress": server}));
    }
    let pair = String::from_utf8(STANDARD.decode(entry["auth"].as_str()?).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some(json!({"username": user, "password": password.trim_end_matches('\0'), "serveraddress": server}))
}

/// Asks the program that keeps the credentials.
async fn ask(helper: &str, server: &str) -> Option<Value> {
    let mut command = Command::new(format!("docker-credential-{helper}"));
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().ok()?;
    let mut input = child.stdin.take()?;
    let answer = async {
        input.write_all(server.as_bytes()).await.ok()?;
        drop(input);
        let output = child.wait_with_output().await.ok()?;
        output.status.success().then_some(output.stdout)
    };
    let answer = tokio::time::timeout(HELPER, answer).await.ok()??;
    let answer: Value = serde_json::from_slice(&answer).ok()?;
    let (user, secret) = (answer["Username"].as_str()?, answer["Secret"].as_str()?);
    Some(match user {
        "<token>" => json!({"identitytoken": secret, "serveraddress": server}),
        user => json!({"username": user, "password": secret, "serveraddress": server}),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lookup(config: Value, registry: &str) -> Option<Value> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), config.to_string()).unwrap();
        let header = header(Some(file.path()), registry).await?;
        Some(serde_json::from_slice(&URL_SAFE.decode(header).unwrap()).unwrap())
    }

    #[tokio::test]
    async fn a_registry_is_found_however_the_client_wrote_it() {
        let config = json!({"auths": {
            HUB: {"auth": STANDARD.encode("hub:a:b")},
            "ghcr.io": {"auth": STANDARD.encode("me:pw")},
            "https://reg.lan:5000/v2/": {"identitytoken": "t"},
            "empty.lan": {},
        }});
        let got = lookup(config.clone(), "docker.io").await.unwrap();
        assert_eq!(got, json!({"username": "hub", "password": "a:b", "serveraddress": HUB}));
        assert_eq!(lookup(config.clone(), "ghcr.io").await.unwrap()["username"], "me");
        assert_eq!(lookup(config.clone(), "reg.lan:5000").await.unwrap()["identitytoken"], "t");
        assert_eq!(lookup(config.clone(), "empty.lan").await, None);
        assert_eq!(lookup(config, "other.lan").await, None);
    }

    #[tokio::test]
    async fn without_a_configuration_there_are_no_credentials() {
        assert_eq!(header(None, "docker.io").await, None);
        assert_eq!(header(Some(Path::new("/nonexistent")), "docker.io").await, None);
    }
}
