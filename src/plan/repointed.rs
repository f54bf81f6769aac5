//! Mounts that show other data than before, or none.

use std::collections::BTreeSet;

use super::Stake;
use super::decide::Decision;
use super::resources::own_volume;
use super::service_plan::ServicePlan;
use crate::model::spec::MountKind;
use crate::model::view::LiveContainer;
use crate::model::{Key, Typed, Value};

/// Mounts that would show other data than before; a volume that comes with its data shows the same.
pub(super) fn mounts(plan: &ServicePlan<'_>, decision: &Decision, live: Option<&LiveContainer>) -> Vec<Stake> {
    let come = plan.relocation.iter().flat_map(|relocation| &relocation.volumes);
    let come: BTreeSet<&str> = come.filter_map(|key| Some(own_volume(plan.service, key)?.name.as_str())).collect();
    let comes = |kind: &MountKind| matches!(kind, MountKind::Volume { source, .. } if come.contains(source.as_str()));
    let mounts = decision.fields.iter().filter(|f| f.field.key == Key::Volumes && f.verdict.needs_action());
    mounts
        .filter_map(|f| {
            let (old, new) = (mounted(f.live.as_ref())?.clone(), mounted(f.declared.as_ref()).cloned());
            let target = f.field.item.clone().unwrap_or_default();
            if new.as_ref().is_some_and(|new| new.source() == old.source() || comes(new)) {
                return None;
            }
            let old = findable(old, live.and_then(|live| live.anonymous_volumes.get(&target)))?;
            match new {
                Some(new) => Some(Stake::MountRepointed { target, from: old, to: new }),
                None => Some(Stake::MountDropped { target, source: old }),
            }
        })
        .collect()
}

/// The mount in a field value.
fn mounted(value: Option<&Value>) -> Option<&MountKind> {
    match value? {
        Value::Typed(Typed::Mount(mount)) => Some(&mount.kind),
        _ => None,
    }
}

/// A source that can be found again when nothing mounts it any more; a volume without a name by the one that the engine
/// gave it.
fn findable(kind: MountKind, generated: Option<&String>) -> Option<MountKind> {
    match kind {
        MountKind::Anonymous => {
            generated.map(|name| MountKind::Volume { source: name.clone(), nocopy: false, subpath: None })
        }
        MountKind::Tmpfs { .. } => None,
        MountKind::Bind { .. } | MountKind::Volume { .. } | MountKind::Image { .. } | MountKind::Other { .. } => {
            Some(kind)
        }
    }
}
