//! YAML text → located trees, as Go's yaml.v3 reads it, because that is what Compose does.
//!
//! [`parse`] gives one [`Node`] a document, with anchors, aliases and `<<` resolved, every scalar
//! typed by yaml.v3's rules and every value at the place where it was written. Documents that
//! yaml.v3 refuses are refused: a key written twice, an alias of its own parent, a `<<` of something
//! that is no mapping. So are files that nest or expand beyond reason. This module does not know
//! Compose: `!reset` and `!override` are noted on the nodes and left to whoever merges.

mod in_place;
mod node_builder;
mod scalar;
mod syntax;
mod timestamp;
mod tree;

pub use in_place::text_of_scalar;
pub use tree::{Entry, Map, Node, Tag, Value};

use crate::diagnostic::{Diagnostics, FileId};

/// How deep collections may nest, aliases followed.
pub const MAX_DEPTH: usize = 200;

/// How many nodes a file may hold, aliases followed.
pub const MAX_NODES: usize = 250_000;

/// The documents of `text`, which `file` names in spans.
///
/// None for a text without any document. What is wrong goes to `diagnostics`; whoever needs the
/// tree to be complete asks [`Diagnostics::has_errors`].
pub fn parse(text: &str, file: FileId, diagnostics: &mut Diagnostics) -> Vec<Node> {
    node_builder::documents(text, file, diagnostics)
}

/// Whether `text` without quotes is read as the string that it is, and not as a number, a date or the like.
pub fn is_plain_text(text: &str) -> bool {
    scalar::is_plain_text(text)
}

#[cfg(test)]
mod tests;
