//! The images that a registry of a test has: manifests and configurations without any layer, by tag and by digest.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::web::{Reply, Request};

/// One repository called `app`.
#[derive(Clone, Default)]
pub struct Stock {
    /// The document at each path below `/v2/app/`.
    documents: BTreeMap<String, (String, Vec<u8>)>,
    tags: Vec<String>,
}

impl Stock {
    /// Adds a tag of one image.
    pub fn image(mut self, tag: &str, platform: &str, labels: &Value) -> Stock {
        let digest = self.add_image(platform, labels);
        self.point(tag, &digest);
        self
    }

    /// Adds a tag of a list with an image for each of some platforms.
    pub fn index(self, tag: &str, platforms: &[&str]) -> Stock {
        let images: Vec<(&str, &str)> = platforms.iter().map(|platform| (*platform, tag)).collect();
        self.list(tag, &images)
    }

    /// Adds a tag of a list of images, each with its platform and the version that it says it is. What the tag pointed to
    /// before stays there by its digest.
    pub fn list(mut self, tag: &str, images: &[(&str, &str)]) -> Stock {
        let entry = |stock: &mut Stock, platform: &str, version: &str| {
            let digest = stock.add_image(platform, &json!({ "org.opencontainers.image.version": version }));
            let (os, architecture) = platform.split_once('/').expect("os/arch");
            json!({ "digest": digest, "platform": { "os": os, "architecture": architecture } })
        };
        let entries: Vec<Value> =
            images.iter().map(|(platform, version)| entry(&mut self, platform, version)).collect();
        let kind = "application/vnd.oci.image.index.v1+json";
        let digest =
            self.add("manifests", kind, &json!({ "schemaVersion": 2, "mediaType": kind, "manifests": entries }));
        self.point(tag, &digest);
        self
    }

    /// The digest that a tag points to.
    pub fn digest(&self, tag: &str) -> String {
        let (_, bytes) = &self.documents[&format!("manifests/{tag}")];
        format!("sha256:{}", Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect::<String>())
    }

    fn add_image(&mut self, platform: &str, labels: &Value) -> String {
        let (os, architecture) = platform.split_once('/').expect("os/arch");
        let config = json!({ "os": os, "architecture": architecture, "config": { "Labels": labels } });
        let config = self.add("blobs", "application/octet-stream", &config);
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({ "schemaVersion": 2, "mediaType": kind, "config": { "digest": config }, "layers": [] });
        self.add("manifests", kind, &manifest)
    }

    fn add(&mut self, folder: &str, kind: &str, document: &Value) -> String {
        let bytes = document.to_string().into_bytes();
        let digest =
            format!("sha256:{}", Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect::<String>());
        self.documents.insert(format!("{folder}/{digest}"), (kind.to_owned(), bytes));
        digest
    }

    fn point(&mut self, tag: &str, digest: &str) {
        let document = self.documents[&format!("manifests/{digest}")].clone();
        self.documents.insert(format!("manifests/{tag}"), document);
        self.tags.push(tag.to_owned());
    }

    /// The answer of a registry that has these images.
    pub fn reply(&self, request: &Request) -> Reply {
        let Some(path) = request.path.strip_prefix("/v2/app/") else { return Reply::new(404, "{}") };
        if path.starts_with("tags/list") {
            return Reply::new(200, json!({ "name": "app", "tags": self.tags }).to_string());
        }
        match self.documents.get(path) {
            None => Reply::new(404, "{}"),
            Some((kind, bytes)) => {
                let digest: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
                let digest = format!("sha256:{digest}");
                Reply::new(200, bytes.clone()).with("Content-Type", kind).with("Docker-Content-Digest", &digest)
            }
        }
    }
}
