//! Any texts as the files of a homelab, parted by zero bytes: the topology, `service.yaml`, `env.example`, a Compose file. It
//! loads or is refused, twice the same.
#![no_main]

use std::path::PathBuf;
use std::sync::Arc;

use hl::compose::reader::Memory;
use hl::config::{self, Repository};
use hl::render::{Palette, diagnostic};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 4] = [
    "inventory/topology.yaml",
    "services/web/service.yaml",
    "services/web/env.example",
    "services/web/docker-compose.yml",
];

fuzz_target!(|text: &str| {
    let files = NAMES.iter().zip(text.split('\0'));
    let memory = Memory::from_iter(files.map(|(name, text)| (PathBuf::from("/lab").join(name), text)));
    let memory = Arc::new(memory);
    let said = || {
        let repository = Repository::read_by(Arc::clone(&memory) as Arc<_>, "/lab", "/lab", None);
        let (sources, mut found) = config::load(repository);
        let (of_services, map) = config::check_offline(&sources);
        found.extend(of_services);
        diagnostic::diagnostics(&found, &map, Palette::Plain)
    };
    assert!(said() == said(), "the same files are read the same");
});
