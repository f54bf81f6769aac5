//! Any texts as the files of a project, parted by zero bytes: the Compose file, one that overrides it, one that it may
//! include or extend, and its `.env`. It loads or is refused, twice the same; what loads can be printed and hashed.
#![no_main]

use std::path::PathBuf;

use hl::compose::print::{self, Edition};
use hl::compose::reader::Memory;
use hl::compose::{self, Request, hash};
use hl::diagnostic::SourceMap;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 4] = ["compose.yaml", "compose.override.yml", "other.yaml", ".env"];

fuzz_target!(|text: &str| {
    let files = NAMES.iter().zip(text.split('\0'));
    let memory = Memory::from_iter(files.map(|(name, text)| (PathBuf::from("/project").join(name), text)));
    let request = Request { current_dir: PathBuf::from("/project"), ..Request::default() };
    let load = || {
        let loaded = compose::load(&request, &memory, &mut SourceMap::default());
        let diagnostics = format!("{:?}", loaded.diagnostics);
        match loaded.project {
            None => (String::new(), diagnostics),
            Some(project) => {
                let services = project.tree.get("services").and_then(|services| services.as_map());
                for entry in services.into_iter().flat_map(|all| all.values()) {
                    let _ = hash::hashed_config(&entry.node, Edition::default());
                }
                (print::json(&project.tree) + &print::yaml(&project.tree), diagnostics)
            }
        }
    };
    assert!(load() == load(), "the same files are loaded the same");
});
