//! Changes of an env file that leave alone what they are not about.

use std::collections::BTreeMap;
use std::ops::Range;

use thiserror::Error;

use super::grammar::{value_places, values};
use super::quote::{assignment, double_quoted, quoted};

/// Variables for a file, with the comment that stands above those that are new to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addition {
    /// The comment, its `#` included.
    pub comment: String,
    /// The values by name.
    pub values: BTreeMap<String, String>,
}

/// Something in a file hides what is written below it, such as quotes that are never closed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{name} cannot be written: something above it in the file cannot be read, such as quotes that are never closed"
)]
pub struct Unreadable {
    /// The variable that would be hidden.
    pub name: String,
}

/// The text with all additions. A variable that the file assigns gets its value there, in the last of its assignments;
/// the others follow at the end of the file, below their comment. No other byte is changed.
///
/// # Errors
///
/// [`Unreadable`], if the file would not be read as having just these values afterwards.
pub fn merge(text: &str, additions: &[Addition]) -> Result<String, Unreadable> {
    let mut merged = text.to_owned();
    for addition in additions {
        let mut appended = String::new();
        for (name, value) in &addition.values {
            match value_places(&merged, name).pop() {
                Some(place) => replace(&mut merged, place, value),
                None => appended.push_str(&assignment(name, value)),
            }
        }
        if appended.is_empty() {
            continue;
        }
        if !merged.is_empty() {
            merged.push_str(if merged.ends_with('\n') { "\n" } else { "\n\n" });
        }
        merged.push_str(&addition.comment);
        merged.push('\n');
        merged.push_str(&appended);
    }
    verified(text, merged, additions.iter().flat_map(|addition| &addition.values))
}

/// The text with a value for a variable: in each of its assignments, so that no old value stays in the file, or in a
/// line at the end. No other byte is changed.
///
/// # Errors
///
/// [`Unreadable`], if the file would not be read as having just this value afterwards.
pub fn set(text: &str, name: &str, value: &str) -> Result<String, Unreadable> {
    let mut changed = text.to_owned();
    let places = value_places(text, name);
    if places.is_empty() {
        if !changed.is_empty() && !changed.ends_with('\n') {
            changed.push('\n');
        }
        changed.push_str(&assignment(name, value));
    }
    // From the end, so that the places of the others stay what they are.
    places.into_iter().rev().for_each(|place| replace(&mut changed, place, value));
    verified(text, changed, [(&name.to_owned(), &value.to_owned())].into_iter())
}

/// The bytes of a variable's value within its quotes, in the last of its assignments. None if there is none, or if the value
/// is not what these bytes say: with escapes or variables in it.
pub fn text_of_value(text: &str, name: &str) -> Option<Range<usize>> {
    let place = value_places(text, name).pop()?;
    let raw = text.get(place.clone())?;
    let quote = ['"', '\''].into_iter().find(|quote| raw.len() > 1 && raw.starts_with(*quote) && raw.ends_with(*quote));
    let inner = match quote {
        Some(_) => place.start + 1..place.end - 1,
        None => place,
    };
    let is_itself = values(text).get(name).is_some_and(|value| *value == text[inner.clone()]);
    (is_itself && !text[inner.clone()].contains(['$', '\\', '"', '\''])).then_some(inner)
}

/// Puts a value where another stands. More may follow on the line, from which only quotes part it.
fn replace(text: &mut String, place: Range<usize>, value: &str) {
    let rest = text[place.end..].split('\n').next().unwrap_or_default();
    let written = if rest.trim().is_empty() { quoted(value) } else { double_quoted(value) };
    text.replace_range(place, &written);
}

/// The changed text, if it is read as having the new values beside the variables of the old one. The others may get
/// another value, where they are made from one that changed.
fn verified<'a>(
    old: &str,
    changed: String,
    new: impl Iterator<Item = (&'a String, &'a String)>,
) -> Result<String, Unreadable> {
    let found = values(&changed);
    let mut wrong = new.filter(|(name, value)| found.get(*name) != Some(value)).map(|(name, _)| name.clone());
    match wrong.next().or_else(|| values(old).into_keys().find(|name| !found.contains_key(name))) {
        Some(name) => Err(Unreadable { name }),
        None => Ok(changed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addition(values: &[(&str, &str)]) -> Addition {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Addition { comment: "# added".to_owned(), values }
    }

    #[test]
    fn a_value_goes_where_its_name_stands() {
        for (text, merged) in [
            ("", "# added\nA=x\n"),
            ("B=1", "B=1\n\n# added\nA=x\n"),
            ("A=\nB=1\n", "A=x\nB=1\n"),
            ("export\tA = \r\nB=1\r\n", "export\tA = x\r\nB=1\r\n"),
            ("A=''  # why\n", "A=\"x\"  # why\n"),
            ("A='' B=1\n", "A=\"x\" B=1\n"),
            ("A=1\nA=\n", "A=1\nA=x\n"),
            ("M=\"two\nA=\nlines\"\n", "M=\"two\nA=\nlines\"\n\n# added\nA=x\n"),
            ("#A=\n", "#A=\n\n# added\nA=x\n"),
        ] {
            assert_eq!(merge(text, &[addition(&[("A", "x")])]), Ok(merged.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn a_set_value_leaves_no_older_one_behind() {
        assert_eq!(set("", "A", "x"), Ok("A=x\n".to_owned()));
        let text = "# the first\nexport A=1\nB=2\nA='old\nvalue' # why\n";
        assert_eq!(
            set(text, "A", "a $b"),
            Ok("# the first\nexport A=\"a \\$b\"\nB=2\nA=\"a \\$b\" # why\n".to_owned())
        );
        assert_eq!(set("AB=1", "A", "x"), Ok("AB=1\nA=x\n".to_owned()));
    }

    #[test]
    fn the_text_of_a_value_is_found_within_its_quotes() {
        for (text, value) in [
            ("A=1.2\n", Some("1.2")),
            ("# A=0\nexport A=\"1.2\" # why\r\nB=1\n", Some("1.2")),
            ("A='1.2'\nB=1", Some("1.2")),
            ("A=1\nA=1.2\n", Some("1.2")),
            ("B=1\nA=${B}.2\n", None),
            ("A=\"1\\\\2\"\n", None),
            ("B=1\n", None),
        ] {
            assert_eq!(text_of_value(text, "A").map(|place| &text[place]), value, "{text:?}");
        }
    }

    #[test]
    fn what_would_be_hidden_is_not_written() {
        assert_eq!(set("B=\"open\n", "A", "x"), Err(Unreadable { name: "A".to_owned() }));
        assert_eq!(merge("B C=1\n", &[addition(&[("A", "x")])]), Err(Unreadable { name: "A".to_owned() }));
    }

    proptest! {
        /// A new text in place of the old one is read as the value, and all other variables stay what they are.
        #[test]
        fn a_value_is_changed_within_its_quotes(
            before in "((B=1|C='x y'|# A=0|export D=\"\\$B\"|)(\n|\r\n)){0,3}",
            quote in "(|\"|')",
            comment in "(| # why)",
            after in "((B=2|E=x)(\n|\r\n)){0,2}",
            new in "[0-9]{1,2}(\\.[0-9]{1,2}){0,2}(-alpine)?",
        ) {
            let text = format!("{before}A={quote}1.2{quote}{comment}\n{after}");
            let place = text_of_value(&text, "A").unwrap();
            let changed = format!("{}{new}{}", &text[..place.start], &text[place.end..]);
            let mut expected = values(&text);
            expected.insert("A".to_owned(), new);
            prop_assert_eq!(values(&changed), expected);
        }

        #[test]
        fn no_other_line_changes(
            old in "([AB]=['\"]?[AB=: #$0-9x]{0,5}['\"]?|#A=|\t|export B=2|M='\nA=1\n')(\n|\r\n)([ABM= '\"\\\\$#\n\r\t0-9x]{0,20})",
            value in "[ '\"\\\\$#\n\ra0é]{0,10}",
        ) {
            let Ok(merged) = merge(&old, &[addition(&[("A", &value), ("Z", "z")])]) else { return Ok(()) };
            let (before, after) = (values(&old), values(&merged));
            prop_assert_eq!(after.get("A"), Some(&value));
            prop_assert_eq!(after.get("Z").map(String::as_str), Some("z"));
            for (name, value) in before.iter().filter(|(name, _)| *name != "A" && *name != "Z") {
                // Another value only where it is made from `A`.
                prop_assert!(after.get(name) == Some(value) || old.contains("$A"), "{}", name);
            }
            match value_places(&old, "A").pop() {
                Some(place) => {
                    prop_assert!(merged.starts_with(&old[..place.start]));
                    prop_assert!(merged.contains(&old[place.end..]));
                }
                None => prop_assert!(merged.starts_with(&old)),
            }
        }
    }
}
