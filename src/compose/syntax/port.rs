//! Published ports: `[ip:][host[-hostEnd]:]container[-containerEnd][/protocol]`.

use std::net::IpAddr;

use thiserror::Error;

/// One port of a container, published or only exposed to a random port of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The host's address; empty for all.
    pub host_ip: String,
    /// The port in the container.
    pub target: u16,
    /// The port or the range of ports on the host; empty for a random one.
    pub published: String,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: &'static str,
}

/// Why a port cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PortError {
    /// Nothing stands where the container's port belongs.
    #[error("no container port is given")]
    NoPort,
    /// Not a number from 1 to 65535, nor a range of such.
    #[error("`{0}` is not a container port")]
    Container(String),
    /// Not a number from 0 to 65535, nor a range of such.
    #[error("`{0}` is not a host port")]
    Host(String),
    /// A host name or a broken address where an IP address belongs.
    #[error("`{0}` is not an IP address")]
    Address(String),
    /// An IPv6 address without its brackets.
    #[error("the IPv6 address `{0}` needs brackets")]
    Brackets(String),
    /// Two ranges of different lengths.
    #[error("the ranges `{host}` and `{container}` differ in length")]
    Ranges {
        /// The range on the host.
        host: String,
        /// The range in the container.
        container: String,
    },
    /// Neither tcp, udp nor sctp.
    #[error("`{0}` is not a protocol")]
    Protocol(String),
}

impl PortError {
    /// The way out.
    pub fn hint(&self) -> String {
        match self {
            PortError::NoPort => "write `HOST:CONTAINER`, or `CONTAINER` alone".into(),
            PortError::Container(_) | PortError::Host(_) => {
                "a port is a number up to 65535; a range is written `8000-8010`".into()
            }
            PortError::Address(_) => {
                "write the address as numbers, such as `127.0.0.1:8080:80`; host names do not work here".into()
            }
            PortError::Brackets(ip) => format!("write `[{ip}]`"),
            PortError::Ranges { .. } => {
                "give both ranges the same length, or one single container port for a range of host ports".into()
            }
            PortError::Protocol(_) => "the protocols are tcp, udp and sctp".into(),
        }
    }
}

/// Reads one entry of `ports:`. A range gives one [`Port`] each, in the order of their text, as Compose has it.
pub fn parse(text: &str) -> Result<Vec<Port>, PortError> {
    let (address, host, container) = split(text);
    let (container, protocol) = split_protocol(container);
    let host_ip = address_of(&address)?;
    if container.is_empty() {
        return Err(PortError::NoPort);
    }
    let targets = range(container).filter(|r| r.0 > 0).ok_or_else(|| PortError::Container(container.into()))?;
    let published = match host {
        "" => None,
        host => Some(range(host).ok_or_else(|| PortError::Host(host.into()))?),
    };
    if let Some(published) = published {
        let same_length = published.1 - published.0 == targets.1 - targets.0;
        if !same_length && targets.0 != targets.1 {
            return Err(PortError::Ranges { host: host.into(), container: container.into() });
        }
    }
    let protocol = ["tcp", "udp", "sctp"]
        .into_iter()
        .find(|p| p.eq_ignore_ascii_case(protocol))
        .ok_or_else(|| PortError::Protocol(protocol.into()))?;

    let mut ports: Vec<Port> = (targets.0..=targets.1)
        .map(|target| Port {
            host_ip: host_ip.clone(),
            target,
            published: match published {
                None => String::new(),
                Some((first, last)) if targets.0 == targets.1 && first != last => format!("{first}-{last}"),
                Some((first, _)) => (first + (target - targets.0)).to_string(),
            },
            protocol,
        })
        .collect();
    ports.sort_by_cached_key(|p| format!("{}/{}", p.target, p.protocol));
    Ok(ports)
}

/// The parts before the last two colons, between them, and after them.
fn split(text: &str) -> (String, &str, &str) {
    let mut parts = text.rsplitn(3, ':');
    let container = parts.next().unwrap_or("");
    let host = parts.next().unwrap_or("");
    (parts.next().unwrap_or("").to_string(), host, container)
}

/// The port and its protocol; a further slash and what follows it is ignored, as Compose does.
fn split_protocol(container: &str) -> (&str, &str) {
    let mut parts = container.split('/');
    let port = parts.next().unwrap_or("");
    match parts.next() {
        None | Some("") => (port, "tcp"),
        Some(protocol) => (port, protocol),
    }
}

/// The address without brackets; an IPv6 address must have them.
fn address_of(text: &str) -> Result<String, PortError> {
    let bare = match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        Some(inner) if !inner.contains(['[', ']']) => inner,
        Some(_) => return Err(PortError::Address(text.into())),
        None if text.contains(['[', ']']) => return Err(PortError::Address(text.into())),
        None if text.contains(':') && text.parse::<IpAddr>().is_ok() => return Err(PortError::Brackets(text.into())),
        None => text,
    };
    match bare {
        "" => Ok(String::new()),
        ip if ip.parse::<IpAddr>().is_ok() => Ok(ip.into()),
        ip => Err(PortError::Address(ip.into())),
    }
}

/// `80` or `80-90`; a second dash and what follows it is ignored, as Compose does.
fn range(text: &str) -> Option<(u16, u16)> {
    let mut parts = text.split('-');
    let first = number(parts.next()?)?;
    let last = match parts.next() {
        Some(last) => number(last)?,
        None => first,
    };
    (first <= last).then_some((first, last))
}

/// Digits alone; Rust's own parser takes a sign.
fn number(text: &str) -> Option<u16> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<Vec<String>, PortError> {
        let show = |p: Port| format!("{}|{}|{}|{}", p.host_ip, p.published, p.target, p.protocol);
        Ok(parse(text)?.into_iter().map(show).collect())
    }

    #[test]
    fn reads_every_part() {
        assert_eq!(shown("80").unwrap(), ["||80|tcp"]);
        assert_eq!(shown("8080:80/UDP").unwrap(), ["|8080|80|udp"]);
        assert_eq!(shown("127.0.0.1::80").unwrap(), ["127.0.0.1||80|tcp"]);
        assert_eq!(shown("[::1]:8080:80/sctp").unwrap(), ["::1|8080|80|sctp"]);
    }

    #[test]
    fn ranges_pair_up_or_stay_a_range() {
        assert_eq!(shown("8000-8001:80-81").unwrap(), ["|8000|80|tcp", "|8001|81|tcp"]);
        assert_eq!(shown("8000-8002:80").unwrap(), ["|8000-8002|80|tcp"]);
        assert_eq!(shown("9-10").unwrap(), ["||10|tcp", "||9|tcp"], "in the order of the text");
        assert!(matches!(shown("8000-8001:80-82"), Err(PortError::Ranges { .. })));
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(shown("8080:"), Err(PortError::NoPort));
        assert_eq!(shown("abc"), Err(PortError::Container("abc".into())));
        assert_eq!(shown("0"), Err(PortError::Container("0".into())));
        assert_eq!(shown("+80"), Err(PortError::Container("+80".into())));
        assert_eq!(shown("65536:80"), Err(PortError::Host("65536".into())));
        assert_eq!(shown("localhost:80:80"), Err(PortError::Address("localhost".into())));
        assert_eq!(shown("::1:8080:80"), Err(PortError::Brackets("::1".into())));
        assert_eq!(shown("80:80/http"), Err(PortError::Protocol("http".into())));
    }
}
