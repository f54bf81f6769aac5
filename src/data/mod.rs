//! DATA OF SERVICES. Copies it from one node to another, checks before anything stops whether a service can live there, and
//! cleans up after a move.
//!
//! Entries: [`check`] before a move, [`copy`] and its reverse [`discard`], and for data that stays behind [`retire`] and
//! [`remove`]. The room works on directories and volumes by their names. It does not know services, plans, the state or how
//! a node is reached. Of a machine it needs [`crate::node::Tools`] and [`crate::node::Capabilities`], which decide nothing.
//!
//! A copy is written beside its place under another name, compared, and only then put in place, with a mark beside it that
//! has its fingerprint. The mark identifies the copy later, whatever was written to it since.

mod copy;
mod error;
mod mark;
mod preflight;
mod retire;
mod route;
mod source;

#[cfg(test)]
mod tests;

pub use copy::copy;
pub use error::{DataError, Refusal, Task};
pub use preflight::{Arrival, check};
pub use retire::{discard, remove, remove_file, remove_vacant, retire};
pub use route::Route;
