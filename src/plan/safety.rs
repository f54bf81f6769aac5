//! Checks for failures and data loss, made before anything is applied.

use std::collections::BTreeMap;

use super::index::Index;
use super::{Action, External, Input, Objection, Plan, Required, taken};
use crate::model::homelab::{Network, Volume};
use crate::model::live_index::NodeIndex;
use crate::model::{Addr, Kind, ServiceName};

/// Adds every objection.
pub(super) fn check(plan: &mut Plan, input: &Input<'_>, index: &Index<'_>) {
    plan.objections.extend(taken::objections(plan, input, index));
    externals(plan, input, index);
    empty(plan, input);
    incomplete(plan, input);
    if let Some(most) = input.options.max_changes {
        let count = plan.changes.iter().filter(|c| c.acts() && !c.steps.is_empty()).count();
        if count > most {
            plan.objections.push(Objection::TooManyChanges { count, most });
        }
    }
}

/// Nodes that are not known although all must be.
fn incomplete(plan: &mut Plan, input: &Input<'_>) {
    if input.options.required == Required::None {
        return;
    }
    let silent = plan.unknown.iter().filter(|(_, unknown)| unknown.is_unreachable());
    plan.objections.extend(silent.map(|(node, _)| Objection::NodeUnknown { node: node.clone() }));
}

/// External networks and volumes that nobody makes.
fn externals(plan: &mut Plan, input: &Input<'_>, index: &Index<'_>) {
    let mut makes: BTreeMap<&ServiceName, &Addr> = BTreeMap::new();
    for change in &plan.changes {
        if change.addr.kind == Kind::Container && !change.steps.is_empty() && change.action != Action::Delete {
            makes.entry(&change.addr.service).or_insert(&change.addr);
        }
    }
    let mut found = Vec::new();
    for service in input.homelab.services.values() {
        let (Some(node), Some(addr)) = (index.node(&service.node), makes.get(&service.name)) else { continue };
        let missing = |external: External, name: &str| Objection::ExternalMissing {
            addr: (*addr).clone(),
            external,
            name: name.to_owned(),
        };
        for network in service.networks.values() {
            if let Network::External { name } = network
                && !has_network(node, name)
                && !index.makes_network(&service.node, name)
            {
                found.push(missing(External::Network, name));
            }
        }
        for volume in service.volumes.values() {
            if let Volume::External { name } = volume
                && !node.live.volumes.contains_key(name)
                && !index.makes_volume(&service.node, name)
            {
                found.push(missing(External::Volume, name));
            }
        }
    }
    plan.objections.extend(found);
}

fn has_network(node: &NodeIndex<'_>, name: &str) -> bool {
    node.network(name).is_some() || node.live.networks.contains_key(name)
}

/// A repository that suddenly declares nothing is a broken checkout and not a wish.
fn empty(plan: &mut Plan, input: &Input<'_>) {
    let declares_nothing = input.homelab.services.is_empty() && input.homelab.unresolved.is_empty();
    if declares_nothing && !input.recorded.services.is_empty() && input.options.delete.is_empty() {
        plan.objections.push(Objection::NothingDeclared { recorded: input.recorded.services.len() });
    }
}
