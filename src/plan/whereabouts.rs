//! Where a service is at home, and what of it lies where.

use super::Input;
use crate::model::Text;
use crate::model::homelab::Service;
use crate::model::spec::VolumeSpec;

/// Whether a service is to be where it was when all of it was done last: a move away from there that came to nothing leaves
/// only remnants elsewhere.
pub(super) fn is_home(input: &Input<'_>, service: &Service) -> bool {
    input.recorded.services.get(&service.name).is_some_and(|recorded| recorded.node == service.node)
}

/// The name of a service's data among its directories.
pub(super) fn data_name(service: &Service) -> String {
    format!("data/{}", service.name)
}

/// The name of what lies beside the files of the repository on a node.
pub(super) fn config_name(service: &Service) -> String {
    format!("config/{}", service.name)
}

/// How the data of a volume gets to another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VolumeTransfer {
    /// It is copied.
    Copy,
    /// It is on a machine of its own, which the volume leads to from every node.
    SharedStorage,
    /// hl does not know where it is.
    Unsupported,
}

/// How the data of a volume, as it is on the old node, gets to the one that is declared on the new one. Source:
/// the options of the engine's own driver are those of `mount(8)`.
pub(super) fn volume_transfer(live: &VolumeSpec, declared: &VolumeSpec) -> VolumeTransfer {
    let own = |spec: &VolumeSpec| spec.driver.as_deref().is_none_or(|driver| driver == "local");
    let plain = |spec: &VolumeSpec| own(spec) && spec.driver_opts.is_empty();
    let kind = live.driver_opts.get("type").and_then(Text::expose);
    let is_remote = kind.is_some_and(|kind| ["nfs", "nfs4", "cifs", "smb3", "ceph"].contains(&kind));
    match (plain(live) && plain(declared), own(live) && is_remote) {
        (true, _) => VolumeTransfer::Copy,
        (false, true) => VolumeTransfer::SharedStorage,
        (false, false) => VolumeTransfer::Unsupported,
    }
}
