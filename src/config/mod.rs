//! FILES → HOMELAB. Reads the repository; knows nothing of machines, plans or state.
//!
//! [`load`] reads it once and says what is wrong in itself, [`machines`] does so in two steps;
//! [`wanted`] says which files of the nodes count; [`resolve`] puts every variable in place and
//! gives the homelab. [`check_offline`] does the last without any node. `disk` is the only door to
//! the disk, `bounds` says how far it opens, and how the caller asks nodes or prints diagnostics is not known here.

mod address;
mod backup;
mod bounds;
mod consistency;
mod disk;
mod facts;
mod folders;
mod ignored;
mod layout;
mod new_service;
mod placement;
mod preferences;
mod project;
mod registration;
mod renamed_from;
mod repository;
mod resolve;
mod scan;
pub mod secrets;
mod section;
mod service;
mod service_folder;
mod sources;
mod topology;
mod tracked;
mod written_names;
mod yaml_file;

pub use address::{AddressError, node_address};
pub use bounds::{BoundedReader, Bounds};
pub use disk::Disk;
pub use facts::{EngineState, NodeFacts, NodeState};
pub use folders::ServiceSource;
pub use new_service::{NewService, NotPlaced, Registration, new_service};
pub use preferences::{Preferences, preferences};
pub use repository::Repository;
pub use resolve::{
    Drafts, ImageChange, ImageEdits, Known, Resolution, Resolved, Resolving, TextEdit, add_known, check_offline,
    image_edits, project_offline, resolve, resolve_offline, wanted,
};
pub use scan::{FoundBy, FoundProject, FoundService, Layout, layout, scan};
pub use section::Located;
pub use service::{Declaration, Dependency, EnvRules, HealthRules, LifecycleRules, UpdateRules};
pub use sources::{Machines, Sources, load, machines};
pub use topology::{NodeSource, node_at};

#[cfg(test)]
mod layout_tests;
#[cfg(test)]
mod mutation_tests;
#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;
