//! Any text as an env file.
#![no_main]

use hl::config::dotenv;
use hl::config::template::Lookup;
use hl::config::tree::Taint;
use hl::diagnostic::{Diagnostics, SourceMap, Visibility};
use libfuzzer_sys::fuzz_target;

/// Nothing from outside.
struct Nothing;

impl Lookup for Nothing {
    fn get(&self, _: &str) -> Option<(&str, Taint)> {
        None
    }
}

fuzz_target!(|text: &str| {
    let mut map = SourceMap::default();
    let file = map.add(".env", text, Visibility::Secret);
    let _ = dotenv::parse(text, file, &Nothing, &mut Diagnostics::default());
    let _ = dotenv::values(text);
});
