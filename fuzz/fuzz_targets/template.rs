//! Any text as a template, the first line of which is the value of the variable `A`; `E` is empty.
#![no_main]

use std::collections::BTreeMap;

use hl::envfile::template::{self, Seen};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (value, text) = text.split_once('\n').unwrap_or(("", text));
    let variables = BTreeMap::from([("A", value), ("E", "")].map(|(name, value)| (name.to_owned(), value.to_owned())));
    let _ = template::substitute(text, &variables, &mut Seen::default());
});
