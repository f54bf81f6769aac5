//! Durations as Go writes them: `1m30s`, `1.5h`, `500ms`; days and weeks, too, which Compose reads since 2.34.

use std::fmt;

use thiserror::Error;

/// A length of time in nanoseconds, as Go's `time.Duration`; it may be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoDuration(pub i64);

/// Why a duration cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DurationError {
    /// A number without a unit.
    #[error("`{0}` has no unit")]
    NoUnit(String),
    /// A unit that Go does not know.
    #[error("`{text}` has the unknown unit `{unit}`")]
    UnknownUnit {
        /// The whole text.
        text: String,
        /// The text in place of the unit.
        unit: String,
    },
    /// Anything else.
    #[error("`{0}` is not a duration")]
    Invalid(String),
}

impl DurationError {
    /// The way out.
    pub fn hint(&self) -> String {
        let plain = "write hours, minutes and seconds with their units, such as `1m30s`";
        match self {
            DurationError::NoUnit(text) => format!("write `{text}s` for seconds"),
            DurationError::UnknownUnit { text, unit } => match unit.trim() {
                unit if unit.chars().any(char::is_uppercase) => format!("write `{}`", text.to_lowercase()),
                _ if parse(&text.replace(' ', "")).is_ok() => {
                    format!("write it without spaces: `{}`", text.replace(' ', ""))
                }
                _ => plain.into(),
            },
            DurationError::Invalid(_) => plain.into(),
        }
    }
}

/// Units with their nanoseconds; both signs for micro are read.
const UNITS: [(&str, f64); 10] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 6e10),
    ("h", 3.6e12),
    ("d", 8.64e13),
    ("w", 6.048e14),
];

/// Reads a duration as Go's `time.ParseDuration` does, and days and weeks as multiples of 24 hours.
pub fn parse(text: &str) -> Result<GoDuration, DurationError> {
    let invalid = || DurationError::Invalid(text.into());
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(GoDuration(0));
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(invalid());
        }
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        if unit.is_empty() {
            return Err(DurationError::NoUnit(text.into()));
        }
        let nanoseconds = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, nanoseconds)| *nanoseconds)
            .ok_or_else(|| DurationError::UnknownUnit { text: text.into(), unit: unit.into() })?;
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        let fraction: f64 = if fraction.is_empty() { 0.0 } else { format!("0.{fraction}").parse().unwrap_or(0.0) };
        total = whole
            .checked_mul(nanoseconds as i128)
            .and_then(|n| n.checked_add((fraction * nanoseconds) as i128))
            .and_then(|n| n.checked_add(total))
            .ok_or_else(invalid)?;
        rest = next;
    }
    let signed = if negative { -total } else { total };
    i64::try_from(signed).map(GoDuration).map_err(|_| invalid())
}

impl fmt::Display for GoDuration {
    /// Go's own text: `1m0s`, `1.5s`, `0s`, `500ms`, `1µs`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        if nanoseconds < 1_000_000_000 {
            return match nanoseconds {
                0 => f.write_str("0s"),
                n if n < 1_000 => write!(f, "{n}ns"),
                n if n < 1_000_000 => write_decimal(f, n, 3, "µs"),
                n => write_decimal(f, n, 6, "ms"),
            };
        }
        let seconds = nanoseconds / 1_000_000_000;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if seconds >= 60 {
            write!(f, "{minutes}m")?;
        }
        write_decimal(f, nanoseconds % 60_000_000_000, 9, "s")
    }
}

/// Writes `value / 10^digits` without trailing zeros.
fn write_decimal(f: &mut fmt::Formatter<'_>, value: u64, digits: u32, unit: &str) -> fmt::Result {
    let scale = 10u64.pow(digits);
    write!(f, "{}", value / scale)?;
    if !value.is_multiple_of(scale) {
        let fraction = format!("{:0width$}", value % scale, width = digits as usize);
        write!(f, ".{}", fraction.trim_end_matches('0'))?;
    }
    f.write_str(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_as_go() {
        for (text, canonical) in [
            ("10s", "10s"),
            ("1m30s", "1m30s"),
            ("1h", "1h0m0s"),
            ("90m", "1h30m0s"),
            ("500ms", "500ms"),
            ("1.5s", "1.5s"),
            ("1us", "1µs"),
            ("-5s", "-5s"),
            ("0", "0s"),
            (".5h", "30m0s"),
            ("1500us", "1.5ms"),
            ("100h", "100h0m0s"),
            ("1d12h", "36h0m0s"),
            ("1w", "168h0m0s"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(parse("10"), Err(DurationError::NoUnit("10".into())));
        assert_eq!(parse("10").unwrap_err().hint(), "write `10s` for seconds");
        assert!(matches!(parse("1y"), Err(DurationError::UnknownUnit { unit, .. }) if unit == "y"));
        assert_eq!(parse("10S").unwrap_err().hint(), "write `10s`");
        assert_eq!(parse("2h 30m").unwrap_err().hint(), "write it without spaces: `2h30m`");
        for text in ["", "abc", "-", "s", ".s", "1..5s"] {
            assert!(matches!(parse(text), Err(DurationError::Invalid(_))), "{text}");
        }
    }
}
