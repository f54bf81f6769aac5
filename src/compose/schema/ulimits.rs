//! Limits of processes by name, of services and of builds.

use super::*;

/// Limits by name: one number, or a soft and a hard one.
pub(super) const ULIMITS: Accepts =
    Accepts::Named(Names::LowerCase, &Accepts::Either(&[INTEGER_OR_TEXT, Accepts::Keys(&ULIMIT)]));

static ULIMIT: Keys =
    open(&[key("soft", INTEGER_OR_TEXT, ValueType::Int), key("hard", INTEGER_OR_TEXT, ValueType::Int)])
        .requiring(&["soft", "hard"]);
