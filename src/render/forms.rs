//! The forms in which one text may stand in an output.

use super::markdown;
use super::printable::visible;

/// The text as it is, and as the outputs for people and for programs write it, each once.
pub fn forms(text: &str) -> Vec<String> {
    let json = serde_json::to_string(text).expect("a text can be JSON");
    let mut all = vec![
        text.to_owned(),
        // The normal form of names of images and hosts.
        text.to_lowercase(),
        visible(text),
        json.trim_matches('"').to_owned(),
        markdown::escaped(text),
        markdown::code_text(text),
    ];
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_whatever_form() {
        let found = forms("Ab\"<\n`c");
        for form in ["Ab\"<\n`c", "ab\"<\n`c", "Ab\"<\\n`c", "Ab\\\"<\\n`c", "Ab\"&lt;\\\\n\\`c", "Ab\"&lt;\\n&#96;c"] {
            assert!(found.iter().any(|text| text == form), "{form} is not among {found:?}");
        }
    }
}
