//! English for counts and lists.

use crate::model::ServiceName;

/// `1 container`, `2 containers`.
pub fn plural(n: usize, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    }
}

/// `1 service is`, `2 services are`.
pub fn are(n: usize, one: &str) -> String {
    format!("{} {}", plural(n, one), if n == 1 { "is" } else { "are" })
}

/// `a`, `a and b`, `a, b and 3 more`.
pub fn list<S: AsRef<str>>(items: &[S]) -> String {
    shortened(items, 3)
}

/// The first `most` items and how many more there are.
pub fn shortened<S: AsRef<str>>(items: &[S], most: usize) -> String {
    let named: Vec<&str> = items.iter().take(most).map(AsRef::as_ref).collect();
    match (named.split_last(), items.len() - named.len()) {
        (None, _) => "nothing".to_owned(),
        (Some((last, [])), 0) => (*last).to_owned(),
        (Some((last, head)), 0) => format!("{} and {last}", head.join(", ")),
        (Some(_), more) => format!("{} and {more} more", named.join(", ")),
    }
}

/// The names of services in a list.
pub fn services<'a>(names: impl IntoIterator<Item = &'a ServiceName>) -> String {
    let names: Vec<&str> = names.into_iter().map(ServiceName::as_str).collect();
    shortened(&names, 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_name_the_first_and_count_the_rest() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
    }
}
