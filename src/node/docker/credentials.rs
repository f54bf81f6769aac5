//! The credentials of registries as the engine is sent them.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::credentials::{Credentials, DockerConfig, Login, host};

/// The value of `X-Registry-Auth` for a registry; `None` without credentials.
pub async fn header(config: Option<&Path>, registry: &str) -> Option<String> {
    let found = DockerConfig::read(config).await.find(registry).await?;
    Some(URL_SAFE.encode(as_sent(&found).to_string()))
}

/// The headers of all registries that the configuration names, for builds: `X-Registry-Config`.
pub async fn all(config: Option<&Path>) -> Option<String> {
    let config = DockerConfig::read(config).await;
    let mut sent = serde_json::Map::new();
    for server in config.servers() {
        if let Some(found) = config.find(host(server)).await {
            sent.insert(server.to_owned(), as_sent(&found));
        }
    }
    (!sent.is_empty()).then(|| URL_SAFE.encode(Value::from(sent).to_string()))
}

fn as_sent(Credentials { server, login }: &Credentials) -> Value {
    match login {
        Login::Password { user, password } => {
            json!({"username": user, "password": password.expose_secret(), "serveraddress": server})
        }
        Login::IdentityToken(token) => json!({"identitytoken": token.expose_secret(), "serveraddress": server}),
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[tokio::test]
    async fn the_engine_is_sent_what_the_configuration_has() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let config =
            json!({"auths": {"ghcr.io": {"auth": STANDARD.encode("me:pw")}, "reg.lan": {"identitytoken": "t"}}});
        std::fs::write(file.path(), config.to_string()).unwrap();
        let read = |text: String| serde_json::from_slice::<Value>(&URL_SAFE.decode(text).unwrap()).unwrap();
        let me = json!({"username": "me", "password": "pw", "serveraddress": "ghcr.io"});
        assert_eq!(read(header(Some(file.path()), "ghcr.io").await.unwrap()), me);
        let token = json!({"identitytoken": "t", "serveraddress": "reg.lan"});
        assert_eq!(read(all(Some(file.path())).await.unwrap()), json!({"ghcr.io": me, "reg.lan": token}));
        assert_eq!(header(None, "ghcr.io").await, None);
    }
}
