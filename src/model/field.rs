//! Fields: the flat normal form in which all three views of a resource are laid over one another.

use std::collections::BTreeMap;
use std::fmt;

use super::secret::Sealer;
use super::setting::Key;
use super::value::{Text, Value};

/// One field: `image`, `environment.TZ`, `ports.80/tcp`, `networks.front.aliases`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    /// Which setting.
    pub key: Key,
    /// Which entry of it, where it is a map: the variable, the label, the mount's target, the network.
    pub item: Option<String>,
    /// Which part of the entry, where that has parts.
    pub part: Option<&'static str>,
}

impl Field {
    /// The parts of an entry of `networks`.
    pub const PARTS: [&'static str; 9] = [
        "aliases",
        "ipv4_address",
        "ipv6_address",
        "link_local_ips",
        "mac_address",
        "links",
        "driver_opts",
        "gw_priority",
        "interface_name",
    ];

    /// A whole setting.
    pub fn key(key: Key) -> Self {
        Self { key, item: None, part: None }
    }

    /// An entry of a setting.
    pub fn item(key: Key, item: impl Into<String>) -> Self {
        Self { key, item: Some(item.into()), part: None }
    }

    /// A part of an entry of a setting.
    pub fn part(key: Key, item: impl Into<String>, part: &'static str) -> Self {
        Self { key, item: Some(item.into()), part: Some(part) }
    }

    /// Reads what [`fmt::Display`] writes. Only `networks` has parts; any other dot belongs to the entry.
    pub fn parse(text: &str) -> Option<Field> {
        // A key has at most one dot in it, so it ends at the first or the second one; the longer key counts.
        let ends = text.match_indices('.').map(|(at, _)| at).chain([text.len()]).take(2);
        let key = ends.filter_map(|end| Key::parse(&text[..end])).last()?;
        let Some(item) = text[key.as_str().len()..].strip_prefix('.') else { return Some(Field::key(key)) };
        if key == Key::Networks
            && let Some((network, part)) = item.rsplit_once('.')
            && let Some(part) = Self::PARTS.into_iter().find(|p| *p == part)
        {
            return Some(Field::part(key, network, part));
        }
        Some(Field::item(key, item))
    }
}

impl Field {
    /// Whether somebody can have written any text there.
    fn is_free_text(&self) -> bool {
        !self.key.is_structure() || self.part == Some("driver_opts")
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key.as_str())?;
        self.item.iter().try_for_each(|item| write!(f, ".{item}"))?;
        self.part.iter().try_for_each(|part| write!(f, ".{part}"))
    }
}

/// The normal form of a resource: every field that says something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(BTreeMap<Field, Value>);

impl Fields {
    /// Sets a whole setting; what Docker takes for "not set" is left out.
    pub fn set(&mut self, key: Key, value: Value) {
        self.set_field(Field::key(key), value);
    }

    /// Sets a text setting that may be absent.
    pub fn set_text(&mut self, key: Key, text: Option<&str>) {
        if let Some(text) = text {
            self.set(key, Value::text(text));
        }
    }

    /// Sets an entry of a map setting. Here an empty value says something: `FOO=` is not no `FOO`.
    pub fn set_item(&mut self, key: Key, item: impl Into<String>, value: Value) {
        self.0.insert(Field::item(key, item), value);
    }

    /// Sets any field; without an entry name, or as a part of one, what means nothing is left out.
    pub fn set_field(&mut self, field: Field, value: Value) {
        if (field.item.is_some() && field.part.is_none()) || !value.is_neutral() {
            self.0.insert(field, value);
        }
    }

    /// The value of a field.
    pub fn get(&self, field: &Field) -> Option<&Value> {
        self.0.get(field)
    }

    /// Takes a field out.
    pub fn remove(&mut self, field: &Field) -> Option<Value> {
        self.0.remove(field)
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Field, &Value)> {
        self.0.iter()
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields that were read of a resource as they may be written down beside its declaration, `declared`: a text that somebody
    /// can have written freely is sealed, unless the declaration says the same where anyone may read it.
    #[must_use]
    pub fn sealed_beside(&self, declared: &Fields, sealer: &Sealer) -> Fields {
        let sealed = |(field, value): (&Field, &Value)| {
            let value = match declared.get(field) {
                Some(declared) if declared.is_secret() => value.as_secret().without_secrets(sealer),
                Some(declared) if declared.same(value, sealer) => value.without_secrets(sealer),
                Some(_) | None if field.is_free_text() => value.sealed(sealer),
                Some(_) | None => value.without_secrets(sealer),
            };
            (field.clone(), value)
        };
        Fields(self.0.iter().map(sealed).collect())
    }

    /// The same without secrets in the clear; safe to show and to write down.
    #[must_use]
    pub fn without_secrets(&self, sealer: &Sealer) -> Fields {
        Fields(self.0.iter().map(|(f, v)| (f.clone(), v.without_secrets(sealer))).collect())
    }
}

impl FromIterator<(Field, Value)> for Fields {
    fn from_iter<I: IntoIterator<Item = (Field, Value)>>(fields: I) -> Self {
        Fields(fields.into_iter().collect())
    }
}

/// A map of texts as entries of one setting.
pub fn set_texts(fields: &mut Fields, key: Key, map: &BTreeMap<String, Text>) {
    for (item, text) in map {
        fields.set_item(key, item, Value::from(text.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_read_back() {
        for text in [
            "image",
            "environment.A.B",
            "ports.80/tcp",
            "networks.a.b",
            "networks.a.b.aliases",
            "ipam.config",
            "ipam.driver",
        ] {
            assert_eq!(Field::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Field::parse("networks.a.b.aliases").unwrap().part, Some("aliases"));
        assert_eq!(Field::parse("ipam.config.x").unwrap(), Field::item(Key::IpamConfig, "x"));
        for text in ["imagination", "", ".", "ipam", "ipam.", "image_", "x.image"] {
            assert_eq!(Field::parse(text), None, "{text}");
        }
        for key in Key::ALL {
            assert_eq!((Key::parse(key.as_str()), key.as_str().matches('.').count() <= 1), (Some(*key), true));
        }
    }

    #[test]
    fn what_was_read_and_not_declared_in_public_is_sealed() {
        let sealer = Sealer::new([1; 32]);
        let fields = |pairs: &[(&str, Value)]| -> Fields {
            pairs.iter().map(|(field, value)| (Field::parse(field).unwrap(), value.clone())).collect()
        };
        let options = || Value::Map(BTreeMap::from([("o".to_owned(), Value::text("canary"))]));
        let free = [
            ("environment.A", Value::text("canary")),
            ("labels.a", Value::text("canary")),
            ("annotations.a", Value::text("canary")),
            ("command", Value::texts(["canary"])),
            ("entrypoint", Value::texts(["canary"])),
            ("healthcheck", Value::texts(["CMD", "canary"])),
            ("driver_opts.a", Value::text("canary")),
            ("logging.a", Value::text("canary")),
            ("build.args.A", Value::text("canary")),
            ("built_from.a", Value::text("canary")),
            ("hostname", Value::text("canary")),
            ("networks.n.driver_opts", options()),
        ];
        let live = fields(&free);
        for declared in [Fields::default(), fields(&free.clone().map(|(field, _)| (field, Value::text("other"))))] {
            let sealed = live.sealed_beside(&declared, &sealer);
            for (field, value) in sealed.iter() {
                assert!(value.is_secret() && value.same(live.get(field).unwrap(), &sealer), "{field}");
            }
            assert_eq!(sealed.iter().count(), free.len());
        }
        assert_eq!(live.sealed_beside(&live, &sealer), live, "it is declared in public");
        let secret = fields(&[("environment.A", Value::Text(Text::secret("canary")))]);
        assert!(live.sealed_beside(&secret, &sealer).get(&Field::item(Key::Environment, "A")).unwrap().is_secret());
        let structure = fields(&[("image", Value::text("nginx")), ("networks.n.aliases", Value::texts(["web"]))]);
        assert_eq!(structure.sealed_beside(&Fields::default(), &sealer), structure);
    }

    #[test]
    fn neutral_settings_are_absent_and_empty_entries_are_not() {
        let mut fields = Fields::default();
        fields.set(Key::User, Value::text(""));
        fields.set(Key::Tty, Value::Bool(false));
        assert!(fields.is_empty());
        fields.set_item(Key::Environment, "FOO", Value::text(""));
        assert_eq!(fields.iter().count(), 1);
    }
}
