//! Addresses of nodes: `local`, `unix:///path`, `ssh://[user@]host[:port]`, `tcp://host:2376`, `simulated`.

use crate::diagnostic::did_you_mean;
use crate::model::homelab::NodeAddress;

/// Docker's port for TLS.
const TLS_PORT: u16 = 2376;

/// Why a text is no address, with the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError {
    /// The error, to stand after the quoted address.
    pub why: String,
    /// The way out.
    pub hint: String,
}

/// Reads the address of a node.
///
/// # Errors
///
/// The error, and the way out.
pub fn node_address(text: &str) -> Result<NodeAddress, AddressError> {
    match text {
        "local" => return Ok(NodeAddress::Local),
        "simulated" => return Ok(NodeAddress::Simulated),
        _ => {}
    }
    let Some((scheme, rest)) = text.split_once("://") else { return Err(without_scheme(text)) };
    match scheme {
        "unix" => unix(rest),
        "ssh" => ssh(rest),
        "tcp" => tcp(rest),
        _ => Err(error(
            format!("starts with `{scheme}://`, which hl does not support"),
            match did_you_mean(scheme, ["unix", "ssh", "tcp"]) {
                Some(near) => format!("did you mean `{near}://{rest}`?"),
                None => "write local, unix:///path, ssh://user@host or tcp://host:2376".to_owned(),
            },
        )),
    }
}

fn error(why: impl Into<String>, hint: impl Into<String>) -> AddressError {
    AddressError { why: why.into(), hint: hint.into() }
}

fn without_scheme(text: &str) -> AddressError {
    if text.starts_with('/') {
        return error("is a path", format!("write `unix://{text}` for an engine's socket"));
    }
    if let Some(near) = did_you_mean(text, ["local", "simulated"]).filter(|near| *near != "local" || text.len() < 7) {
        return error("is not an address", format!("did you mean `{near}`?"));
    }
    if ["localhost", "127.0.0.1", "::1"].contains(&text) {
        return error("is not an address", "write `local` for this machine");
    }
    let host_like = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_@:".contains(c));
    match host_like {
        true => error("does not say how to reach it", format!("write `ssh://{text}`")),
        false => error("is not an address", "write local, unix:///path, ssh://user@host or tcp://host:2376"),
    }
}

fn unix(path: &str) -> Result<NodeAddress, AddressError> {
    match path.strip_prefix('/') {
        Some(rest) if !rest.is_empty() => Ok(NodeAddress::Unix { path: path.to_owned() }),
        _ => Err(error(
            "does not name the engine's socket by an absolute path",
            "write three slashes: `unix:///var/run/docker.sock`",
        )),
    }
}

fn ssh(rest: &str) -> Result<NodeAddress, AddressError> {
    if let Some((host, path)) = rest.split_once('/') {
        return Err(error(
            format!("goes on with `/{path}` after the host"),
            format!("write `ssh://{host}`; the node's folder is its `root`"),
        ));
    }
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, rest),
    };
    if let Some((name, _)) = user.and_then(|u| u.split_once(':')) {
        let hint = format!("write `ssh://{name}@{place}` and let an SSH key or the agent log in");
        return Err(error("holds a password, which hl never uses", hint));
    }
    if user == Some("") {
        return Err(error("has no user before the `@`", format!("write `ssh://{place}`")));
    }
    let (host, port) = host_and_port(place)?;
    Ok(NodeAddress::Ssh { user: user.map(str::to_owned), host, port })
}

fn tcp(rest: &str) -> Result<NodeAddress, AddressError> {
    if rest.contains(['/', '@']) {
        return Err(error("has more in it than a host and a port", "write `tcp://host:2376`"));
    }
    let (host, port) = host_and_port(rest)?;
    Ok(NodeAddress::Tcp { host, port: port.unwrap_or(TLS_PORT) })
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
fn host_and_port(text: &str) -> Result<(String, Option<u16>), AddressError> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let Some((host, after)) = rest.split_once(']') else {
            return Err(error("has a `[` without its `]`", "write an IPv6 address as `[fd00::1]`"));
        };
        match after.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if after.is_empty() => (host, None),
            None => return Err(error(format!("has `{after}` after the address"), "write `[fd00::1]:22`")),
        }
    } else if text.matches(':').count() > 1 {
        return Err(error("has an IPv6 address without brackets", format!("write `[{text}]`")));
    } else {
        text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)))
    };
    if host.is_empty() {
        return Err(error("names no host", "write a host name or an address after `://`"));
    }
    if host.starts_with('-') || host.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(error("has a host that cannot be one", "write a host name or an address after `://`"));
    }
    let port = match port {
        None => None,
        Some(digits) => match digits.parse::<u16>() {
            Ok(port) if port > 0 => Some(port),
            _ => return Err(error(format!("has the port `{digits}`"), "write a port from 1 to 65535, or none")),
        },
    };
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back() {
        for text in [
            "local",
            "simulated",
            "unix:///run/docker.sock",
            "ssh://nas",
            "ssh://admin@nas.lan",
            "ssh://admin@nas.lan:2222",
            "tcp://nas:2376",
            "ssh://[fd00::1]:22",
            "tcp://[fd00::1]:2376",
        ] {
            assert_eq!(node_address(text).unwrap().to_string(), text);
        }
        assert_eq!(node_address("tcp://nas").unwrap().to_string(), "tcp://nas:2376");
        let v6 = NodeAddress::Ssh { user: None, host: "fd00::1".into(), port: Some(22) };
        assert_eq!(node_address("ssh://[fd00::1]:22"), Ok(v6));
    }

    #[test]
    fn says_what_to_write_instead() {
        for (text, hint) in [
            ("nas.lan", "write `ssh://nas.lan`"),
            ("admin@nas.lan", "write `ssh://admin@nas.lan`"),
            ("locl", "did you mean `local`?"),
            ("localhost", "write `local` for this machine"),
            ("shh://nas", "did you mean `ssh://nas`?"),
            ("/var/run/docker.sock", "write `unix:///var/run/docker.sock` for an engine's socket"),
            ("unix://run/docker.sock", "write three slashes: `unix:///var/run/docker.sock`"),
            ("ssh://a@nas/srv", "write `ssh://a@nas`; the node's folder is its `root`"),
            ("ssh://fd00::1", "write `[fd00::1]`"),
            ("ssh://nas:99999", "write a port from 1 to 65535, or none"),
            ("ssh://", "write a host name or an address after `://`"),
            ("ssh://-oProxyCommand=x", "write a host name or an address after `://`"),
        ] {
            assert_eq!(node_address(text).unwrap_err().hint, hint, "{text}");
        }
        let password = node_address("ssh://admin:hunter2@nas").unwrap_err();
        assert!(!format!("{password:?}").contains("hunter2"));
    }
}
