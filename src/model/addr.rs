//! The name of a resource, and what a person types to choose some.

use std::fmt;
use std::str::FromStr;

use super::name::{NodeName, ServiceName};

/// The kinds of resource, in the order in which a service is built up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A folder on the node.
    Directory,
    /// A file on the node.
    File,
    /// An image on the node.
    Image,
    /// A network.
    Network,
    /// A volume.
    Volume,
    /// A container.
    Container,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Kind; 6] = [Kind::Directory, Kind::File, Kind::Image, Kind::Network, Kind::Volume, Kind::Container];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Directory => "directory",
            Kind::File => "file",
            Kind::Image => "image",
            Kind::Network => "network",
            Kind::Volume => "volume",
            Kind::Container => "container",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The address of a resource: `nas/immich/container:server`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Addr {
    /// The machine.
    pub node: NodeName,
    /// The service that it belongs to.
    pub service: ServiceName,
    /// The kind of resource.
    pub kind: Kind,
    /// Its key in the compose file (`server`; `server#2` for a second replica), or the path of a
    /// directory or file relative to the node's root.
    pub name: String,
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}:{}", self.node, self.service, self.kind, self.name)
    }
}

impl Addr {
    /// The address as files have it: with the machine of an instance in the name of its service.
    pub fn key(&self) -> String {
        format!("{}/{}/{}:{}", self.node, self.service.key(), self.kind, self.name)
    }
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address; addresses look like nas, immich, nas/immich or nas/immich/container:server")]
pub struct AddrError(pub String);

impl FromStr for Addr {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        let bad = || AddrError(text.to_owned());
        let mut parts = text.splitn(3, '/');
        let (node, service, rest) =
            (parts.next().ok_or_else(bad)?, parts.next().ok_or_else(bad)?, parts.next().ok_or_else(bad)?);
        let (kind, name) = resource(rest).ok_or_else(bad)?;
        Ok(Addr {
            node: NodeName::new(node).map_err(|_| bad())?,
            service: ServiceName::try_from(service.to_owned()).map_err(|_| bad())?,
            kind,
            name,
        })
    }
}

/// `container:server` in its parts.
fn resource(text: &str) -> Option<(Kind, String)> {
    let (kind, name) = text.split_once(':')?;
    let kind = Kind::ALL.into_iter().find(|k| k.as_str() == kind)?;
    (!name.is_empty()).then(|| (kind, name.to_owned()))
}

/// The argument of `--target` and `--exclude`: `nas`, `immich`, `nas/immich`, `immich/container:server`
/// or a whole address. A first word alone may be a node or a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    words: Vec<String>,
    resource: Option<(Kind, String)>,
}

impl Target {
    /// Whether the target chooses this resource.
    pub fn covers(&self, addr: &Addr) -> bool {
        self.covers_service(&addr.node, &addr.service)
            && self.resource.as_ref().is_none_or(|(kind, name)| {
                *kind == addr.kind
                    && (*name == addr.name || addr.name.strip_prefix(name.as_str()).is_some_and(|r| r.starts_with('#')))
            })
    }

    /// Whether the target chooses this service or a part of it.
    pub fn covers_service(&self, node: &NodeName, service: &ServiceName) -> bool {
        match self.words.as_slice() {
            [one] => one == service.as_str() || (self.resource.is_none() && one == node.as_str()),
            [first, second] => first == node.as_str() && second == service.as_str(),
            _ => false,
        }
    }

    /// Whether the target is a node or a service as a whole, and not one resource of it.
    pub fn is_whole(&self) -> bool {
        self.resource.is_none()
    }

    /// Whether the target is this node.
    pub fn is_node(&self, node: &NodeName) -> bool {
        self.is_whole() && matches!(self.words.as_slice(), [one] if one == node.as_str())
    }

    /// The kind of resource that it chooses; none for a node or a service as a whole.
    pub fn kind(&self) -> Option<Kind> {
        self.resource.as_ref().map(|(kind, _)| *kind)
    }

    /// The words before the resource: a node, a service, or both.
    pub fn words(&self) -> &[String] {
        &self.words
    }
}

impl From<&ServiceName> for Target {
    /// The service as a whole, wherever it is.
    fn from(service: &ServiceName) -> Self {
        Target { words: vec![service.to_string()], resource: None }
    }
}

impl FromStr for Target {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        let bad = || AddrError(text.to_owned());
        // A colon can stand in the last part only, and a path after it may hold slashes.
        let (head, resource) = match text.find(':') {
            None => (text, None),
            Some(colon) => {
                let slash = text[..colon].rfind('/').ok_or_else(bad)?;
                (&text[..slash], Some(resource(&text[slash + 1..]).ok_or_else(bad)?))
            }
        };
        let words: Vec<String> = head.split('/').map(str::to_owned).collect();
        let named = words.iter().all(|w| ServiceName::new(w.as_str()).is_ok());
        match named && words.len() <= 2 {
            true => Ok(Target { words, resource }),
            false => Err(bad()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.join("/"))?;
        match &self.resource {
            Some((kind, name)) => write!(f, "/{kind}:{name}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back() {
        let text = "nas/immich/file:config/immich/.env";
        assert_eq!(text.parse::<Addr>().unwrap().to_string(), text);
        for bad in ["nas", "nas/immich", "nas/immich/thing:x", "nas/immich/container:", "//container:x"] {
            assert!(bad.parse::<Addr>().is_err(), "{bad}");
        }
    }

    #[test]
    fn targets_cover_what_they_name() {
        let addr: Addr = "nas/immich/container:server#2".parse().unwrap();
        for target in ["nas", "immich", "nas/immich", "immich/container:server", "nas/immich/container:server#2"] {
            assert!(target.parse::<Target>().unwrap().covers(&addr), "{target}");
        }
        for target in ["pi", "pi/immich", "immich/volume:server", "immich/container:serv"] {
            assert!(!target.parse::<Target>().unwrap().covers(&addr), "{target}");
        }
    }
}
