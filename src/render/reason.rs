//! Reasons in plain English.

use super::english::list;
use super::{sentences, wording};
use crate::model::{Addr, NodeName, ServiceName};
use crate::plan::Reason;

/// A reason as it stands after `why:`, for a resource.
pub fn words(reason: &Reason, home: &Addr) -> String {
    words_for(reason, &home.node, &home.service)
}

/// A reason as it stands after `why:`, for anything of a service.
pub fn words_for(reason: &Reason, node: &NodeName, service: &ServiceName) -> String {
    let near = |addr: &Addr| near_text(&addr.to_string(), node, service);
    match reason {
        Reason::New => "new".to_owned(),
        Reason::Gone => "drift: it was removed outside hl".to_owned(),
        Reason::Unrecorded => "there already, as declared".to_owned(),
        Reason::Declared(fields) => format!("{} changed", list(fields)),
        Reason::Drift(fields) => format!("drift: {} changed outside hl", list(fields)),
        Reason::Conflict(fields) => format!("conflict: {} changed outside hl and in the repository", list(fields)),
        Reason::Differs(fields) => match fields.as_slice() {
            [_] => format!("{} differs from the declaration", list(fields)),
            _ => format!("{} differ from the declaration", list(fields)),
        },
        Reason::ImageMoved => "its image tag points to another image now".to_owned(),
        Reason::ImageMissing => "the image is not on the node".to_owned(),
        Reason::PullPolicy(policy) => format!("pull policy {}", sentences::pull_policy(policy)),
        Reason::FileChanged(path) => format!("config file {path} changed"),
        Reason::MountedKindChanged(path) => format!("{path}, which it mounts, became a file or ceased to be one"),
        Reason::MountedFileRewritten(path) => format!("{path}, which it mounts, is written anew"),
        Reason::NetworkRemade(network) => format!("its network {network} is made anew"),
        Reason::VolumeRemade(volume) => format!("volume {volume}, which it mounts, is made anew"),
        Reason::SourceChanged(path) => format!("{path} changed, which the image is built from"),
        Reason::NotRunning(state) => format!("drift: {}", wording::state(state)),
        Reason::DeclaredStopped => "declared as stopped".to_owned(),
        Reason::DeclaredRunning => "declared as running".to_owned(),
        Reason::StartedOutside => "drift: it was started outside hl".to_owned(),
        Reason::Converged(fields) => format!("{} changed in the repository and outside hl, to the same", list(fields)),
        Reason::RecordedOnly(fields) => format!("{} changed, which is only recorded", list(fields)),
        Reason::MadeAnewOutside => "drift: it was recreated outside hl".to_owned(),
        Reason::StaleNetwork(network) => format!("its network {network} was removed"),
        Reason::PeerReplaced(peer) => format!("{}, whose namespaces or volumes it shares, is replaced", near(peer)),
        Reason::PeerGone(field) => format!("drift: the container that its {field} names was removed outside hl"),
        Reason::DependencyRestarted(other) => format!("{}, which it needs, restarts", near(other)),
        Reason::DependencyChanged(other) => format!("{other}, which it needs, changes"),
        Reason::OwnerChanged(from) => format!("its owner changed: it comes from {from}"),
        Reason::RenamedFrom(was) => format!("renamed from {was}"),
        Reason::RenamedTo(now) => format!("renamed to {now}"),
        Reason::LeftByMove(node) => format!("it was left behind by the move to {node}"),
        Reason::MovedTo(node) => format!("it moves to {node}"),
        Reason::Verify => "its service changes".to_owned(),
        Reason::Unproven => "the last apply did not verify it".to_owned(),
        Reason::NoLongerDeclared => "no longer declared".to_owned(),
        Reason::Unfinished => "hl's own unfinished work: the last apply was not brought to an end".to_owned(),
        Reason::Leftover => "left over from an interrupted replacement".to_owned(),
        Reason::Requested => "requested".to_owned(),
    }
}

/// An address as short as it can be for a reader who looks at this service.
pub fn near_text(addr: &str, node: &NodeName, service: &ServiceName) -> String {
    let here = format!("{node}/{service}/");
    addr.strip_prefix(&here).unwrap_or(addr).to_owned()
}
