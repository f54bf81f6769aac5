//! Where a repository of images is asked for.

use std::fmt;
use std::net::IpAddr;

use crate::model::spec::ImageRef;

/// A repository of a registry, such as `library/nginx` of `docker.io`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repository {
    /// The registry as references name it.
    pub registry: String,
    /// The path in it.
    pub path: String,
}

/// A reference that names no repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no repository of a registry")]
pub struct RepositoryError(String);

impl Repository {
    /// The repository of a reference, with its tag and its digest.
    ///
    /// # Errors
    /// The reference is the id of an image, or cannot be part of an address.
    pub fn of(reference: &ImageRef) -> Result<(Repository, Option<String>, Option<String>), RepositoryError> {
        let normal = reference.normal();
        let error = || RepositoryError(reference.to_string());
        let (name, digest) = match normal.split_once('@') {
            Some((name, digest)) => (name, Some(digest.to_owned())),
            None => (normal.as_str(), None),
        };
        let (registry, rest) = name.split_once('/').ok_or_else(error)?;
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag.to_owned())),
            None => (rest, None),
        };
        let fits = |text: &str, more: &[char]| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(&c))
        };
        let all_fit = fits(registry, &['.', '-', ':', '[', ']'])
            && fits(path, &['.', '-', '_', '/'])
            && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
            && tag.as_deref().is_none_or(|tag| fits(tag, &['.', '-', '_']))
            && digest.as_deref().is_none_or(|digest| fits(digest, &[':', '+', '.', '_', '-', '=']));
        match all_fit {
            true => Ok((Repository { registry: registry.to_owned(), path: path.to_owned() }, tag, digest)),
            false => Err(error()),
        }
    }

    /// The name as people write it.
    pub fn familiar(&self) -> String {
        match self.registry.as_str() {
            "docker.io" => self.path.strip_prefix("library/").unwrap_or(&self.path).to_owned(),
            registry => format!("{registry}/{}", self.path),
        }
    }
}

/// Where to connect to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Endpoint {
    pub scheme: Scheme,
    /// Name or address, IPv6 without brackets.
    pub host: String,
    pub port: u16,
}

/// How the bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scheme {
    /// In the clear, to this machine alone.
    Http,
    /// Encrypted.
    Https,
}

impl Scheme {
    fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

impl Endpoint {
    /// Where a registry is asked; none for a name that is no address. A registry on this machine's own network is asked in
    /// the clear, as Docker takes 127.0.0.0/8 for insecure.
    pub fn of_registry(registry: &str) -> Option<Endpoint> {
        let asked = if registry == "docker.io" { "registry-1.docker.io" } else { registry };
        let (host, port) = host_and_port(asked)?;
        let scheme = if is_loopback(&host) { Scheme::Http } else { Scheme::Https };
        Some(Endpoint { scheme, port: port.unwrap_or(scheme.port()), host })
    }

    /// The endpoint and the rest of an absolute address; none for one that may not be asked: what is not encrypted leaves
    /// this machine in no case.
    pub fn of_url(url: &str) -> Option<(Endpoint, String)> {
        let (scheme, rest) = match url.split_once("://")? {
            (scheme, rest) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
            (scheme, rest) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
            _ => return None,
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (host, port) = host_and_port(authority)?;
        if scheme == Scheme::Http && !is_loopback(&host) {
            return None;
        }
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Some((Endpoint { scheme, port: port.unwrap_or(scheme.port()), host }, path))
    }

    /// As the `Host` of a request.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.scheme.port() { host } else { format!("{host}:{}", self.port) }
    }

    /// Whether credentials for this registry may be told to `other`, which it names as the place to sign in: the same host,
    /// a host below it, or one beside or above it in a domain of at least two parts.
    pub fn may_sign_in_at(&self, other: &Endpoint) -> bool {
        if is_loopback(&self.host) || is_loopback(&other.host) {
            return is_loopback(&self.host) && is_loopback(&other.host);
        }
        if self.host == other.host {
            return true;
        }
        if is_address(&self.host) || is_address(&other.host) {
            return false;
        }
        let is_below = |host: &str, domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        let domain = self.host.split_once('.').map(|(_, domain)| domain).filter(|domain| domain.contains('.'));
        is_below(&other.host, &self.host)
            || domain.is_some_and(|domain| other.host == domain || is_below(&other.host, domain))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority())
    }
}

/// `host`, `host:port`, `[::1]:port`; none for anything else, such as a user before an `@`.
fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let is_name = host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':'));
    if host.is_empty() || !is_name {
        return None;
    }
    let port = match port {
        Some(port) => Some(port.parse().ok()?),
        None => None,
    };
    Some((host.to_ascii_lowercase(), port))
}

fn is_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}

/// Whether a host is this machine, so that nothing on the way can listen.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(registry: &str) -> Endpoint {
        Endpoint::of_registry(registry).unwrap()
    }

    #[test]
    fn a_reference_has_a_repository() {
        for (text, registry, path, tag, digest) in [
            ("nginx", "docker.io", "library/nginx", Some("latest"), None),
            ("a/b:1", "docker.io", "a/b", Some("1"), None),
            ("ghcr.io/a/b:v1@sha256:00", "ghcr.io", "a/b", Some("v1"), Some("sha256:00")),
            ("ghcr.io/a/b@sha256:00", "ghcr.io", "a/b", None, Some("sha256:00")),
            ("127.0.0.1:5000/a", "127.0.0.1:5000", "a", Some("latest"), None),
        ] {
            let (repository, found, pinned) = Repository::of(&ImageRef::new(text)).unwrap();
            assert_eq!((repository.registry.as_str(), repository.path.as_str()), (registry, path), "{text}");
            assert_eq!((found.as_deref(), pinned.as_deref()), (tag, digest), "{text}");
        }
        for text in ["a b", "a/../b:1", "a:1?x=1", "a:1#", "a:1\r\nX: y", "ghcr.io/a%2f/b"] {
            assert!(Repository::of(&ImageRef::new(text)).is_err(), "{text}");
        }
        assert!(Repository::of(&ImageRef::new(format!("sha256:{}", "a".repeat(64)))).is_err());
    }

    #[test]
    fn only_this_machine_is_asked_in_the_clear() {
        for (registry, scheme, authority) in [
            ("docker.io", Scheme::Https, "registry-1.docker.io"),
            ("ghcr.io", Scheme::Https, "ghcr.io"),
            ("reg.lan:5000", Scheme::Https, "reg.lan:5000"),
            ("192.168.1.2:5000", Scheme::Https, "192.168.1.2:5000"),
            ("localhost:5000", Scheme::Http, "localhost:5000"),
            ("127.0.0.1:5000", Scheme::Http, "127.0.0.1:5000"),
            ("127.9.9.9", Scheme::Http, "127.9.9.9"),
            ("[::1]:5000", Scheme::Http, "[::1]:5000"),
        ] {
            assert_eq!((endpoint(registry).scheme, endpoint(registry).authority().as_str()), (scheme, authority));
        }
        for refused in ["http://reg.lan/token", "ftp://reg.lan/", "reg.lan/token", "https://me@reg.lan/", "https:///x"]
        {
            assert_eq!(Endpoint::of_url(refused), None, "{refused}");
        }
        let (found, path) = Endpoint::of_url("https://auth.docker.io/token?a=b#c").unwrap();
        assert_eq!((found.authority().as_str(), path.as_str()), ("auth.docker.io", "/token?a=b"));
    }

    #[test]
    fn credentials_stay_with_whom_they_are_for() {
        let realm = |url: &str| Endpoint::of_url(url).unwrap().0;
        for (registry, url, may) in [
            ("docker.io", "https://auth.docker.io/token", true),
            ("ghcr.io", "https://ghcr.io/token", true),
            ("registry.gitlab.com", "https://gitlab.com/jwt/auth", true),
            ("registry.example.org", "https://gitlab.example.org/jwt/auth", true),
            ("reg.io", "https://auth.reg.io/", true),
            ("reg.io", "https://evil.io/", false),
            ("docker.io", "https://auth.docker.io.evil.org/", false),
            ("docker.io", "https://notdocker.io/", false),
            ("ghcr.io", "https://github.com/", false),
            ("reg.lan:5000", "https://reg.lan:5001/auth", true),
            ("127.0.0.1:5000", "http://127.0.0.1:5001/token", true),
            ("127.0.0.1:5000", "https://evil.org/", false),
            ("reg.io", "http://127.0.0.1/", false),
            ("10.0.0.1", "https://10.0.0.2/", false),
        ] {
            assert_eq!(endpoint(registry).may_sign_in_at(&realm(url)), may, "{registry} {url}");
        }
    }
}
