//! JSON for other programs. Every output says its `format_version`; its shape is published in
//! `schema/`. Within one version, members are only ever added.

pub mod doctor;
pub mod history;
mod plan;
pub mod records;
pub mod status;
pub mod updates;
mod value;

#[cfg(test)]
pub(super) mod violations;

pub use plan::{drift, plan};
pub use value::{change_texts, value};

/// The version of the outputs' shape.
pub const FORMAT_VERSION: u32 = 1;
