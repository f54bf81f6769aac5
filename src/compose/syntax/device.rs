//! Devices: `source[:target[:permissions]]`, or a CDI name.

use thiserror::Error;

/// A device of the host given to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device<'a> {
    /// The path on the host, or a CDI name (`vendor/class=name`).
    pub source: &'a str,
    /// The path in the container.
    pub target: &'a str,
    /// Of `r`, `w`, `m`.
    pub permissions: &'a str,
}

/// The text has more than three parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a device has at most a source, a target and permissions")]
pub struct DeviceError;

/// Reads one entry of `devices:`. The second part is always the target, even where it looks like permissions.
pub fn parse(text: &str) -> Result<Device<'_>, DeviceError> {
    let mut parts = text.split(':');
    let source = parts.next().unwrap_or("");
    let target = parts.next().filter(|t| !t.is_empty()).unwrap_or(source);
    let permissions = parts.next().unwrap_or("rwm");
    match parts.next() {
        None => Ok(Device { source, target, permissions }),
        Some(_) => Err(DeviceError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_default_from_the_left() {
        let shown = |t| parse(t).map(|d| (d.source, d.target, d.permissions));
        assert_eq!(shown("/dev/a"), Ok(("/dev/a", "/dev/a", "rwm")));
        assert_eq!(shown("/dev/a:/dev/b"), Ok(("/dev/a", "/dev/b", "rwm")));
        assert_eq!(shown("/dev/a:r"), Ok(("/dev/a", "r", "rwm")), "Compose does not guess");
        assert_eq!(shown("/dev/a::r"), Ok(("/dev/a", "/dev/a", "r")));
        assert_eq!(shown("a:b:c:d"), Err(DeviceError));
    }
}
