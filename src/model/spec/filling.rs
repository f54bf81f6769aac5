//! Specs whose texts have gaps, completed with the values that apply has made.

use std::collections::BTreeMap;

use super::container::ContainerSpec;
use super::image::BuildSpec;
use crate::model::value::Text;

impl ContainerSpec {
    /// The same with the gaps of its texts filled: what apply creates once it has made `values`.
    #[must_use]
    pub fn filled(mut self, values: &BTreeMap<String, String>) -> Self {
        self.change_texts(&mut |text| *text = text.filled(values));
        self.hashed = self.hashed.map(|hashed| hashed.filled(values));
        self
    }

    /// Changes each text in it that may be a secret.
    pub fn change_texts(&mut self, change: &mut dyn FnMut(&mut Text)) {
        let texts = self.command.iter_mut().flatten().chain(self.entrypoint.iter_mut().flatten());
        let texts = texts.chain(self.environment.values_mut().flatten()).chain(self.labels.values_mut());
        let texts = texts.chain(self.annotations.values_mut());
        let texts = texts.chain(self.files.values_mut().map(|file| &mut file.content));
        let texts = texts.chain(self.mounted_files.values_mut()).chain(self.build.values_mut());
        let texts = texts.chain(self.healthcheck.iter_mut().flat_map(|check| &mut check.test).flatten());
        texts.chain(self.logging.iter_mut().flat_map(|logging| logging.options.values_mut())).for_each(change);
    }
}

impl BuildSpec {
    /// The same with the gaps of its texts filled.
    #[must_use]
    pub fn filled(mut self, values: &BTreeMap<String, String>) -> Self {
        for text in self.args.values_mut().flatten().chain(self.labels.values_mut()) {
            *text = text.filled(values);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::pending::Pending;

    #[test]
    fn a_container_is_filled_wherever_a_secret_may_stand() {
        let gap = || Text::of_secret(Pending::gap("PW"));
        let spec = ContainerSpec {
            command: Some(vec![gap()]),
            environment: BTreeMap::from([("A".into(), Some(gap())), ("B".into(), None)]),
            labels: BTreeMap::from([("l".into(), gap())]),
            ..Default::default()
        };
        assert!(spec.fields().iter().any(|(f, v)| f.to_string() == "environment.A" && !v.is_secret()));
        let filled = spec.filled(&BTreeMap::from([("PW".to_owned(), "x".to_owned())]));
        assert_eq!(filled.command, Some(vec![Text::secret("x")]));
        assert_eq!(filled.environment["A"], Some(Text::secret("x")));
        assert_eq!(filled.labels["l"], Text::secret("x"));
    }
}
