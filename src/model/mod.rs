//! NOUNS. What everything else speaks about: names, specs, the homelab, the views.
//!
//! A resource has the same shape in all three views: its normal form, a flat map of [`Fields`].
//! This module is pure data: it knows no file format, no engine, no plan.

pub mod addr;
pub mod backup;
pub mod beginning;
pub mod begun;
pub mod checkup;
pub mod content;
pub mod cycle;
pub mod draft;
pub mod field;
pub mod hex;
pub mod history;
pub mod homelab;
pub mod ignore;
pub mod live_index;
pub mod log;
pub mod name;
pub mod notation;
pub mod pending;
pub mod secret;
pub mod setting;
pub mod size;
pub mod spec;
pub mod status;
pub mod trust;
pub mod typed;
pub mod unseen;
pub mod updates;
pub mod value;
pub mod version;
pub mod view;

pub use addr::{Addr, AddrError, Kind, Target};
pub use begun::{BegunOperation, Purpose};
pub use field::{Field, Fields};
pub use name::{NodeName, ProjectName, ServiceName};
pub use pending::Pending;
pub use secret::{Digest, Sealer, Taint};
pub use setting::Key;
pub use trust::Trust;
pub use typed::Typed;
pub use value::{Text, Value};
