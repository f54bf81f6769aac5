//! Any text as a YAML file: it is a tree or there is a diagnostic, and a place is always in the text.
#![no_main]

use hl::compose::yaml;
use hl::diagnostic::{Diagnostics, SourceMap, Visibility};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut map = SourceMap::default();
    let file = map.add("compose.yaml", text, Visibility::Public);
    let mut found = Diagnostics::default();
    let documents = yaml::parse(text, file, &mut found);
    for node in &documents {
        assert!(node.span.start <= node.span.end && node.span.end as usize <= text.len());
    }
});
