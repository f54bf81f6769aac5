//! The type and value of a scalar: Go's yaml.v3 `resolve`, rule by rule, because Compose reads its files with it.
//!
//! It follows neither YAML 1.1 nor 1.2: `yes` is a string, `0755` is octal, `1_000` is a number, a
//! date is a timestamp, and a number too large for 64 bits is a float.

use super::timestamp;
use crate::compose::yaml::Value;

/// How a scalar was written, as far as its meaning depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notation {
    /// Without quotes, so that its type is found from its text.
    Plain,
    /// In quotes or as a block, so that it is a string unless a tag says otherwise.
    Quoted,
}

/// The value of a scalar with the short form of its explicit tag (`!!int`), if it has one.
///
/// # Errors
///
/// The words of yaml.v3 where text and tag do not go together.
pub(super) fn resolve(tag: Option<&str>, text: &str, notation: Notation) -> Result<Value, String> {
    let tag = match (tag, notation) {
        (None, Notation::Quoted) | (Some("!!str"), _) => return Ok(Value::Text(text.to_owned())),
        (None, Notation::Plain) => return Ok(plain(text, Timestamps::Read).1),
        (Some("!!binary"), _) => {
            return binary(text)
                .map(Value::Text)
                .ok_or_else(|| "!!binary value contains invalid base64 data".to_owned());
        }
        (Some(tag @ ("!!bool" | "!!int" | "!!float" | "!!null" | "!!timestamp")), _) => tag,
        // A tag that means nothing to YAML itself leaves the text alone.
        (Some(_), _) => return Ok(Value::Text(text.to_owned())),
    };
    let timestamps = if tag == "!!timestamp" { Timestamps::Read } else { Timestamps::Leave };
    match (tag, plain(text, timestamps)) {
        (tag, (kind, value)) if tag == kind => Ok(value),
        ("!!float", ("!!int", Value::Int(n))) if i64::try_from(n).is_ok() => Ok(Value::Float(n as f64)),
        (tag, (kind, _)) => Err(format!("cannot decode {kind} `{text}` as a {tag}")),
    }
}

/// Whether a plain scalar with this text is a string.
pub(super) fn is_plain_text(text: &str) -> bool {
    text != "<<" && plain(text, Timestamps::Read).0 == "!!str"
}

/// Whether a text that looks like a date is one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Timestamps {
    Read,
    Leave,
}

/// The tag and the value that the text of a plain scalar stands for.
fn plain(text: &str, timestamps: Timestamps) -> (&'static str, Value) {
    let string = || ("!!str", Value::Text(text.to_owned()));
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ("!!null", Value::Null),
        "true" | "True" | "TRUE" => return ("!!bool", Value::Bool(true)),
        "false" | "False" | "FALSE" => return ("!!bool", Value::Bool(false)),
        ".nan" | ".NaN" | ".NAN" => return ("!!float", Value::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return ("!!float", Value::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => return ("!!float", Value::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    match text.as_bytes()[0] {
        b'.' if is_decimal(text) => finite(text).map_or_else(string, |f| ("!!float", Value::Float(f))),
        b'+' | b'-' | b'0'..=b'9' => {
            if timestamps == Timestamps::Read
                && let Some(date) = timestamp::parse(text)
            {
                return ("!!timestamp", Value::Text(date));
            }
            number(&text.replace('_', "")).unwrap_or_else(string)
        }
        _ => string(),
    }
}

/// A number without its `_`: an integer of any base, else a decimal float.
fn number(text: &str) -> Option<(&'static str, Value)> {
    let int = |n| Some(("!!int", Value::Int(n)));
    if let Some(n) = signed(text, Base::OfPrefix).or_else(|| unsigned(text, Base::OfPrefix)) {
        return int(n);
    }
    if is_decimal(text)
        && let Some(f) = finite(text)
    {
        return Some(("!!float", Value::Float(f)));
    }
    // Second readings of yaml.v3, which take a sign behind the prefix: `0b-1` is -1.
    for (prefix, base) in [("0b", Base::Is(2)), ("0o", Base::Is(8))] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return signed(digits, base).or_else(|| unsigned(digits, base)).and_then(int);
        }
    }
    None
}

/// The base of an integer.
#[derive(Clone, Copy)]
enum Base {
    /// `0x`, `0o`, `0b` or a mere `0` for octal say it, else it is ten.
    OfPrefix,
    /// This one.
    Is(u32),
}

/// Go's `strconv.ParseInt` with 64 bits.
fn signed(text: &str, base: Base) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let n = unsigned(digits, base)?;
    let n = if negative { -n } else { n };
    i64::try_from(n).ok().map(i128::from)
}

/// Go's `strconv.ParseUint` with 64 bits.
fn unsigned(text: &str, base: Base) -> Option<i128> {
    let (digits, radix) = match (base, text.as_bytes()) {
        (_, []) => return None,
        (Base::Is(radix), _) => (text, radix),
        (Base::OfPrefix, [b'0', b'b' | b'B', _, ..]) => (&text[2..], 2),
        (Base::OfPrefix, [b'0', b'o' | b'O', _, ..]) => (&text[2..], 8),
        (Base::OfPrefix, [b'0', b'x' | b'X', _, ..]) => (&text[2..], 16),
        (Base::OfPrefix, [b'0']) => return Some(0),
        (Base::OfPrefix, [b'0', ..]) => (&text[1..], 8),
        (Base::OfPrefix, _) => (text, 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok().map(i128::from)
}

/// Whether it matches yaml.v3's `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    mantissa_ok && exponent_ok
}

/// A decimal float that 64 bits can hold; Go refuses `1e400`, which then stays a string.
fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|f| f.is_finite())
}

/// The text of standard base64, whose line breaks are skipped, as Go's decoder does.
fn binary(text: &str) -> Option<String> {
    let text: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut chunks = text.chunks(4).peekable();
    while let Some(chunk) = chunks.next() {
        let padding = chunk.iter().rev().take_while(|b| **b == b'=').count();
        if padding > 2 || (padding > 0 && chunks.peek().is_some()) {
            return None;
        }
        let mut word = 0_u32;
        for b in &chunk[..4 - padding] {
            let six = match b {
                b'A'..=b'Z' => b - b'A',
                b'a'..=b'z' => b - b'a' + 26,
                b'0'..=b'9' => b - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            word = word << 6 | u32::from(six);
        }
        word <<= 6 * padding;
        bytes.extend_from_slice(&word.to_be_bytes()[1..4 - padding]);
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_compose_reads() {
        let int = |n| Value::Int(n);
        let text = |s: &str| Value::Text(s.to_owned());
        for (written, value) in [
            ("010", int(8)),
            ("0o10", int(8)),
            ("0x1F", int(31)),
            ("0b11", int(3)),
            ("0b-1", int(-1)),
            ("1_000", int(1000)),
            ("0", int(0)),
            ("00", int(0)),
            ("-0", int(0)),
            ("+1", int(1)),
            ("12345678901234567890", int(12_345_678_901_234_567_890)),
            ("123456789012345678901", Value::Float(123_456_789_012_345_678_901.0)),
            ("08", Value::Float(8.0)),
            ("1e3", Value::Float(1000.0)),
            ("1.", Value::Float(1.0)),
            (".5", Value::Float(0.5)),
            ("+.5", Value::Float(0.5)),
            ("1e400", text("1e400")),
            ("22:22", text("22:22")),
            ("1.20.3", text("1.20.3")),
            ("-", text("-")),
            (".", text(".")),
            ("0x", text("0x")),
            ("yes", text("yes")),
            ("tRUE", text("tRUE")),
            ("True", Value::Bool(true)),
            ("Null", Value::Null),
            ("~", Value::Null),
            ("nULL", text("nULL")),
        ] {
            assert_eq!(resolve(None, written, Notation::Plain), Ok(value), "{written}");
        }
    }

    #[test]
    fn tags_convert_or_refuse() {
        let quoted = |tag, text| resolve(Some(tag), text, Notation::Quoted);
        assert_eq!(quoted("!!int", "5"), Ok(Value::Int(5)));
        assert_eq!(quoted("!!float", "5"), Ok(Value::Float(5.0)));
        assert_eq!(quoted("!!str", "010"), Ok(Value::Text("010".to_owned())));
        assert_eq!(quoted("!vault", "010"), Ok(Value::Text("010".to_owned())));
        assert_eq!(quoted("!!binary", "aGk="), Ok(Value::Text("hi".to_owned())));
        assert!(quoted("!!binary", "aGk").is_err());
        assert!(quoted("!!int", "x").is_err());
        assert!(quoted("!!bool", "yes").is_err());
    }
}
