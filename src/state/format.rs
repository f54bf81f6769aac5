//! What stands in `homelab.json`: types of their own, apart from the model, so that a change of the
//! model is never a silent change of the file.
//!
//! [`V1Value`] has no variant for a secret in the clear. The only way from a model value to the file
//! leads through [`seal`], which takes the sealer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::homelab::{Lifecycle, OnDelete, Protect};
use crate::model::view::{Recorded, RecordedService};
use crate::model::{Addr, Digest, Field, Fields, NodeName, ProjectName, Sealer, ServiceName, Text, Value};

/// The newest format that this hl reads and the one that it writes.
pub(super) const FORMAT_VERSION: u32 = 1;

/// The one key that every version of the format has; read alone where the file cannot be read as a whole.
#[derive(Deserialize)]
pub(super) struct Version {
    pub(super) format_version: u32,
}

/// The whole file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct V1 {
    pub(super) format_version: u32,
    /// Counts the writes.
    pub(super) serial: u64,
    /// Random; the same for every state that descends from one first write.
    pub(super) lineage: String,
    /// What the key that sealed the secrets in this file makes of a fixed text: tells whether a key is that key.
    pub(super) key: Option<V1Digest>,
    pub(super) services: BTreeMap<ServiceName, V1Service>,
    /// Services that are not proven to work.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) unproven: BTreeSet<ServiceName>,
    pub(super) resources: BTreeMap<String, V1Resource>,
}

/// A service.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct V1Service {
    node: NodeName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moves_to: Option<NodeName>,
    project: ProjectName,
    project_dir: String,
    depends_on: BTreeSet<ServiceName>,
    lifecycle: V1Lifecycle,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct V1Lifecycle {
    protect: bool,
    ignore_changes: Vec<String>,
    on_delete: V1OnDelete,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum V1OnDelete {
    Archive,
    Keep,
    Delete,
}

/// A resource.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct V1Resource {
    id: String,
    applied_at: String,
    declared: V1Fields,
    baseline: V1Fields,
}

/// Fields by their text, such as `environment.TZ`.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct V1Fields(BTreeMap<String, V1Value>);

/// A value. Plain ones are themselves; all else is an object with one key that says what it is:
/// `{"map": {…}}`, `{"secret": "hmac-sha256:…"}`, `{"unset": true}`, `{"unknown": true}`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum V1Value {
    Bool(bool),
    Int(i64),
    Text(String),
    Secret(V1Digest),
    List(Vec<V1Value>),
    Map(BTreeMap<String, V1Value>),
    Unset,
    Unknown,
}

/// A keyed digest as text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct V1Digest(pub(super) Digest);

/// Whether the secrets in a file were sealed with the key at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seals {
    /// They were: digests can be compared.
    Ours,
    /// They were not, or the key is lost. A value with such a digest is read as [`Value::Unknown`]:
    /// there is something recorded and nobody can tell what, which is not "it changed".
    Foreign,
}

/// Why a text in the file is not what the format allows there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misread(pub(super) String);

/// Model → file. Every secret is sealed on the way.
pub(super) fn seal(recorded: &Recorded, sealer: &Sealer) -> V1Resource {
    V1Resource {
        id: recorded.id.clone(),
        applied_at: recorded.applied_at.clone(),
        declared: seal_fields(&recorded.declared, sealer),
        baseline: seal_fields(&recorded.baseline, sealer),
    }
}

fn seal_fields(fields: &Fields, sealer: &Sealer) -> V1Fields {
    V1Fields(fields.iter().map(|(field, value)| (field.to_string(), seal_value(value, sealer))).collect())
}

fn seal_value(value: &Value, sealer: &Sealer) -> V1Value {
    match value {
        Value::Bool(b) => V1Value::Bool(*b),
        Value::Int(i) => V1Value::Int(*i),
        Value::Text(Text::Plain(text)) => V1Value::Text(text.clone()),
        Value::Text(secret @ Text::Secret(_)) => seal_value(&Value::Text(secret.sealed(sealer)), sealer),
        Value::Text(Text::Sealed(digest)) => V1Value::Secret(V1Digest(*digest)),
        Value::Text(Text::Pending(_)) => V1Value::Unknown,
        Value::List(items) => V1Value::List(items.iter().map(|v| seal_value(v, sealer)).collect()),
        Value::Map(map) => V1Value::Map(map.iter().map(|(k, v)| (k.clone(), seal_value(v, sealer))).collect()),
        Value::Unset => V1Value::Unset,
        Value::Unknown => V1Value::Unknown,
    }
}

/// File → model.
pub(super) fn open(resources: BTreeMap<String, V1Resource>, seals: Seals) -> Result<BTreeMap<Addr, Recorded>, Misread> {
    resources
        .into_iter()
        .map(|(text, resource)| {
            let addr: Addr = text.parse().map_err(|e: crate::model::addr::AddrError| Misread(e.to_string()))?;
            let open = |fields| open_fields(fields, seals).map_err(|Misread(why)| Misread(format!("{addr}: {why}")));
            let recorded = Recorded {
                declared: open(resource.declared)?,
                baseline: open(resource.baseline)?,
                id: resource.id,
                applied_at: resource.applied_at,
            };
            Ok((addr, recorded))
        })
        .collect()
}

fn open_fields(fields: V1Fields, seals: Seals) -> Result<Fields, Misread> {
    let open = |(text, value): (String, V1Value)| {
        let field = Field::parse(&text)
            .ok_or_else(|| Misread(format!("this hl knows no field `{text}`; a newer one may have written it")))?;
        Ok((field, open_value(value, seals)))
    };
    fields.0.into_iter().map(open).collect()
}

fn open_value(value: V1Value, seals: Seals) -> Value {
    if seals == Seals::Foreign && value.has_secret() {
        return Value::Unknown;
    }
    match value {
        V1Value::Bool(b) => Value::Bool(b),
        V1Value::Int(i) => Value::Int(i),
        V1Value::Text(text) => Value::Text(Text::Plain(text)),
        V1Value::Secret(V1Digest(digest)) => Value::Text(Text::Sealed(digest)),
        V1Value::List(items) => Value::List(items.into_iter().map(|v| open_value(v, seals)).collect()),
        V1Value::Map(map) => Value::Map(map.into_iter().map(|(k, v)| (k, open_value(v, seals))).collect()),
        V1Value::Unset => Value::Unset,
        V1Value::Unknown => Value::Unknown,
    }
}

impl V1Value {
    fn has_secret(&self) -> bool {
        match self {
            V1Value::Secret(_) => true,
            V1Value::List(items) => items.iter().any(V1Value::has_secret),
            V1Value::Map(map) => map.values().any(V1Value::has_secret),
            V1Value::Bool(_) | V1Value::Int(_) | V1Value::Text(_) | V1Value::Unset | V1Value::Unknown => false,
        }
    }
}

impl From<&RecordedService> for V1Service {
    fn from(service: &RecordedService) -> Self {
        let lifecycle = &service.lifecycle;
        V1Service {
            node: service.node.clone(),
            moves_to: service.moves_to.clone(),
            project: service.project.clone(),
            project_dir: service.project_dir.clone(),
            depends_on: service.depends_on.clone(),
            lifecycle: V1Lifecycle {
                protect: lifecycle.protect == Protect::On,
                ignore_changes: lifecycle.ignore_changes.clone(),
                on_delete: match lifecycle.on_delete {
                    OnDelete::Archive => V1OnDelete::Archive,
                    OnDelete::Keep => V1OnDelete::Keep,
                    OnDelete::Delete => V1OnDelete::Delete,
                },
            },
        }
    }
}

impl From<V1Service> for RecordedService {
    fn from(service: V1Service) -> Self {
        let lifecycle = service.lifecycle;
        RecordedService {
            node: service.node,
            moves_to: service.moves_to,
            project: service.project,
            project_dir: service.project_dir,
            depends_on: service.depends_on,
            lifecycle: Lifecycle {
                protect: if lifecycle.protect { Protect::On } else { Protect::Off },
                ignore_changes: lifecycle.ignore_changes,
                on_delete: match lifecycle.on_delete {
                    V1OnDelete::Archive => OnDelete::Archive,
                    V1OnDelete::Keep => OnDelete::Keep,
                    V1OnDelete::Delete => OnDelete::Delete,
                },
            },
        }
    }
}

impl Serialize for V1Digest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for V1Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Digest::parse(&text).map(V1Digest).ok_or_else(|| de::Error::custom(format!("`{text}` is no keyed digest")))
    }
}

impl Serialize for V1Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            V1Value::Bool(b) => to.serialize_bool(*b),
            V1Value::Int(i) => to.serialize_i64(*i),
            V1Value::Text(text) => to.serialize_str(text),
            V1Value::List(items) => to.collect_seq(items),
            V1Value::Map(map) => to.collect_map([("map", map)]),
            V1Value::Secret(digest) => to.collect_map([("secret", digest)]),
            V1Value::Unset => to.collect_map([("unset", true)]),
            V1Value::Unknown => to.collect_map([("unknown", true)]),
        }
    }
}

impl<'de> Deserialize<'de> for V1Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = V1Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "true, false, a whole number, a text, a list, or an object with one key of map, secret, unset, unknown",
        )
    }

    fn visit_bool<E: de::Error>(self, b: bool) -> Result<V1Value, E> {
        Ok(V1Value::Bool(b))
    }

    fn visit_i64<E: de::Error>(self, i: i64) -> Result<V1Value, E> {
        Ok(V1Value::Int(i))
    }

    fn visit_u64<E: de::Error>(self, u: u64) -> Result<V1Value, E> {
        i64::try_from(u).map(V1Value::Int).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(u), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<V1Value, E> {
        Ok(V1Value::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<V1Value, E> {
        Ok(V1Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<V1Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(V1Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<V1Value, A::Error> {
        let tag: String =
            object.next_key()?.ok_or_else(|| de::Error::missing_field("map, secret, unset or unknown"))?;
        let value = match tag.as_str() {
            "map" => V1Value::Map(object.next_value()?),
            "secret" => V1Value::Secret(object.next_value()?),
            "unset" => object.next_value::<bool>().map(|_| V1Value::Unset)?,
            "unknown" => object.next_value::<bool>().map(|_| V1Value::Unknown)?,
            other => return Err(de::Error::unknown_variant(other, &TAGS)),
        };
        match object.next_key::<String>()? {
            None => Ok(value),
            Some(second) => Err(de::Error::unknown_field(&second, &[])),
        }
    }
}

const TAGS: [&str; 4] = ["map", "secret", "unset", "unknown"];
