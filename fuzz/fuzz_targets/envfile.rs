//! Any text as an env file.
#![no_main]

use hl::diagnostic::{Diagnostics, SourceMap, Visibility};
use hl::envfile::{self, Outside};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut map = SourceMap::default();
    let file = map.add(".env", text, Visibility::Secret);
    let _ = envfile::parse(text, file, Outside::NOTHING, &mut Diagnostics::default());
    let _ = envfile::raw::parse(text, file, &Outside::NOTHING, &mut Diagnostics::default());
    let _ = envfile::values(text);
});
