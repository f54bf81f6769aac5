//! The plan's tests: a homelab and a node in memory, and the plan as a short text.

mod changes;

mod env_files;
mod first;
pub(super) mod fixture;
mod handed_over;
mod neighbours;
mod outline;
mod removal;
mod sharing;
mod values;

use outline::{causes, outline};
