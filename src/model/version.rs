//! Tags of images as versions: which tag is a newer one of the same kind, and by how much.
//!
//! A tag is `[v]N[.N…][pre-release][-kind][-revision]`. Two tags are compared only if everything but their numbers is the
//! same: the leading `v`, the count of the components, and the kind, which is all that follows the first hyphen and is no
//! pre-release. So `16-alpine` has `17-alpine` as its newer one and never `17`, and `12.14` never `12.15.0`.

use std::cmp::Ordering;
use std::fmt;

/// A tag that is a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    prefix: Prefix,
    /// The numbers; never empty.
    numbers: Vec<u64>,
    /// How many digits the first of them is written with.
    leading_digits: usize,
    pre_release: Option<PreRelease>,
    kind: String,
    revision: Option<Revision>,
}

/// The letter before the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prefix {
    Nothing,
    V,
}

/// A version before the version: `rc1`, `beta.2`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PreRelease {
    stage: Stage,
    numbers: Vec<u64>,
}

/// How near a pre-release is to its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Dev,
    Alpha,
    Beta,
    Candidate,
}

/// How often one version was packed: `ls231` of LinuxServer.io, `r5` of Bitnami.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Revision {
    letters: &'static str,
    number: u64,
}

/// How much a newer tag changes: which component is the first that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The third component, a later one, or nothing but the way it is packed.
    Patch,
    /// The second.
    Minor,
    /// The first.
    Major,
}

impl Level {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Patch => "patch",
            Level::Minor => "minor",
            Level::Major => "major",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// From so many digits on, the first component is taken for a date, a year or a count of builds.
const DATE_DIGITS: usize = 4;

/// The words that begin a pre-release.
const STAGES: [(&str, Stage); 14] = [
    ("development", Stage::Dev),
    ("snapshot", Stage::Dev),
    ("nightly", Stage::Dev),
    ("canary", Stage::Dev),
    ("preview", Stage::Beta),
    ("alpha", Stage::Alpha),
    ("beta", Stage::Beta),
    ("dev", Stage::Dev),
    ("pre", Stage::Beta),
    ("rc", Stage::Candidate),
    ("cr", Stage::Candidate),
    ("ea", Stage::Alpha),
    ("a", Stage::Alpha),
    ("b", Stage::Beta),
];

/// The letters of a revision.
const REVISIONS: [&str; 2] = ["ls", "r"];

impl Version {
    /// Reads a tag; none for one that is no version, such as `latest`.
    pub fn parse(tag: &str) -> Option<Version> {
        let (prefix, rest) = match tag.strip_prefix('v') {
            Some(rest) => (Prefix::V, rest),
            None => (Prefix::Nothing, tag),
        };
        let (core, suffix) = match rest.split_once('-') {
            Some((_, "")) => return None,
            Some((core, suffix)) => (core, suffix),
            None => (rest, ""),
        };
        let numeric = core.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (numeric, glued) = core.split_at(numeric);
        // `3.13.0rc1` and `3.13.0.rc1` are one.
        let numeric = if glued.is_empty() { numeric } else { numeric.strip_suffix('.').unwrap_or(numeric) };
        let numbers = numbers(numeric)?;
        let leading_digits = numeric.split('.').next().unwrap_or_default().len();
        let (pre_release, kind) = match glued {
            "" => match suffix.split_once('-') {
                Some((first, rest)) if PreRelease::parse(first, Letters::Words).is_some() => {
                    (PreRelease::parse(first, Letters::Words), rest)
                }
                None if PreRelease::parse(suffix, Letters::Words).is_some() => {
                    (PreRelease::parse(suffix, Letters::Words), "")
                }
                Some(_) | None => (None, suffix),
            },
            glued => (Some(PreRelease::parse(glued, Letters::Any)?), suffix),
        };
        let (kind, revision) = Revision::cut(kind);
        Some(Version { prefix, numbers, leading_digits, pre_release, kind: kind.to_owned(), revision })
    }

    /// By how much `other` is newer than this one; none if it is not newer, or of another kind. A pre-release is no news for
    /// whoever does not use one of the same stage.
    pub fn newer(&self, other: &Version) -> Option<Level> {
        if !self.is_comparable(other) || !self.welcomes(other) || self.order(other) != Ordering::Less {
            return None;
        }
        let differs = self.numbers.iter().zip(&other.numbers).position(|(own, new)| own != new);
        Some(match differs {
            Some(0) => Level::Major,
            Some(1) => Level::Minor,
            Some(_) | None => Level::Patch,
        })
    }

    /// Whether nothing but numbers and the stage of a pre-release tells the two apart.
    fn is_comparable(&self, other: &Version) -> bool {
        let is_date = |version: &Version| version.leading_digits >= DATE_DIGITS;
        let letters = |version: &Version| version.revision.as_ref().map(|revision| revision.letters);
        self.prefix == other.prefix
            && self.numbers.len() == other.numbers.len()
            && self.kind == other.kind
            && letters(self) == letters(other)
            // A date is not a newer version, and a year not a newer day.
            && (!(is_date(self) || is_date(other)) || self.leading_digits == other.leading_digits)
    }

    /// Whether somebody who uses this one wants to know of the other.
    fn welcomes(&self, other: &Version) -> bool {
        match (&self.pre_release, &other.pre_release) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(new)) => own.stage == new.stage,
        }
    }

    /// The order in time of two comparable versions.
    fn order(&self, other: &Version) -> Ordering {
        let pre = |version: &Version| match &version.pre_release {
            Some(pre) => (0, Some(pre.stage), pre.numbers.clone()),
            None => (1, None, Vec::new()),
        };
        let revision = |version: &Version| version.revision.as_ref().map_or(0, |revision| revision.number);
        let numbers = self.numbers.cmp(&other.numbers);
        numbers.then_with(|| pre(self).cmp(&pre(other))).then_with(|| revision(self).cmp(&revision(other)))
    }
}

/// A newer tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newer {
    /// The tag.
    pub tag: String,
    /// How much it changes.
    pub level: Level,
}

/// The tags that are newer versions of the kind of `current`, the newest first; none if `current` is no version. Of two
/// spellings of one version the first by name counts.
pub fn newer_tags<'t>(current: &str, tags: impl IntoIterator<Item = &'t str>) -> Vec<Newer> {
    let Some(current) = Version::parse(current) else { return Vec::new() };
    let newer = |tag| {
        let version = Version::parse(tag)?;
        Some((current.newer(&version)?, version, tag))
    };
    let mut found: Vec<(Level, Version, &str)> = tags.into_iter().filter_map(newer).collect();
    found.sort_by(|(_, a, a_tag), (_, b, b_tag)| b.order(a).then_with(|| a_tag.cmp(b_tag)));
    found.dedup_by(|(_, a, _), (_, b, _)| a.order(b) == Ordering::Equal);
    found.into_iter().map(|(level, _, tag)| Newer { tag: tag.to_owned(), level }).collect()
}

/// `1.2.3` as numbers.
fn numbers(text: &str) -> Option<Vec<u64>> {
    text.split('.').map(number).collect()
}

/// A number as versions have it: digits and nothing else.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Which spellings of a stage count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Letters {
    /// Words only: after a hyphen `a` and `b` may be anything.
    Words,
    /// `a` and `b` as well, which stand for alpha and beta right behind a number.
    Any,
}

impl PreRelease {
    /// Reads `rc1`, `rc.1`, `beta`, `alpha3`; none for what merely begins alike, such as `alpine`.
    fn parse(text: &str, letters: Letters) -> Option<PreRelease> {
        let lower = text.to_ascii_lowercase();
        let word = lower.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, rest) = lower.split_at(word);
        let (_, stage) = STAGES.iter().find(|(name, _)| *name == word)?;
        if word.len() == 1 && letters == Letters::Words {
            return None;
        }
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        let numbers = if rest.is_empty() { Vec::new() } else { numbers(rest)? };
        Some(PreRelease { stage: *stage, numbers })
    }
}

impl Revision {
    /// Takes the revision off the end of a kind.
    fn cut(kind: &str) -> (&str, Option<Revision>) {
        let (before, last) = kind.rsplit_once('-').unwrap_or(("", kind));
        for letters in REVISIONS {
            let digits = last.strip_prefix(letters).filter(|digits| !digits.is_empty());
            if let Some(number) = digits.and_then(number) {
                return (before, Some(Revision { letters, number }));
            }
        }
        (kind, None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn level(own: &str, other: &str) -> Option<Level> {
        Version::parse(own).and_then(|own| own.newer(&Version::parse(other)?))
    }

    #[test]
    fn a_newer_tag_is_of_the_same_kind() {
        use Level::{Major, Minor, Patch};
        for (own, other, expected) in [
            // Numbers, not texts.
            ("1.9", "1.10", Some(Minor)),
            ("1.30.4", "1.30.5", Some(Patch)),
            ("1.30.4", "1.31.0", Some(Minor)),
            ("1.30.4", "2.0.0", Some(Major)),
            ("1.30.4", "1.30.4", None),
            ("1.30.4", "1.30.3", None),
            ("2.0.0", "1.99.99", None),
            ("16", "17", Some(Major)),
            ("17", "16", None),
            ("9", "10", Some(Major)),
            ("0.107.52", "0.107.53", Some(Patch)),
            ("0.5", "0.6", Some(Minor)),
            ("4.0.9.2244", "4.0.9.2245", Some(Patch)),
            ("4.0.9.2244", "4.0.10.1", Some(Patch)),
            ("4.0.9.2244", "4.1.0.1", Some(Minor)),
            // The number of components is kept.
            ("12.14", "12.15", Some(Minor)),
            ("12.14", "12.15.0", None),
            ("12.14", "13", None),
            ("12", "12.1", None),
            ("1.2.3", "1.3", None),
            // So is the kind.
            ("16-alpine", "17-alpine", Some(Major)),
            ("16-alpine", "17", None),
            ("16", "17-alpine", None),
            ("16-alpine", "17-bookworm", None),
            ("16.2-alpine", "16.3-alpine", Some(Minor)),
            ("16-alpine3.19", "17-alpine3.20", None),
            ("16-alpine3.19", "17-alpine3.19", Some(Major)),
            ("1.2.3-fpm-alpine", "1.2.4-fpm-alpine", Some(Patch)),
            ("1.2.3-fpm-alpine", "1.2.4-fpm", None),
            ("1.2.3-fpm-alpine", "1.2.4-apache", None),
            ("1.119.0-openvino", "1.120.0-openvino", Some(Minor)),
            // And the leading v.
            ("v1.2.3", "v1.2.4", Some(Patch)),
            ("v1.2.3", "1.2.4", None),
            ("1.2.3", "v1.2.4", None),
            ("v1.119.0-openvino", "v1.120.0-openvino", Some(Minor)),
            // Pre-releases are for those who use one of the stage.
            ("1.2.3", "1.3.0-rc1", None),
            ("1.2.3", "1.3.0-rc.1", None),
            ("1.2.3", "1.3.0-beta", None),
            ("1.2.3", "1.3.0-alpha3", None),
            ("1.2.3", "1.3.0-dev", None),
            ("1.2.3", "1.3.0-nightly", None),
            ("1.2.3", "1.3.0rc1", None),
            ("2024.10.1", "2024.11.0b3", None),
            ("1.2.3-alpine", "1.3.0-rc1-alpine", None),
            ("1.3.0-rc1", "1.3.0-rc2", Some(Patch)),
            ("1.3.0-rc9", "1.3.0-rc10", Some(Patch)),
            ("1.3.0-rc.1", "1.3.0-rc.2", Some(Patch)),
            ("1.3.0-RC1", "1.3.0-RC2", Some(Patch)),
            ("1.3.0rc1", "1.3.0rc2", Some(Patch)),
            ("1.3.0-rc2", "1.3.0-rc1", None),
            ("1.3.0-rc1", "1.3.0", Some(Patch)),
            ("1.3.0-rc1", "1.4.0", Some(Minor)),
            ("1.3.0-rc1", "1.2.9", None),
            ("1.3.0", "1.3.0-rc1", None),
            ("1.3.0-rc1", "1.4.0-beta1", None),
            ("1.3.0-beta1", "1.3.0-rc1", None),
            ("1.3.0-beta1", "1.3.0-beta2", Some(Patch)),
            ("1.3.0-rc1-alpine", "1.3.0-rc2-alpine", Some(Patch)),
            ("1.3.0-rc1-alpine", "1.3.0-alpine", Some(Patch)),
            ("1.3.0-rc1-alpine", "1.3.0", None),
            ("2024.11.0b1", "2024.11.0b2", Some(Patch)),
            // Dates are versions among themselves.
            ("2024.10.1", "2024.10.2", Some(Patch)),
            ("2024.10.1", "2024.11.0", Some(Minor)),
            ("2024.10.1", "2025.1.0", Some(Major)),
            ("2024.9.3", "2024.10.0", Some(Minor)),
            ("20240101", "20240201", Some(Major)),
            ("20240101-slim", "20240201-slim", Some(Major)),
            ("3.19", "20240101", None),
            ("3", "20240101", None),
            ("20240101", "3", None),
            ("2024", "20240101", None),
            ("3.19", "2024.1", None),
            ("3.19", "4444.1", None),
            ("24.04", "24.10", Some(Minor)),
            ("22.04", "24.04", Some(Major)),
            // Zeros in front change nothing.
            ("2024.01.1", "2024.1.1", None),
            ("2024.01.1", "2024.02.1", Some(Minor)),
            // How often it was packed comes last.
            ("4.0.9-ls230", "4.0.9-ls231", Some(Patch)),
            ("4.0.9-ls230", "4.0.10-ls1", Some(Patch)),
            ("4.0.9-ls230", "4.0.10", None),
            ("16.1.0-debian-12-r5", "16.1.0-debian-12-r6", Some(Patch)),
            ("16.1.0-debian-12-r5", "16.2.0-debian-12-r0", Some(Minor)),
            ("16.1.0-debian-12-r5", "16.2.0-debian-11-r9", None),
        ] {
            assert_eq!(level(own, other), expected, "{own} → {other}");
        }
    }

    #[test]
    fn names_are_no_versions() {
        for tag in [
            "latest",
            "stable",
            "alpine",
            "alpine3.20",
            "nightly",
            "version-1.2.3",
            "release-1",
            "RELEASE.2024-01-02T03-04-05Z",
            "",
            "v",
            "-1",
            "1-",
            "1..2",
            ".1",
            "1.",
            "1_2",
            "1.x",
            "7a3f9c1",
            "99999999999999999999999",
            "sha-abc",
        ] {
            assert_eq!(Version::parse(tag), None, "{tag}");
            assert_eq!(newer_tags(tag, ["1", "2.0.0"]), [], "{tag}");
        }
    }

    #[test]
    fn the_newest_comes_first_and_once() {
        let tags =
            ["1.30.5", "latest", "1.31.1", "2.0.0-rc1", "1.30.4", "2.0.0", "1.31", "v3.0.0", "1.31.01", "1.31.2"];
        let found = newer_tags("1.30.4", tags);
        let found: Vec<_> = found.iter().map(|newer| (newer.tag.as_str(), newer.level)).collect();
        assert_eq!(
            found,
            [("2.0.0", Level::Major), ("1.31.2", Level::Minor), ("1.31.01", Level::Minor), ("1.30.5", Level::Patch)]
        );
    }

    const TAG: &str = "v?[0-9]{1,5}(\\.[0-9]{1,4}){0,3}(-?(rc|beta|alpha|dev)\\.?[0-9]{0,2})?(-(alpine|slim|fpm-alpine|ls[0-9]{1,3}))?";

    proptest! {
        #[test]
        fn any_text_can_be_asked(own in "\\PC{0,20}", other in "[v0-9a-z.-]{0,20}") {
            let _ = level(&own, &other);
            let _ = newer_tags(&other, [own.as_str()]);
        }

        #[test]
        fn nothing_is_newer_than_itself_and_no_two_than_one_another(own in TAG, other in TAG) {
            prop_assert_eq!(level(&own, &own), None);
            prop_assert!(level(&own, &other).is_none() || level(&other, &own).is_none(), "{} {}", own, other);
        }

        #[test]
        fn newer_than_a_newer_one_is_newer(a in TAG, b in TAG, c in TAG) {
            if level(&a, &b).is_some() && level(&b, &c).is_some() {
                prop_assert!(level(&a, &c).is_some(), "{} {} {}", a, b, c);
            }
        }

        #[test]
        fn what_is_proposed_keeps_its_form(own in TAG, tags in prop::collection::vec(TAG, 0..20)) {
            let form = |tag: &str| (tag.starts_with('v'), tag.split('-').next().unwrap_or_default().matches('.').count());
            let is_pre = |tag: &str| ["rc", "beta", "alpha", "dev"].iter().any(|word| tag.contains(word));
            let found = newer_tags(&own, tags.iter().map(String::as_str));
            for newer in &found {
                if !is_pre(&own) {
                    prop_assert_eq!(form(&newer.tag), form(&own));
                    prop_assert!(!is_pre(&newer.tag));
                    // The kind is that of the tag in use; a revision is a number.
                    let kind = |tag: &str| {
                        let kind = tag.split_once('-').map_or("", |(_, kind)| kind).to_owned();
                        kind.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()
                    };
                    prop_assert_eq!(kind(&newer.tag), kind(&own));
                }
            }
            for pair in found.windows(2) {
                prop_assert!(level(&pair[1].tag, &pair[0].tag).is_some() || is_pre(&pair[1].tag) || is_pre(&pair[0].tag));
            }
        }

        #[test]
        fn one_more_is_newer(numbers in prop::collection::vec(0_u64..900, 1..4), at in 0_usize..3, kind in "(-alpine|-slim)?") {
            let text = |numbers: &[u64]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(".") + &kind;
            let at = at.min(numbers.len() - 1);
            let mut next = numbers.clone();
            next[at] += 1;
            let expected = [Level::Major, Level::Minor, Level::Patch][at];
            prop_assert_eq!(level(&text(&numbers), &text(&next)), Some(expected));
        }
    }
}
