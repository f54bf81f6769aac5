//! Any bytes as the journal and the history beside a record, parted by a zero byte: what can be read of them is.
#![no_main]

use std::cell::OnceCell;

use hl::state::{self, Paths};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static FOLDER: OnceCell<Paths> = const { OnceCell::new() };
}

/// A folder of this process.
fn paths() -> Paths {
    let folder = std::env::temp_dir().join(format!("hl-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("state")).expect("a folder can be made");
    Paths { folder: folder.join("state"), keys: folder.join("keys") }
}

fuzz_target!(|bytes: &[u8]| {
    FOLDER.with(|folder| {
        let paths = folder.get_or_init(paths);
        let cut = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let (journal, history) = bytes.split_at(cut);
        std::fs::write(paths.folder.join("journal.jsonl"), journal).expect("a file can be written");
        std::fs::write(paths.folder.join("history.jsonl"), history).expect("a file can be written");
        let _ = state::read(paths);
        let _ = state::history(paths);
    });
});
