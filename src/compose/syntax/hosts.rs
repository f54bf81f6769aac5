//! Extra hosts: `name:ip` or `name=ip`, several addresses separated by commas.

use thiserror::Error;

/// Why an extra host cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HostError {
    /// No separator.
    #[error("`{0}` names a host without an address")]
    NoAddress(String),
    /// An empty name, or one with a separator in it.
    #[error("`{0}` is not a host name")]
    BadName(String),
}

/// A name and its addresses, without brackets. `=` wins over `:`, so that IPv6 addresses need no care.
pub fn parse(text: &str) -> Result<(&str, Vec<&str>), HostError> {
    let (name, addresses) =
        text.split_once('=').or_else(|| text.split_once(':')).ok_or_else(|| HostError::NoAddress(text.into()))?;
    check_name(name)?;
    Ok((name, addresses.split(',').map(without_brackets).collect()))
}

/// Whether a host's name can be told from its address.
pub fn check_name(name: &str) -> Result<(), HostError> {
    if name.is_empty() || name.contains([':', '=']) { Err(HostError::BadName(name.into())) } else { Ok(()) }
}

/// `[::1]` → `::1`.
pub fn without_brackets(address: &str) -> &str {
    match address.strip_prefix('[').and_then(|a| a.strip_suffix(']')) {
        Some(inner) if !inner.is_empty() => inner,
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_separators_and_brackets() {
        assert_eq!(parse("h:1.2.3.4"), Ok(("h", vec!["1.2.3.4"])));
        assert_eq!(parse("h=[::1]"), Ok(("h", vec!["::1"])));
        assert_eq!(parse("h:::1"), Ok(("h", vec!["::1"])));
        assert_eq!(parse("h=1.1.1.1,2.2.2.2"), Ok(("h", vec!["1.1.1.1", "2.2.2.2"])));
        assert_eq!(parse("h"), Err(HostError::NoAddress("h".into())));
        assert_eq!(parse("=1.1.1.1"), Err(HostError::BadName("".into())));
    }
}
