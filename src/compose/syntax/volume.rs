//! Mounts of a service: `[source:]target[:options]`.

use thiserror::Error;

/// A mount as its short form says it, before paths are resolved.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Mount {
    /// A path of the host or a named volume; an anonymous volume without one.
    pub kind: MountKind,
    /// The path or the volume's name; empty for an anonymous volume.
    pub source: String,
    /// The path in the container.
    pub target: String,
    /// Whether `ro` was given last.
    pub read_only: bool,
    /// The last `z` or `Z`.
    pub selinux: Option<&'static str>,
    /// The last propagation given.
    pub propagation: Option<&'static str>,
    /// The options of the volume in the long form.
    pub volume_options: VolumeOptions,
}

/// The source of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MountKind {
    /// A path of the host, created when it is missing.
    Bind,
    /// A named or anonymous volume.
    #[default]
    Volume,
}

/// The options of a volume that a short form implies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum VolumeOptions {
    /// None are printed: binds, and targets of one or two bytes.
    #[default]
    Absent,
    /// Printed as an empty mapping.
    Default,
    /// `nocopy` was given.
    NoCopy,
}

/// Why a mount cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VolumeError {
    /// The whole text is empty.
    #[error("the volume is empty")]
    Empty,
    /// A colon has nothing before or after it.
    #[error("there is nothing before or after a colon")]
    EmptySection,
    /// More than source, target and options.
    #[error("there are too many colons")]
    TooManyColons,
}

impl VolumeError {
    /// The way out.
    pub fn hint(self) -> &'static str {
        match self {
            VolumeError::Empty => "write `SOURCE:TARGET`",
            VolumeError::EmptySection => "a variable may be unset: write `SOURCE:TARGET`, or `TARGET` alone",
            VolumeError::TooManyColons => {
                "use the long form, with `type`, `source` and `target`, for a path with a colon"
            }
        }
    }
}

const PROPAGATIONS: [&str; 6] = ["rprivate", "private", "rshared", "shared", "rslave", "slave"];

/// Reads one entry of a service's `volumes:`. Unknown options are ignored, as Compose does.
pub fn parse(text: &str) -> Result<Mount, VolumeError> {
    let mut mount = Mount::default();
    match text.len() {
        0 => return Err(VolumeError::Empty),
        // Too short for the parser: Compose takes it as the target of an anonymous volume.
        1 | 2 => {
            mount.target = text.into();
            return Ok(mount);
        }
        _ => {}
    }
    let mut sections = sections(text).into_iter().peekable();
    while let Some(section) = sections.next() {
        let last = sections.peek().is_none();
        match section {
            "" => return Err(VolumeError::EmptySection),
            target if mount.source.is_empty() && last => mount.target = target.into(),
            source if mount.source.is_empty() => mount.source = source.into(),
            target if mount.target.is_empty() => mount.target = target.into(),
            _ if !last => return Err(VolumeError::TooManyColons),
            options => options.split(',').for_each(|option| set_option(&mut mount, option)),
        }
    }
    if is_path(&mount.source) {
        mount.kind = MountKind::Bind;
    } else if mount.volume_options == VolumeOptions::Absent {
        mount.volume_options = VolumeOptions::Default;
    }
    Ok(mount)
}

/// The sections between colons; the colon of a drive letter belongs to its section.
fn sections(text: &str) -> Vec<&str> {
    let mut sections = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(':') {
        let section = &text[start..at];
        let drive = section.chars().count() == 1 && section.starts_with(char::is_alphabetic);
        if !drive {
            sections.push(section);
            start = at + 1;
        }
    }
    sections.push(&text[start..]);
    sections
}

fn set_option(mount: &mut Mount, option: &str) {
    match option {
        "ro" => mount.read_only = true,
        "rw" => mount.read_only = false,
        "nocopy" => mount.volume_options = VolumeOptions::NoCopy,
        "z" => mount.selinux = Some("z"),
        "Z" => mount.selinux = Some("Z"),
        other => {
            if let Some(propagation) = PROPAGATIONS.into_iter().find(|p| *p == other) {
                mount.propagation = Some(propagation);
            }
        }
    }
}

/// Whether a source is a path of the host rather than the name of a volume.
fn is_path(source: &str) -> bool {
    let mut chars = source.chars();
    let drive = matches!((chars.next(), chars.next()), (Some(c), Some(':')) if c.is_alphabetic());
    source.starts_with(['.', '/', '~']) || source.starts_with(r"\\") || drive
}

/// Whether the text looks like a volume of one letter, which Compose takes for a Windows drive.
pub fn is_drive_lookalike(text: &str) -> bool {
    let mut chars = text.chars();
    matches!((chars.next(), chars.next(), chars.next()), (Some(letter), Some(':'), Some('/')) if letter.is_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_bind_and_names_are_volumes() {
        let bind = parse("./a:/b:ro,z,rslave,cached").unwrap();
        assert_eq!((bind.kind, bind.source.as_str(), bind.target.as_str()), (MountKind::Bind, "./a", "/b"));
        assert_eq!((bind.read_only, bind.selinux, bind.propagation), (true, Some("z"), Some("rslave")));
        let volume = parse("data:/b").unwrap();
        assert_eq!((volume.kind, volume.volume_options), (MountKind::Volume, VolumeOptions::Default));
        assert_eq!(parse("data:/b:nocopy").unwrap().volume_options, VolumeOptions::NoCopy);
    }

    #[test]
    fn short_targets_are_anonymous() {
        assert_eq!(parse("/x").unwrap().volume_options, VolumeOptions::Absent);
        assert_eq!(
            parse("/data").unwrap(),
            Mount { target: "/data".into(), volume_options: VolumeOptions::Default, ..Mount::default() }
        );
    }

    #[test]
    fn one_letter_is_a_drive() {
        let drive = parse("v:/data").unwrap();
        assert_eq!((drive.kind, drive.source.as_str(), drive.target.as_str()), (MountKind::Volume, "", "v:/data"));
        assert!(is_drive_lookalike("v:/data") && !is_drive_lookalike("vol:/data"));
        assert_eq!(parse(r"c:\a:/b").unwrap().kind, MountKind::Bind);
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(parse(""), Err(VolumeError::Empty));
        assert_eq!(parse(":/x"), Err(VolumeError::EmptySection));
        assert_eq!(parse("./a:"), Err(VolumeError::EmptySection));
        assert_eq!(parse("./a:/b:ro:z"), Err(VolumeError::TooManyColons));
    }
}
