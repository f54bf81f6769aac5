//! Numbers and booleans as Go reads and writes them.

use crate::compose::yaml::Value;

/// A boolean out of text, with the words of YAML 1.1 that Compose still takes.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "y" | "yes" | "on" => Some(true),
        "false" | "n" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Whether Compose warns about this word for a boolean.
pub fn is_old_bool(text: &str) -> bool {
    !text.eq_ignore_ascii_case("true") && !text.eq_ignore_ascii_case("false") && parse_bool(text).is_some()
}

/// A decimal integer of 64 bits out of text, as `strconv.ParseInt` with base 10.
pub fn parse_int(text: &str) -> Option<i64> {
    // Rust's parser takes the same language: an optional sign, then digits.
    text.parse().ok()
}

/// A float out of text, as `strconv.ParseFloat`: decimal, `inf`, `nan`, or hexadecimal with an exponent of two.
pub fn parse_float(text: &str) -> Option<f64> {
    let unsigned = text.trim_start_matches(['+', '-']);
    if unsigned.starts_with("0x") || unsigned.starts_with("0X") { None } else { text.parse().ok() }
}

/// Go's `%v` of a float: the shortest digits, with an exponent below 1e-4 and from 1e6 on.
pub fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value != 0.0 && !(-4..6).contains(&exponent) {
        return format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    }
    format!("{value}")
}

/// The same for a float of 32 bits.
pub fn float32_text(value: f32) -> String {
    let scientific = format!("{value:e}");
    let exponent: i32 = scientific.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    if value != 0.0 && !(-4..6).contains(&exponent) {
        let digits = scientific.split('e').next().unwrap_or_default();
        return format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    }
    value.to_string()
}

/// Go's `%v` of a scalar; `None` for null, lists and mappings.
pub fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::Bool(b) => Some(b.to_string()),
        Value::Int(i) => Some(i.to_string()),
        Value::Float(f) => Some(float_text(*f)),
        Value::Text(s) => Some(s.clone()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// A float as Go's `encoding/json` writes it: an exponent below 1e-6 and from 1e21 on.
pub fn float_json(value: f64) -> String {
    json_number(value == 0.0 || (1e-6..1e21).contains(&value.abs()), value.to_string(), format!("{value:e}"))
}

/// The same for a float of 32 bits, whose shortest digits are fewer.
pub fn float32_json(value: f32) -> String {
    json_number(value == 0.0 || (1e-6..1e21).contains(&value.abs()), value.to_string(), format!("{value:e}"))
}

fn json_number(is_plain: bool, plain: String, scientific: String) -> String {
    if is_plain || scientific.contains("e-") {
        return if is_plain { plain } else { scientific };
    }
    scientific.replace('e', "e+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_go_prints_them() {
        for (value, text, json) in [
            (1.0, "1", "1"),
            (1.10, "1.1", "1.1"),
            (0.5, "0.5", "0.5"),
            (123456.7, "123456.7", "123456.7"),
            (1e6, "1e+06", "1000000"),
            (1234567.0, "1.234567e+06", "1234567"),
            (1e21, "1e+21", "1e+21"),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "1e-05", "0.00001"),
            (1e-7, "1e-07", "1e-7"),
            (-0.0, "-0", "-0"),
        ] {
            assert_eq!(float_text(value), text);
            assert_eq!(float_json(value), json);
        }
        assert_eq!(float32_json(0.1), "0.1");
    }

    #[test]
    fn booleans_of_yaml_1_1() {
        assert_eq!(parse_bool("Yes"), Some(true));
        assert_eq!(parse_bool("off"), Some(false));
        assert_eq!(parse_bool("1"), None);
        assert!(is_old_bool("no") && !is_old_bool("False"));
    }
}
