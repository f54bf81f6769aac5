//! Any text as an env file.
#![no_main]

use hl::config::dotenv;
use hl::config::template::Nothing;
use hl::diagnostic::{Diagnostics, SourceMap, Visibility};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut map = SourceMap::default();
    let file = map.add(".env", text, Visibility::Secret);
    let _ = dotenv::parse(text, file, &Nothing, &mut Diagnostics::default());
    let _ = dotenv::values(text);
});
