//! Making a plan from what was observed and what is recorded.

use std::collections::BTreeSet;

use super::observe::Observation;
use crate::diff::{self, Change};
use crate::model::trust::SecretSettings;
use crate::model::view::RecordedView;
use crate::model::{Addr, Sealer, ServiceName, Trust};
use crate::plan::{self, Plan};

/// A plan with what it was made from.
pub struct Planned {
    /// The differences between the views.
    pub changes: Vec<Change>,
    /// The plan that resolves the differences.
    pub plan: Plan,
    /// The options of the caller.
    pub options: plan::Options,
}

/// Services that were asked for and whose files have errors: nothing is planned while only half of them is known, and
/// whoever mends one file must not apply the mistake in another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing is planned while the files of some services have errors")]
pub struct BrokenServices(
    /// Their names; never empty.
    pub BTreeSet<ServiceName>,
);

impl Observation {
    /// How the declared, the recorded and the live view differ.
    pub fn changes(&self, recorded: &RecordedView, sealer: &Sealer) -> Vec<Change> {
        diff::diff(&self.homelab, recorded, &self.live, sealer)
    }

    /// Makes the plan.
    pub fn plan(&self, recorded: &RecordedView, sealer: &Sealer, options: plan::Options) -> Planned {
        let mut changes = self.changes(recorded, sealer);
        if !options.replace.is_empty() {
            diff::add_agreeing(&mut changes, &self.homelab, &self.live, |addr| options.replaces(addr));
        }
        let mut plan = self.plan_for(&changes, recorded, &options);
        if self.trust() == Trust::Untrusted {
            self.withhold(&mut plan, sealer);
        }
        Planned { changes, plan, options }
    }

    /// Masks what a stranger may not see of the fields.
    fn withhold(&self, plan: &mut Plan, sealer: &Sealer) {
        let nothing = SecretSettings::default();
        for change in &mut plan.changes {
            let service = self.homelab.services.get(&change.addr.service);
            let secret = service.map_or(&nothing, |service| &service.secret_settings);
            diff::withhold(&change.addr, &mut change.fields, secret, sealer);
        }
    }

    /// The changes made outside hl and nothing else, as a plan that would put them back has them.
    pub fn drift(&self, recorded: &RecordedView, sealer: &Sealer, options: &plan::Options) -> Plan {
        // Resources that hl left half done were changed by nobody else.
        let own = |change: &Change| recorded.unfinished.contains(&change.addr);
        let changes = self.changes(recorded, sealer).into_iter().filter(|change| !own(change));
        let changes: Vec<Change> = changes.filter_map(Change::drift).collect();
        // A service that is still to be verified was not changed by anybody.
        let recorded = RecordedView { unverified: BTreeSet::new(), ..recorded.clone() };
        let mut plan = self.plan_for(&changes, &recorded, options);
        // Other changes that putting them back takes along, and what stands in its way, were made by nobody either.
        let drifted: BTreeSet<&Addr> = changes.iter().map(|change| &change.addr).collect();
        plan.changes.retain(|change| drifted.contains(&change.addr));
        // Drift tells the past; the steps would be the future.
        plan.changes.iter_mut().for_each(|change| change.steps.clear());
        plan.steps.clear();
        plan.verifications.clear();
        plan.objections.clear();
        plan
    }

    fn plan_for(&self, changes: &[Change], recorded: &RecordedView, options: &plan::Options) -> Plan {
        plan::plan(&plan::Input { homelab: &self.homelab, recorded, live: &self.live, changes, options })
    }

    /// Makes sure that no service that is asked for has errors in its files.
    ///
    /// # Errors
    /// [`BrokenServices`] names them.
    pub fn refuse_broken(&self, options: &plan::Options) -> Result<(), BrokenServices> {
        let asked_for = |name: &&ServiceName| self.homelab.node_of(name).is_none_or(|n| options.asks_for(n, name));
        let broken: BTreeSet<ServiceName> = self.broken.iter().filter(asked_for).cloned().collect();
        if broken.is_empty() { Ok(()) } else { Err(BrokenServices(broken)) }
    }
}
