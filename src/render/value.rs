//! Values for people: numbers with their unit, secrets as numbered placeholders.

use std::collections::BTreeMap;

use super::wording;
use crate::model::setting::Unit;
use crate::model::{Digest, Field, Key, Text, Value};

/// The numbers of the secrets of one output, given by order of appearance. Equal secrets have
/// equal numbers, so that a change is visible and no value is.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    numbers: BTreeMap<Digest, usize>,
}

impl Secrets {
    /// The number of the secret with this digest.
    pub fn number(&mut self, digest: Digest) -> usize {
        let next = self.numbers.len() + 1;
        *self.numbers.entry(digest).or_insert(next)
    }

    /// The digests in order of their numbers.
    pub fn digests(&self) -> Vec<Digest> {
        let mut all: Vec<(usize, Digest)> = self.numbers.iter().map(|(d, n)| (*n, *d)).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, digest)| digest).collect()
    }

    /// The placeholder for a text that must not be shown.
    pub fn placeholder(&mut self, text: &Text) -> String {
        match text {
            Text::Sealed(digest) => format!("(secret #{})", self.number(*digest)),
            Text::Pending(_) => "(known after apply)".to_owned(),
            Text::Plain(_) | Text::Secret(_) => "(secret)".to_owned(),
        }
    }
}

/// The unit of the number in a field. In a health check, `retries` and `test` are plain; the other items are times.
pub fn unit(field: &Field) -> Unit {
    match (field.key, field.item.as_deref()) {
        (Key::Healthcheck, Some("retries" | "test")) => Unit::Plain,
        (key, _) => key.unit(),
    }
}

/// A value on one line.
pub fn value(value: &Value, unit: Unit, secrets: &mut Secrets) -> String {
    match value {
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => number(*n, unit),
        Value::Text(text) => match text {
            Text::Plain(text) => quoted(text),
            Text::Secret(_) | Text::Sealed(_) | Text::Pending(_) => secrets.placeholder(text),
        },
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|v| self::value(v, unit, secrets)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(map) => {
            let items: Vec<String> =
                map.iter().map(|(k, v)| format!("{k}: {}", self::value(v, unit, secrets))).collect();
            format!("{{{}}}", items.join(", "))
        }
        Value::Typed(typed) => quoted(&wording::typed(typed)),
        Value::Unset => "(no value)".to_owned(),
        Value::Unknown => "(known after apply)".to_owned(),
    }
}

/// A text in quotes, on one line.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", super::printable::visible(text))
}

/// A number with its unit. Two different numbers never look the same: what a larger unit cannot say
/// in two decimals is said in the smallest.
pub fn number(n: i64, unit: Unit) -> String {
    match unit {
        Unit::Plain => n.to_string(),
        Unit::Bytes if n == -1 => "unlimited".to_owned(),
        Unit::Bytes => bytes(n),
        Unit::Seconds => duration(i128::from(n) * 1_000_000_000),
        Unit::Nanoseconds => duration(i128::from(n)),
        Unit::NanoCpus => decimal(n, 1_000_000_000),
    }
}

/// Bytes in the largest binary unit that says them exactly.
pub fn bytes(n: i64) -> String {
    let units = [("TiB", 1_i128 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let wide = i128::from(n);
    for (name, size) in units {
        if wide.abs() >= size && (wide * 100) % size == 0 {
            let hundredths = (wide * 100 / size).unsigned_abs();
            let sign = if n < 0 { "-" } else { "" };
            return format!("{sign}{} {name}", trimmed(hundredths / 100, hundredths % 100, 2));
        }
    }
    format!("{n} B")
}

/// Nanoseconds as `1h2m3.5s`, `500ms`, `20µs`.
pub fn duration(nanoseconds: i128) -> String {
    const SECOND: u128 = 1_000_000_000;
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let n = nanoseconds.unsigned_abs();
    let text = match n {
        0 => "0s".to_owned(),
        1..1_000 => format!("{n}ns"),
        1_000..1_000_000 => format!("{}µs", trimmed(n / 1_000, n % 1_000, 3)),
        1_000_000..SECOND => format!("{}ms", trimmed(n / 1_000_000, n % 1_000_000, 6)),
        _ => {
            let (hours, minutes) = (n / (3600 * SECOND), n / (60 * SECOND) % 60);
            let rest = n % (60 * SECOND);
            let mut text = String::new();
            if hours > 0 {
                text.push_str(&format!("{hours}h"));
            }
            if minutes > 0 {
                text.push_str(&format!("{minutes}m"));
            }
            if rest > 0 {
                text.push_str(&format!("{}s", trimmed(rest / SECOND, rest % SECOND, 9)));
            }
            text
        }
    };
    format!("{sign}{text}")
}

fn decimal(n: i64, one: i64) -> String {
    let sign = if n < 0 { "-" } else { "" };
    let (n, one) = (u128::from(n.unsigned_abs()), u128::from(one.unsigned_abs()));
    format!("{sign}{}", trimmed(n / one, n % one, one.ilog10() as usize))
}

/// `whole.fraction` without the zeros at its end.
fn trimmed(whole: u128, fraction: u128, digits: usize) -> String {
    let text = format!("{whole}.{fraction:0digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Sealer;

    #[test]
    fn numbers_are_human_and_exact() {
        for (n, unit, text) in [
            (512 << 20, Unit::Bytes, "512 MiB"),
            (1536 << 20, Unit::Bytes, "1.5 GiB"),
            ((1 << 30) + 1, Unit::Bytes, "1073741825 B"),
            (-1, Unit::Bytes, "unlimited"),
            (90, Unit::Seconds, "1m30s"),
            (3600, Unit::Seconds, "1h"),
            (1_500_000_000, Unit::Nanoseconds, "1.5s"),
            (500_000_000, Unit::Nanoseconds, "500ms"),
            (500_000_000, Unit::NanoCpus, "0.5"),
            (2_000_000_000, Unit::NanoCpus, "2"),
            (3, Unit::Plain, "3"),
        ] {
            assert_eq!(number(n, unit), text);
        }
    }

    #[test]
    fn secrets_are_numbered_as_they_appear_and_never_shown() {
        let sealer = Sealer::new([3; 32]);
        let mut secrets = Secrets::default();
        let mut show = |text: &str| value(&Text::secret(text).sealed(&sealer).into(), Unit::Plain, &mut secrets);
        assert_eq!(show("b"), "(secret #1)");
        assert_eq!(show("a"), "(secret #2)");
        assert_eq!(show("b"), "(secret #1)");
        assert_eq!(value(&Text::secret("hunter2").into(), Unit::Plain, &mut Secrets::default()), "(secret)");
    }
}
