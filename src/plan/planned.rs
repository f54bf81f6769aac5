//! The plan so far, for the services that are planned after it.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::StepGraph;
use super::service_plan::{Bond, ContainerSteps, Pivot, Place};
use super::sharing::Sharing;
use super::step::{GroupId, StepId};
use crate::model::ServiceName;
use crate::model::homelab::Service;
use crate::model::view::LiveContainer;

/// The steps of the containers that are planned already.
pub(super) type PlannedContainers<'a> = BTreeMap<Place<'a>, ContainerSteps>;

/// The containers that mount volumes which are made anew with the user's leave.
#[derive(Default)]
pub(super) struct VolumeUsers<'a> {
    /// The ids of those that are removed before their volume, and made anew after it.
    pub(super) removed: BTreeSet<&'a str>,
    /// The ones that nothing is decided for, by the service that makes their volume and its real name: they hold it.
    pub(super) holding: BTreeMap<(&'a ServiceName, &'a str), Vec<&'a LiveContainer>>,
}

/// The plan so far of all containers.
pub(super) struct Progress<'a> {
    /// The containers, with what others may wait for in them.
    pub(super) containers: PlannedContainers<'a>,
    /// The groups of bonds.
    groups: BTreeMap<usize, GroupId>,
    sharing: &'a Sharing<'a>,
    /// The containers that mount volumes which are made anew.
    pub(super) volume_users: VolumeUsers<'a>,
}

impl<'a> Progress<'a> {
    pub(super) fn new(sharing: &'a Sharing<'a>, volume_users: VolumeUsers<'a>) -> Self {
        Self { containers: PlannedContainers::new(), groups: BTreeMap::new(), sharing, volume_users }
    }

    /// The group of a bond, or one of its own.
    pub(super) fn group(&mut self, bond: Option<usize>, graph: &mut StepGraph) -> GroupId {
        match bond {
            Some(number) => *self.groups.entry(number).or_insert_with(|| graph.new_group()),
            None => graph.new_group(),
        }
    }

    /// The replacements that a container follows.
    pub(super) fn pivots(&self, bond: &Bond<'a>) -> Vec<Pivot> {
        bond.leaders.iter().filter_map(|leader| self.containers.get(leader)?.pivot).collect()
    }

    /// The steps after which the containers of other services are there of which this one uses something.
    pub(super) fn foreign_leaders(&self, service: &Service, container: &str) -> BTreeSet<StepId> {
        let leaders = self.sharing.foreign_leaders((&service.name, container));
        let planned = leaders.filter_map(|leader| self.containers.get(&leader));
        planned.flat_map(|steps| steps.placed.iter().chain(&steps.started).copied()).collect()
    }
}
