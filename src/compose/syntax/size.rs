//! Sizes in bytes: `64m`, `1.5g`, `1 GiB`; every unit counts by 1024.

use thiserror::Error;

/// The text is no size.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a size")]
pub struct SizeError(pub String);

/// Reads a size in bytes, as the regular expression of go-units 0.4 does: digits with decimals, at most one space, a
/// unit (`k`, `m`, `g`, `t`, `p`), `i`, `b`. A bare integer may be negative, as in newer releases: `-1` is no limit,
/// and Compose itself prints it as text.
pub fn parse(text: &str) -> Result<i64, SizeError> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let wrong = || SizeError(text.into());
    let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(number_end);
    if !number.starts_with(|c: char| c.is_ascii_digit()) || number.ends_with('.') || number.contains("..") {
        return Err(wrong());
    }
    // Two dots pass the regular expression but not the parser of the number.
    let size: f64 = number.parse().map_err(|_| wrong())?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit).to_ascii_lowercase();
    let (power, rest) = match unit.bytes().next().and_then(|b| b"kmgtp".iter().position(|u| *u == b)) {
        Some(at) => (at + 1, &unit[1..]),
        None => (0, unit.as_str()),
    };
    match rest {
        "" | "i" | "b" | "ib" => Ok((size * 1024f64.powi(power as i32)) as i64),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_count_by_1024() {
        for (text, bytes) in [
            ("64m", 64 << 20),
            ("64MB", 64 << 20),
            ("64MiB", 64 << 20),
            ("1Gi", 1 << 30),
            ("1.5g", 3 << 29),
            ("64 mb", 64 << 20),
            ("1024b", 1024),
            ("1024", 1024),
            ("0", 0),
            ("1 ", 1),
            ("1t", 1 << 40),
            ("-1", -1),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_size() {
        for text in ["", "-1k", "abc", "1  g", "1.", ".5g", "1.2.3", "1x", "1gbb", "-"] {
            assert_eq!(parse(text), Err(SizeError(text.into())));
        }
    }
}
