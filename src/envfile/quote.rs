//! How a value is written into an env file, so that the grammar reads it back as it is.

/// A value as an env file takes it: bare where that is safe, else in double quotes on one line.
pub fn quoted(value: &str) -> String {
    // Of what ends, begins or splits a value, and of what a shell that reads the same file would take for its own.
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=~".contains(c);
    if value.chars().all(is_safe) { value.to_owned() } else { double_quoted(value) }
}

/// A value in double quotes, where `\\`, `\"`, `\$`, `\n` and `\r` stand for one character each.
pub(super) fn double_quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for c in value.chars() {
        match c {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '"' | '\\' | '$' => text.extend(['\\', c]),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// The line that gives a name a value, with the line end.
pub fn assignment(name: &str, value: &str) -> String {
    format!("{name}={}\n", quoted(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{complaints, values};
    use super::*;

    #[test]
    fn values_are_bare_where_they_may() {
        for (value, written) in [
            ("", ""),
            ("postgres://db:5432/x?y", "\"postgres://db:5432/x?y\""),
            ("2.26.1", "2.26.1"),
            ("a b", "\"a b\""),
            ("'", "\"'\""),
            ("\"", "\"\\\"\""),
            ("\n-----BEGIN", "\"\\n-----BEGIN\""),
            ("$5 \\ #", "\"\\$5 \\\\ #\""),
        ] {
            assert_eq!(quoted(value), written);
        }
    }

    proptest! {
        #[test]
        fn any_value_reads_back(value in prop_oneof!["\\PC{0,20}", "[ '\"\\\\$#{}\n\r\t\u{1}\u{85}\u{a0}ab0n\u{f8f0}é😀]{0,20}"]) {
            for written in [quoted(&value), double_quoted(&value)] {
                let text = format!("A={written}\nB=1\n");
                let read = values(&text);
                prop_assert_eq!(complaints(&text), Vec::<String>::new());
                prop_assert_eq!(read.get("A"), Some(&value));
                prop_assert_eq!(read.get("B").map(String::as_str), Some("1"));
            }
        }
    }
}
