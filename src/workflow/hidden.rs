//! The values that no output may show to somebody who is not trusted, out of all that was observed.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};

use super::observe::Observation;
use crate::model::homelab::Homelab;

/// Shorter values tell next to nothing, and would be found in any text; where they are the value of a setting, that is
/// masked whatever its length.
const SHORTEST: usize = 4;

impl Observation {
    /// The values that nothing may show to a stranger. Names that the repository itself gives to things are none: it has
    /// them in the clear, whoever else uses the same word.
    pub fn hidden_from_strangers(&self) -> Vec<SecretString> {
        let names = names(&self.homelab);
        let all = self.secrets([]).into_iter().chain(self.secret_values.iter().cloned());
        let parts = all.flat_map(|secret| {
            let text = secret.expose_secret().to_owned();
            let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            std::iter::once(text).chain(words)
        });
        let counts = |text: &String| text.chars().count() >= SHORTEST && !names.contains(text.as_str());
        parts.filter(counts).map(SecretString::from).collect()
    }
}

/// The names of nodes, of services and of what they consist of, as the keys of files have them.
fn names(homelab: &Homelab) -> BTreeSet<&str> {
    let services = homelab.services.values();
    let parts = services.flat_map(|service| {
        let containers = service.containers.keys().chain(service.networks.keys()).chain(service.volumes.keys());
        containers.map(String::as_str)
    });
    let nodes = homelab.nodes.keys().map(|name| name.as_str());
    let all = nodes.chain(homelab.services.keys().chain(homelab.unresolved.keys()).map(|name| name.as_str()));
    all.chain(parts).chain([homelab.name.as_str()]).collect()
}
