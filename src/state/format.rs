//! The types of `homelab.json`. They are separate from the model, so that a change of the model is never a silent
//! change of the file.
//!
//! [`StoredValue`] has no variant for a secret in the clear. The only way from a model value to the file
//! leads through [`seal`], which takes the sealer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::typed_values;
use crate::model::homelab::{Lifecycle, OnDelete, Protect};
use crate::model::view::{Recorded, RecordedService};
use crate::model::{Addr, Digest, Field, Fields, NodeName, ProjectName, Sealer, ServiceName, Text, Value};

use super::key::KeyMatch;

/// The newest format that this hl reads and the one that it writes. It reads those before as well: up to format 2 what is
/// in public files stood there as it is, and no digest of it; in format 1 `unverified` was called `unproven`,
/// `relocating_to` was called `moves_to`, and a device request was a text.
pub(super) const FORMAT_VERSION: u32 = 3;

/// The one key that every version of the format has; read alone where the file cannot be read as a whole.
#[derive(Deserialize)]
pub(super) struct Version {
    pub(super) format_version: u32,
}

/// The whole file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredState {
    pub(super) format_version: u32,
    /// Counts the writes.
    pub(super) serial: u64,
    /// Random; the same for every state that descends from one first write.
    pub(super) lineage: String,
    /// The proof of the key that sealed the secrets in this file: the seal of a fixed text. It tells whether a key is
    /// that key.
    pub(super) key: Option<StoredDigest>,
    pub(super) services: BTreeMap<ServiceName, StoredService>,
    /// Services that are not proven to work.
    #[serde(default, alias = "unproven", skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) unverified: BTreeSet<ServiceName>,
    /// Resources that an apply has begun to change and has not brought to an end.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) unfinished: BTreeSet<String>,
    pub(super) resources: BTreeMap<String, StoredResource>,
}

/// A service.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredService {
    node: NodeName,
    #[serde(default, alias = "moves_to", skip_serializing_if = "Option::is_none")]
    relocating_to: Option<NodeName>,
    project: ProjectName,
    project_dir: String,
    depends_on: BTreeSet<ServiceName>,
    lifecycle: StoredLifecycle,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredLifecycle {
    protect: bool,
    ignore_changes: Vec<String>,
    on_delete: StoredOnDelete,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredOnDelete {
    Archive,
    Keep,
    Delete,
}

/// A resource.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredResource {
    id: String,
    applied_at: String,
    declared: StoredFields,
    baseline: StoredFields,
}

/// Fields by their text, such as `environment.TZ`.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct StoredFields(BTreeMap<String, StoredValue>);

/// A value. Plain ones are themselves; all else is an object with one key that says what it is:
/// `{"map": {…}}`, `{"secret": "hmac-sha256:…"}`, `{"unset": true}`, `{"unknown": true}`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum StoredValue {
    Bool(bool),
    Int(i64),
    Text(String),
    Secret(StoredDigest),
    List(Vec<StoredValue>),
    Map(BTreeMap<String, StoredValue>),
    Unset,
    Unknown,
}

/// A keyed digest as text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct StoredDigest(pub(super) Digest);

/// Why a text in the file is not what the format allows there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misread(pub(super) String);

/// Model → file. Every secret is sealed on the way, with all that came from a node and is not declared in public, which
/// records of before have in the clear; what is in files becomes a digest.
pub(super) fn seal(recorded: &Recorded, sealer: &Sealer) -> StoredResource {
    StoredResource {
        id: recorded.id.clone(),
        applied_at: recorded.applied_at.clone(),
        declared: seal_fields(&recorded.declared, sealer),
        baseline: seal_fields(&recorded.baseline.sealed_beside(&recorded.declared, sealer), sealer),
    }
}

fn seal_fields(fields: &Fields, sealer: &Sealer) -> StoredFields {
    let written = |(field, value): (&Field, &Value)| match field.key.holds_content() {
        true => (field.to_string(), seal_value(&value.digested(), sealer)),
        false => (field.to_string(), seal_value(value, sealer)),
    };
    StoredFields(fields.iter().map(written).collect())
}

fn seal_value(value: &Value, sealer: &Sealer) -> StoredValue {
    match value {
        Value::Bool(b) => StoredValue::Bool(*b),
        Value::Int(i) => StoredValue::Int(*i),
        Value::Text(Text::Plain(text)) => StoredValue::Text(text.clone()),
        Value::Text(secret @ Text::Secret(_)) => seal_value(&Value::Text(secret.sealed(sealer)), sealer),
        Value::Text(Text::Sealed(digest)) => StoredValue::Secret(StoredDigest(*digest)),
        Value::Text(Text::Pending(_)) => StoredValue::Unknown,
        Value::List(items) => StoredValue::List(items.iter().map(|v| seal_value(v, sealer)).collect()),
        Value::Map(map) => StoredValue::Map(map.iter().map(|(k, v)| (k.clone(), seal_value(v, sealer))).collect()),
        Value::Typed(typed) => seal_value(&typed_values::write(typed), sealer),
        Value::Unset => StoredValue::Unset,
        Value::Unknown => StoredValue::Unknown,
    }
}

/// File → model.
pub(super) fn open(
    resources: BTreeMap<String, StoredResource>,
    key: KeyMatch,
) -> Result<BTreeMap<Addr, Recorded>, Misread> {
    resources
        .into_iter()
        .map(|(text, resource)| {
            let addr: Addr = text.parse().map_err(|e: crate::model::addr::AddrError| Misread(e.to_string()))?;
            let open = |fields| open_fields(fields, key).map_err(|Misread(why)| Misread(format!("{addr}: {why}")));
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

fn open_fields(fields: StoredFields, key: KeyMatch) -> Result<Fields, Misread> {
    let open = |(text, value): (String, StoredValue)| {
        let field = Field::parse(&text)
            .ok_or_else(|| Misread(format!("this hl knows no field `{text}`; a newer one may have written it")))?;
        let value = typed_values::read(&field, open_value(value, key));
        Ok((field, value))
    };
    fields.0.into_iter().map(open).collect()
}

fn open_value(value: StoredValue, key: KeyMatch) -> Value {
    if key == KeyMatch::No && value.has_secret() {
        return Value::Unknown;
    }
    match value {
        StoredValue::Bool(b) => Value::Bool(b),
        StoredValue::Int(i) => Value::Int(i),
        StoredValue::Text(text) => Value::Text(Text::Plain(text)),
        StoredValue::Secret(StoredDigest(digest)) => Value::Text(Text::Sealed(digest)),
        StoredValue::List(items) => Value::List(items.into_iter().map(|v| open_value(v, key)).collect()),
        StoredValue::Map(map) => Value::Map(map.into_iter().map(|(k, v)| (k, open_value(v, key))).collect()),
        StoredValue::Unset => Value::Unset,
        StoredValue::Unknown => Value::Unknown,
    }
}

impl StoredValue {
    fn has_secret(&self) -> bool {
        match self {
            StoredValue::Secret(_) => true,
            StoredValue::List(items) => items.iter().any(StoredValue::has_secret),
            StoredValue::Map(map) => map.values().any(StoredValue::has_secret),
            StoredValue::Bool(_)
            | StoredValue::Int(_)
            | StoredValue::Text(_)
            | StoredValue::Unset
            | StoredValue::Unknown => false,
        }
    }
}

impl From<&RecordedService> for StoredService {
    fn from(service: &RecordedService) -> Self {
        let lifecycle = &service.lifecycle;
        StoredService {
            node: service.node.clone(),
            relocating_to: service.relocating_to.clone(),
            project: service.project.clone(),
            project_dir: service.project_dir.clone(),
            depends_on: service.depends_on.clone(),
            lifecycle: StoredLifecycle {
                protect: lifecycle.protect == Protect::On,
                ignore_changes: lifecycle.ignore_changes.clone(),
                on_delete: match lifecycle.on_delete {
                    OnDelete::Archive => StoredOnDelete::Archive,
                    OnDelete::Keep => StoredOnDelete::Keep,
                    OnDelete::Delete => StoredOnDelete::Delete,
                },
            },
        }
    }
}

impl From<StoredService> for RecordedService {
    fn from(service: StoredService) -> Self {
        let lifecycle = service.lifecycle;
        RecordedService {
            node: service.node,
            relocating_to: service.relocating_to,
            project: service.project,
            project_dir: service.project_dir,
            depends_on: service.depends_on,
            lifecycle: Lifecycle {
                protect: if lifecycle.protect { Protect::On } else { Protect::Off },
                ignore_changes: lifecycle.ignore_changes,
                on_delete: match lifecycle.on_delete {
                    StoredOnDelete::Archive => OnDelete::Archive,
                    StoredOnDelete::Keep => OnDelete::Keep,
                    StoredOnDelete::Delete => OnDelete::Delete,
                },
            },
        }
    }
}

impl Serialize for StoredDigest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for StoredDigest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Digest::parse(&text).map(StoredDigest).ok_or_else(|| de::Error::custom(format!("`{text}` is no keyed digest")))
    }
}

impl Serialize for StoredValue {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            StoredValue::Bool(b) => to.serialize_bool(*b),
            StoredValue::Int(i) => to.serialize_i64(*i),
            StoredValue::Text(text) => to.serialize_str(text),
            StoredValue::List(items) => to.collect_seq(items),
            StoredValue::Map(map) => to.collect_map([("map", map)]),
            StoredValue::Secret(digest) => to.collect_map([("secret", digest)]),
            StoredValue::Unset => to.collect_map([("unset", true)]),
            StoredValue::Unknown => to.collect_map([("unknown", true)]),
        }
    }
}

impl<'de> Deserialize<'de> for StoredValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = StoredValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "true, false, a whole number, a text, a list, or an object with one key of map, secret, unset, unknown",
        )
    }

    fn visit_bool<E: de::Error>(self, b: bool) -> Result<StoredValue, E> {
        Ok(StoredValue::Bool(b))
    }

    fn visit_i64<E: de::Error>(self, i: i64) -> Result<StoredValue, E> {
        Ok(StoredValue::Int(i))
    }

    fn visit_u64<E: de::Error>(self, u: u64) -> Result<StoredValue, E> {
        i64::try_from(u).map(StoredValue::Int).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(u), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<StoredValue, E> {
        Ok(StoredValue::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<StoredValue, E> {
        Ok(StoredValue::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<StoredValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(StoredValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<StoredValue, A::Error> {
        let tag: String =
            object.next_key()?.ok_or_else(|| de::Error::missing_field("map, secret, unset or unknown"))?;
        let value = match tag.as_str() {
            "map" => StoredValue::Map(object.next_value()?),
            "secret" => StoredValue::Secret(object.next_value()?),
            "unset" => object.next_value::<bool>().map(|_| StoredValue::Unset)?,
            "unknown" => object.next_value::<bool>().map(|_| StoredValue::Unknown)?,
            other => return Err(de::Error::unknown_variant(other, &TAGS)),
        };
        match object.next_key::<String>()? {
            None => Ok(value),
            Some(second) => Err(de::Error::unknown_field(&second, &[])),
        }
    }
}

const TAGS: [&str; 4] = ["map", "secret", "unset", "unknown"];
