//! Any texts as the files of a project, parted by zero bytes: the Compose file, one that overrides it, one that it may
//! include or extend, and its `.env`. It loads or is refused, twice the same; what loads can be printed and hashed.
#![no_main]

use std::path::PathBuf;

use hl::compose::print::{self, ComposeVersion};
use hl::compose::reader::Memory;
use hl::compose::{self, Options, hash};
use hl::diagnostic::SourceMap;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 4] = ["compose.yaml", "compose.override.yml", "other.yaml", ".env"];

fuzz_target!(|text: &str| {
    let files = NAMES.iter().zip(text.split('\0'));
    let memory = Memory::from_iter(files.map(|(name, text)| (PathBuf::from("/project").join(name), text)));
    let options = Options { current_dir: PathBuf::from("/project"), ..Options::default() };
    let load = || {
        match compose::load(&memory, &options, &mut SourceMap::default()) {
            Err(errors) => (String::new(), format!("{errors:?}")),
            Ok(compose::Loaded { project, warnings }) => {
                let services = project.tree.get("services").and_then(|services| services.as_map());
                for entry in services.into_iter().flat_map(|all| all.values()) {
                    let _ = hash::hashed_config(&entry.node, ComposeVersion::default());
                }
                (print::json(&project.tree) + &print::yaml(&project.tree), format!("{warnings:?}"))
            }
        }
    };
    assert!(load() == load(), "the same files are loaded the same");
});
