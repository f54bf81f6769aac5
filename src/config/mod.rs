//! FILES → HOMELAB. Reads the repository; knows nothing of machines, plans or state.

mod address;
mod backup;
mod check;
pub mod compose;
pub mod dotenv;
pub mod files;
mod section;
mod service;
mod sources;
pub mod template;
mod topology;
pub mod tree;
pub mod yaml;

pub use section::Located;
pub use service::{Declaration, Dependency, EnvRules, HealthRules, LifecycleRules, UpdateRules};
pub use sources::{Repository, ServiceSource, Sources, load};
pub use topology::NodeSource;

#[cfg(test)]
mod tests;
