//! Damaged files: whatever is in them, the loader does not panic.

use super::print;
use super::tests::{BASE, OVER, load_with};

/// Texts that look like Compose files with something wrong in them.
fn damaged() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let bits = [
        "${",
        "}",
        "$$",
        ": ",
        "\n",
        "  ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "&a ",
        "*a",
        "!reset ",
        "!override ",
        "null",
        "\"",
        "'",
        "#",
        "<<: ",
    ];
    let edit = (0..4000_usize, 0..6_usize, prop::sample::select(bits.to_vec()));
    (prop::sample::select(vec![BASE, OVER]), prop::collection::vec(edit, 1..4)).prop_map(|(text, edits)| {
        edits.into_iter().fold(text.to_owned(), |mut text, (at, length, bit)| {
            let at = at % text.len();
            let end = (at + length).min(text.len());
            text.replace_range(at..end, bit);
            text
        })
    })
}

proptest::proptest! {
    #[test]
    fn no_file_panics(base in damaged(), over in damaged()) {
        let files = [("base.yml", base.as_str()), ("over.yml", over.as_str())];
        let (loaded, _) = load_with(&files, |r| r.files = vec!["base.yml".into(), "over.yml".into()]);
        if let Some(project) = &loaded.project {
            print::json(&project.tree);
            print::yaml(&project.tree);
        } else {
            assert!(loaded.diagnostics.has_errors());
        }
    }
}
