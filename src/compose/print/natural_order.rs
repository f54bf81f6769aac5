//! The order of keys in YAML that Go writes.

use std::cmp::Ordering;

/// The order of keys in yaml.v3: runs of digits compare as numbers, and letters come after everything else.
pub(super) fn natural_order(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut in_digits = false;
    for i in 0..a.len().min(b.len()) {
        if a[i] == b[i] {
            in_digits = a[i].is_numeric();
            continue;
        }
        return match (a[i].is_alphabetic(), b[i].is_alphabetic()) {
            (true, true) => a[i].cmp(&b[i]),
            // After a digit a letter ends the number, so it comes first; elsewhere it comes last.
            (true, false) if in_digits => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if in_digits => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compare_numbers(&a, &b, i),
        };
    }
    a.len().cmp(&b.len())
}

/// Compares the numbers that differ at `at`; where none starts, the characters.
fn compare_numbers(a: &[char], b: &[char], at: usize) -> Ordering {
    // A zero in the middle of a number counts, a leading one does not.
    let is_inside =
        (a[at] == '0' || b[at] == '0') && a[..at].iter().rev().take_while(|c| c.is_numeric()).any(|c| *c != '0');
    let read = |text: &[char]| {
        let digits = text[at..].iter().take_while(|c| c.is_numeric());
        digits.fold((i64::from(is_inside), at), |(n, end), c| {
            (n.wrapping_mul(10).wrapping_add(i64::from(*c as u32) - i64::from('0' as u32)), end + 1)
        })
    };
    read(a).cmp(&read(b)).then(a[at].cmp(&b[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_people_count() {
        let mut keys = ["app10", "app2", "App", "app", "a-b", "a_b", "ab", "1", "10", "9"];
        keys.sort_by(|a, b| natural_order(a, b));
        assert_eq!(keys, ["1", "9", "10", "App", "a-b", "a_b", "ab", "app", "app2", "app10"]);
    }
}
