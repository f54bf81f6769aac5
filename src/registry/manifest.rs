//! Manifests, lists of them and the configurations of images, as far as they tell which platform an image is for and what
//! its labels say.
//!
//! Source: the image specification of the Open Container Initiative, and version 2, schema 2 of Docker's manifests.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::Trouble;

/// The types of documents that are understood, for `Accept`.
pub(super) const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// A document that a tag or a digest points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Document {
    /// An image for each of several platforms.
    Index(Vec<Entry>),
    /// One image, with the digest of its configuration.
    Image { config: String },
}

/// An image of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub digest: String,
    pub platform: String,
}

/// The configuration of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Config {
    pub platform: String,
    pub labels: BTreeMap<String, String>,
}

/// Reads a document, by its own shape: what a registry says of its type may be missing.
pub(super) fn document(body: &[u8]) -> Result<Document, Trouble> {
    let json: Value = serde_json::from_slice(body).map_err(|_| Trouble::Malformed("its manifest is not JSON"))?;
    if let Some(entries) = json["manifests"].as_array() {
        let entry = |entry: &Value| {
            let platform = &entry["platform"];
            Some(Entry { digest: digest(&entry["digest"])?, platform: platform_of(platform) })
        };
        return Ok(Document::Index(entries.iter().filter_map(entry).collect()));
    }
    match digest(&json["config"]["digest"]) {
        Some(config) => Ok(Document::Image { config }),
        None => Err(Trouble::Malformed("its manifest names neither images nor a configuration")),
    }
}

/// Reads a configuration.
pub(super) fn config(body: &[u8]) -> Result<Config, Trouble> {
    let json: Value =
        serde_json::from_slice(body).map_err(|_| Trouble::Malformed("the configuration of its image is not JSON"))?;
    let labels = json["config"]["Labels"].as_object();
    let label = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    Ok(Config { platform: platform_of(&json), labels: labels.into_iter().flatten().filter_map(label).collect() })
}

/// `os/arch[/variant]`; empty if nothing is said.
fn platform_of(json: &Value) -> String {
    let parts = ["os", "architecture", "variant"].into_iter().filter_map(|key| json[key].as_str());
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

/// A digest that can be a part of an address.
fn digest(json: &Value) -> Option<String> {
    json.as_str().filter(|text| is_digest(text)).map(str::to_owned)
}

/// Whether a text is a digest and nothing else.
pub(super) fn is_digest(text: &str) -> bool {
    let fits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
    text.len() <= 200 && text.split_once(':').is_some_and(|(algorithm, hex)| fits(algorithm) && fits(hex))
}

/// Whether an image of one platform is made for a machine of another: the same system and processor, where those are known.
/// The variant counts where both name one and they are no common ones: `linux/arm64/v8` is `linux/arm64`.
pub(super) fn fits(image: &str, machine: &str) -> bool {
    let parts = |platform: &str| -> Vec<String> { platform.split('/').map(str::to_ascii_lowercase).collect() };
    let (image, machine) = (parts(image), parts(machine));
    if image.len() < 2 || machine.len() < 2 {
        // An image that does not say what it is for is for any.
        return true;
    }
    let arch = |arch: &str| match arch {
        "x86_64" | "x86-64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        "i386" | "i686" => "386".to_owned(),
        "armhf" | "armv7l" => "arm".to_owned(),
        arch => arch.to_owned(),
    };
    let variant = |parts: &[String]| parts.get(2).and_then(|v| v.trim_start_matches('v').parse::<u32>().ok());
    let variants_fit = match (variant(&image), variant(&machine)) {
        (Some(image), Some(machine)) => image <= machine,
        (None, _) | (_, None) => true,
    };
    image[0] == machine[0] && arch(&image[1]) == arch(&machine[1]) && variants_fit
}

/// The image of an index for a machine: of several the first that is made for it just so.
pub(super) fn for_machine<'e>(entries: &'e [Entry], machine: &str) -> Option<&'e Entry> {
    let exact = entries.iter().find(|entry| entry.platform == machine);
    exact.or_else(|| entries.iter().find(|entry| !entry.platform.is_empty() && fits(&entry.platform, machine)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_image_fits_a_machine() {
        for (image, machine, expected) in [
            ("linux/amd64", "linux/amd64", true),
            ("linux/amd64", "linux/x86_64", true),
            ("linux/arm64/v8", "linux/arm64", true),
            ("linux/arm64", "linux/aarch64", true),
            ("linux/arm/v6", "linux/arm/v7", true),
            ("linux/arm/v7", "linux/arm/v6", false),
            ("linux/arm64", "linux/amd64", false),
            ("windows/amd64", "linux/amd64", false),
            ("unknown/unknown", "linux/amd64", false),
            ("", "linux/amd64", true),
            ("linux/amd64", "", true),
        ] {
            assert_eq!(fits(image, machine), expected, "{image} on {machine}");
        }
    }

    #[test]
    fn documents_are_read_by_their_shape() {
        let hex = "a".repeat(64);
        let image = format!(r#"{{"schemaVersion":2,"config":{{"digest":"sha256:{hex}"}},"layers":[]}}"#);
        assert_eq!(document(image.as_bytes()), Ok(Document::Image { config: format!("sha256:{hex}") }));
        let index = format!(
            r#"{{"manifests":[{{"digest":"sha256:{hex}","platform":{{"os":"linux","architecture":"arm","variant":"v7"}}}},
            {{"digest":"../../x","platform":{{"os":"linux","architecture":"amd64"}}}}]}}"#
        );
        let entry = Entry { digest: format!("sha256:{hex}"), platform: "linux/arm/v7".to_owned() };
        assert_eq!(document(index.as_bytes()), Ok(Document::Index(vec![entry])));
        for garbage in ["", "<html>", "{}", "[]", r#"{"config":{"digest":"x/y"}}"#, r#"{"config":{"digest":7}}"#] {
            assert!(document(garbage.as_bytes()).is_err(), "{garbage}");
        }
    }

    #[test]
    fn a_configuration_has_labels_and_a_platform() {
        let text = br#"{"os":"linux","architecture":"amd64","config":{"Labels":{"a":"b","c":1}}}"#;
        let found = config(text).unwrap();
        assert_eq!((found.platform.as_str(), found.labels.len()), ("linux/amd64", 1));
        assert_eq!(config(b"{}").unwrap(), Config::default());
        assert!(config(b"x").is_err());
    }

    proptest! {
        #[test]
        fn any_answer_is_survived(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (document(&body), config(&body));
        }
    }
}
