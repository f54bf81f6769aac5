//! CREDENTIALS OF REGISTRIES, from the Docker client's own configuration. Knows no other room, nor what they are used for.
//!
//! Source: `config.json` of docker/cli: `auths` by registry, or a program that keeps them (`credHelpers` for one registry,
//! `credsStore` for all), which speaks JSON over its standard input and output, so that no secret is ever an argument.
//! Entry: [`DockerConfig::read`].

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// How long the program that keeps the credentials may take.
const HELPER: Duration = Duration::from_secs(30);
/// The most bytes of its answer.
const MOST_ANSWER: u64 = 1 << 20;
/// The name under which the client keeps the credentials of Docker Hub.
const HUB: &str = "https://index.docker.io/v1/";

/// The configuration of the Docker client.
#[derive(Clone, Debug, Default)]
pub struct DockerConfig(Value);

/// How somebody proves to a registry who they are.
#[derive(Clone, Debug)]
pub enum Login {
    /// A user and a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A token that the registry gave to the user, good for others that last less long.
    IdentityToken(SecretString),
}

/// The credentials for one registry.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The registry as the client calls it.
    pub server: String,
    /// The proof that it takes.
    pub login: Login,
}

impl DockerConfig {
    /// The configuration in a file. One that cannot be read is no error: public images need no credentials, and for others
    /// the registry says so.
    pub async fn read(path: Option<&Path>) -> DockerConfig {
        let Some(path) = path else { return DockerConfig::default() };
        let bytes = tokio::fs::read(path).await.unwrap_or_default();
        DockerConfig(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// The registries that it names, as it calls them.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        let listed = ["auths", "credHelpers"].into_iter().filter_map(|key| self.0[key].as_object());
        listed.flat_map(serde_json::Map::keys).map(String::as_str)
    }

    /// The credentials for a registry, such as `docker.io` or `reg.lan:5000`.
    pub async fn find(&self, registry: &str) -> Option<Credentials> {
        let config = &self.0;
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
            && let Some(login) = ask(helper, server).await
        {
            return Some(Credentials { server: server.to_owned(), login });
        }
        Some(Credentials { server: server.to_owned(), login: from_entry(entry?.1)? })
    }
}

/// The host of a registry as the client writes it in its keys.
pub fn host(server: &str) -> &str {
    let rest = server.trim_start_matches("https://").trim_start_matches("http://");
    match rest.split('/').next().unwrap_or_default() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        host => host,
    }
}

fn from_entry(entry: &Value) -> Option<Login> {
    if let Some(token) = entry["identitytoken"].as_str().filter(|t| !t.is_empty()) {
        return Some(Login::IdentityToken(token.into()));
    }
    let pair = String::from_utf8(STANDARD.decode(entry["auth"].as_str()?).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some(Login::Password { user: user.to_owned(), password: password.trim_end_matches('\0').into() })
}

/// Asks the program that keeps the credentials.
async fn ask(helper: &str, server: &str) -> Option<Login> {
    let mut command = Command::new(format!("docker-credential-{helper}"));
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().ok()?;
    let (mut input, output) = (child.stdin.take()?, child.stdout.take()?);
    let answer = async {
        input.write_all(server.as_bytes()).await.ok()?;
        drop(input);
        let mut answer = Vec::new();
        output.take(MOST_ANSWER).read_to_end(&mut answer).await.ok()?;
        child.wait().await.ok()?.success().then_some(answer)
    };
    let answer = tokio::time::timeout(HELPER, answer).await.ok()??;
    let answer: Value = serde_json::from_slice(&answer).ok()?;
    let (user, secret) = (answer["Username"].as_str()?, answer["Secret"].as_str()?);
    Some(match user {
        "<token>" => Login::IdentityToken(secret.into()),
        user => Login::Password { user: user.to_owned(), password: secret.into() },
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    async fn lookup(config: &Value, registry: &str) -> Option<(String, String, String)> {
        let found = DockerConfig(config.clone()).find(registry).await?;
        Some(match found.login {
            Login::Password { user, password } => (found.server, user, password.expose_secret().to_owned()),
            Login::IdentityToken(token) => (found.server, "<token>".to_owned(), token.expose_secret().to_owned()),
        })
    }

    #[tokio::test]
    async fn a_registry_is_found_however_the_client_wrote_it() {
        let config = json!({"auths": {
            HUB: {"auth": STANDARD.encode("hub:a:b")},
            "ghcr.io": {"auth": STANDARD.encode("me:pw")},
            "https://reg.lan:5000/v2/": {"identitytoken": "t"},
            "empty.lan": {},
        }});
        let found = |server: &str, user: &str, secret: &str| Some((server.into(), user.into(), secret.into()));
        assert_eq!(lookup(&config, "docker.io").await, found(HUB, "hub", "a:b"));
        assert_eq!(lookup(&config, "ghcr.io").await, found("ghcr.io", "me", "pw"));
        assert_eq!(lookup(&config, "reg.lan:5000").await, found("https://reg.lan:5000/v2/", "<token>", "t"));
        assert_eq!(lookup(&config, "empty.lan").await, None);
        assert_eq!(lookup(&config, "other.lan").await, None);
    }

    #[tokio::test]
    async fn without_a_configuration_there_are_no_credentials() {
        assert!(DockerConfig::read(None).await.find("docker.io").await.is_none());
        assert!(DockerConfig::read(Some(Path::new("/nonexistent"))).await.find("docker.io").await.is_none());
    }
}
