//! Any bytes as the record of a state: it is read or refused.
#![no_main]

use hl::state::{self, Paths};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let paths = Paths { folder: "/nowhere/state".into(), keys: "/nowhere/keys".into() };
    let _ = state::of_record(Some(bytes.to_vec()), &paths);
});
