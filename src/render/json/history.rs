//! The past applies, as JSON.

use serde_json::{Value as Json, json};

use super::FORMAT_VERSION;
use crate::model::history::Entry;

/// The applies, oldest first.
pub fn history(entries: &[Entry]) -> Json {
    json!({ "format_version": FORMAT_VERSION, "applies": entries })
}
