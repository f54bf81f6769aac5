//! The resources that containers use: networks, volumes, images.

use super::process::healthcheck;
use super::{COMPOSE, api_types, split_labels, word};
use crate::model::ProjectName;
use crate::model::spec::{ImageConfig, ImageRef, IpamPool, NetworkSpec, VolumeSpec};
use crate::model::value::Text;
use crate::model::view::{LiveImage, LiveNetwork, LiveVolume};

/// A network as it is now.
pub fn network(network: api_types::Network) -> LiveNetwork {
    let (labels, compose_labels) = split_labels(network.labels);
    let ipam = network.ipam.unwrap_or_default();
    let mut driver_opts = network.options.unwrap_or_default();
    // Newer engines repeat here what they show as fields.
    driver_opts.remove("com.docker.network.enable_ipv4");
    driver_opts.remove("com.docker.network.enable_ipv6");
    LiveNetwork {
        id: network.id,
        identity: identity(&compose_labels, "network"),
        spec: NetworkSpec {
            name: network.name,
            driver: word(network.driver.as_ref()),
            driver_opts,
            internal: network.internal.unwrap_or(false),
            attachable: network.attachable.unwrap_or(false),
            enable_ipv6: network.enable_ipv6,
            enable_ipv4: network.enable_ipv4,
            ipam_driver: word(ipam.driver.as_ref()),
            ipam_pools: ipam.config.unwrap_or_default().into_iter().map(pool).collect(),
            labels,
            compose_labels,
        },
    }
}

/// A volume as it is now.
pub fn volume(volume: api_types::Volume) -> LiveVolume {
    let (labels, compose_labels) = split_labels(volume.labels);
    let options = volume.options.unwrap_or_default();
    LiveVolume {
        identity: identity(&compose_labels, "volume"),
        spec: VolumeSpec {
            name: volume.name,
            driver: word(volume.driver.as_ref()),
            driver_opts: options.into_iter().map(|(k, v)| (k, Text::plain(v))).collect(),
            labels,
            compose_labels,
        },
    }
}

/// An image as it is now; what it brings along only from an inspect.
pub fn image(image: api_types::Image) -> LiveImage {
    let names = image.repo_tags.iter().chain(&image.repo_digests).flatten();
    let known = [&image.os, &image.architecture, &image.variant].into_iter().flatten().filter(|p| !p.is_empty());
    LiveImage {
        names: names.filter(|n| !n.starts_with("<none>")).map(|n| ImageRef::new(n).normal()).collect(),
        platform: known.cloned().collect::<Vec<_>>().join("/"),
        config: image.config.map(image_config),
        id: image.id,
    }
}

fn image_config(config: api_types::Config) -> ImageConfig {
    let variable = |entry: String| match entry.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (entry, String::new()),
    };
    let key = |key: String| if key.contains('/') { key } else { format!("{key}/tcp") };
    ImageConfig {
        entrypoint: config.entrypoint.unwrap_or_default(),
        command: config.cmd.unwrap_or_default(),
        environment: config.env.unwrap_or_default().into_iter().map(variable).collect(),
        labels: config.labels.unwrap_or_default(),
        expose: config.exposed_ports.unwrap_or_default().into_keys().map(key).collect(),
        volumes: config.volumes.unwrap_or_default().into_keys().map(|t| super::mounts::clean(&t)).collect(),
        working_dir: config.working_dir.unwrap_or_default(),
        user: config.user.unwrap_or_default(),
        stop_signal: config.stop_signal.unwrap_or_default(),
        healthcheck: config.healthcheck.as_ref().map(healthcheck),
    }
}

fn pool(pool: api_types::IpamPool) -> IpamPool {
    IpamPool {
        subnet: word(pool.subnet.as_ref()),
        ip_range: word(pool.ip_range.as_ref()),
        gateway: word(pool.gateway.as_ref()),
        aux_addresses: pool.aux_addresses.unwrap_or_default(),
    }
}

/// The project and key that Compose's labels tell.
fn identity(labels: &api_types::Texts, kind: &str) -> Option<(ProjectName, String)> {
    let project = ProjectName::new(labels.get(&format!("{COMPOSE}project"))?).ok()?;
    Some((project, labels.get(&format!("{COMPOSE}{kind}"))?.clone()))
}
