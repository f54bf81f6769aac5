//! Image references: `[registry/]name[:tag][@digest]`.

use std::fmt;

use thiserror::Error;

/// An image reference in parts, with the defaults that Docker fills in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The registry: `docker.io` unless one is named.
    pub registry: String,
    /// The path in the registry; `library/…` for a bare name of Docker Hub.
    pub repository: String,
    /// The tag; `latest` when neither tag nor digest is given.
    pub tag: Option<String>,
    /// `sha256:…`.
    pub digest: Option<String>,
}

/// Why an image reference cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReferenceError {
    /// Upper case in the name of the image.
    #[error("`{0}` has upper case letters, which image names may not have")]
    UpperCase(String),
    /// Anything else.
    #[error("`{0}` is not an image reference")]
    Invalid(String),
}

/// Reads an image reference as Docker does: the first part is a registry if it has a dot, a colon or an upper case letter,
/// or is `localhost`.
pub fn parse(text: &str) -> Result<Reference, ReferenceError> {
    let invalid = || ReferenceError::Invalid(text.into());
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) if is_digest(digest) => (rest, Some(digest.to_string())),
        Some(_) => return Err(invalid()),
        None => (text, None),
    };
    let (name, tag) = match rest.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (rest, None),
    };
    if tag.is_some_and(|t| !is_tag(t)) {
        return Err(invalid());
    }
    let (registry, path) = match name.split_once('/') {
        Some((first, path)) if is_registry(first) => (first, path),
        _ => ("docker.io", name),
    };
    let registry = if registry == "index.docker.io" { "docker.io" } else { registry };
    if !registry.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']')) {
        return Err(invalid());
    }
    if path.chars().any(|c| c.is_ascii_uppercase()) {
        return Err(ReferenceError::UpperCase(text.into()));
    }
    if !path.split('/').all(is_component) {
        return Err(invalid());
    }
    let repository =
        if registry == "docker.io" && !path.contains('/') { format!("library/{path}") } else { path.to_string() };
    let tag = match (tag, &digest) {
        (None, None) => Some("latest".to_string()),
        (tag, _) => tag.map(String::from),
    };
    Ok(Reference { registry: registry.into(), repository, tag, digest })
}

impl fmt::Display for Reference {
    /// The full form: `docker.io/library/nginx:latest`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

fn is_registry(first: &str) -> bool {
    first == "localhost" || first.contains(|c: char| c == '.' || c == ':' || c.is_ascii_uppercase())
}

/// Lower case letters and digits, joined by `.`, `_`, `__` or dashes.
fn is_component(part: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators_fit = part
        .split(alphanumeric)
        .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.chars().all(|c| c == '-'));
    part.starts_with(alphanumeric) && part.ends_with(alphanumeric) && separators_fit
}

fn is_tag(tag: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= 128 && tag.starts_with(word) && tag.chars().all(|c| word(c) || c == '.' || c == '-')
}

fn is_digest(digest: &str) -> bool {
    digest.split_once(':').is_some_and(|(algorithm, hex)| {
        algorithm.starts_with(|c: char| c.is_ascii_alphabetic())
            && hex.len() >= 32
            && hex.chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_image_has_one_full_form() {
        for text in
            ["nginx", "nginx:latest", "library/nginx", "docker.io/nginx", "index.docker.io/library/nginx:latest"]
        {
            assert_eq!(parse(text).unwrap().to_string(), "docker.io/library/nginx:latest", "{text}");
        }
        assert_eq!(parse("ghcr.io/a/b:1").unwrap().to_string(), "ghcr.io/a/b:1");
        assert_eq!(parse("localhost:5000/b").unwrap().to_string(), "localhost:5000/b:latest");
        assert_eq!(parse("Registry/b").unwrap().to_string(), "Registry/b:latest");
        let digest = format!("sha256:{}", "a".repeat(64));
        let pinned = parse(&format!("a/b@{digest}")).unwrap();
        assert_eq!((pinned.tag, pinned.digest), (None, Some(digest)));
    }

    #[test]
    fn refuses_what_is_no_reference() {
        assert_eq!(parse("Nginx"), Err(ReferenceError::UpperCase("Nginx".into())));
        for text in ["", "a:", "a b", "a//b", "-a", "a@sha256:1", "a:-x", "a___b", "a.b c/d"] {
            assert!(matches!(parse(text), Err(ReferenceError::Invalid(_))), "{text}");
        }
        assert!(parse("a__b/c--d").is_ok());
    }
}
