//! The value of one field in normal form.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error as _};

use super::content;
use super::notation;
use super::pending::Pending;
use super::secret::{Digest, Sealer};
use super::typed::{ContainerRef, NetworkEnd, State, Typed};

/// A text that knows whether it may be seen.
#[derive(Clone)]
pub enum Text {
    /// Anyone may read it.
    Plain(String),
    /// A secret in the clear, in memory only: for the call that needs it.
    Secret(SecretString),
    /// A secret that was recorded, or made safe to show: equal digests are equal values.
    Sealed(Digest),
    /// A secret that only apply can complete, because it makes a part of it first. In fields it is
    /// [`Value::Unknown`].
    Pending(Pending),
}

impl Text {
    /// A public text.
    pub fn plain(text: impl Into<String>) -> Self {
        Text::Plain(text.into())
    }

    /// A secret text.
    pub fn secret(text: impl Into<String>) -> Self {
        Text::Secret(SecretString::from(text.into()))
    }

    /// A secret text, or one that apply has to complete if a gap is in it.
    pub fn of_secret(text: impl Into<String>) -> Self {
        let text = text.into();
        Pending::parse(&text).map_or_else(|| Text::secret(text), Text::Pending)
    }

    /// The characters, secret or not, for the call that needs them; `None` when only the digest is
    /// left or apply has to complete it first.
    pub fn expose(&self) -> Option<&str> {
        match self {
            Text::Plain(text) => Some(text),
            Text::Secret(text) => Some(text.expose_secret()),
            Text::Sealed(_) | Text::Pending(_) => None,
        }
    }

    /// Whether it must not be seen.
    pub fn is_secret(&self) -> bool {
        match self {
            Text::Plain(_) => false,
            Text::Secret(_) | Text::Sealed(_) | Text::Pending(_) => true,
        }
    }

    /// The same with its gaps filled from `values`; gaps without a value stay.
    #[must_use]
    pub fn filled(&self, values: &BTreeMap<String, String>) -> Text {
        match self {
            Text::Pending(pending) => Text::of_secret(pending.fill(values).expose_secret()),
            Text::Plain(_) | Text::Secret(_) | Text::Sealed(_) => self.clone(),
        }
    }

    /// The same as a secret, without the clear text. What apply has to complete has no digest yet.
    #[must_use]
    pub fn sealed(&self, sealer: &Sealer) -> Text {
        match self {
            Text::Plain(text) => Text::Sealed(sealer.seal(text)),
            Text::Secret(text) => Text::Sealed(sealer.seal(text.expose_secret())),
            Text::Sealed(digest) => Text::Sealed(*digest),
            Text::Pending(pending) => Text::Pending(pending.clone()),
        }
    }

    /// Whether both hold the same characters, however they are kept, be it as a digest.
    pub fn same(&self, other: &Text, sealer: &Sealer) -> bool {
        if let (Text::Pending(a), Text::Pending(b)) = (self, other) {
            return a == b;
        }
        match (self.expose(), other.expose()) {
            (Some(a), Some(b)) => content::is_same(a, b),
            (Some(a), None) | (None, Some(a)) => {
                [self, other].iter().any(|t| matches!(t, Text::Sealed(d) if *d == sealer.seal(a)))
            }
            (None, None) => matches!((self, other), (Text::Sealed(a), Text::Sealed(b)) if a == b),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Text::Plain(text) => write!(f, "{text:?}"),
            Text::Secret(_) | Text::Sealed(_) => f.write_str("(secret)"),
            Text::Pending(pending) => write!(f, "{pending:?}"),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Text::Sealed(a), Text::Sealed(b)) => a == b,
            (Text::Pending(a), Text::Pending(b)) => a == b,
            (a, b) => a.is_secret() == b.is_secret() && a.expose().is_some() && a.expose() == b.expose(),
        }
    }
}

impl Eq for Text {}

/// Only what anyone may read is written down: a secret is an error, whatever it is a part of.
impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Text::Plain(text) => serializer.serialize_str(text),
            Text::Secret(_) | Text::Sealed(_) | Text::Pending(_) => {
                Err(S::Error::custom("a secret is not written down"))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Text::Plain)
    }
}

/// A value in normal form. What means nothing (`null`, `""`, `0`, `false`, an empty list or map) is
/// not a value: the field is then absent, which [`super::Fields::set`] sees to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(Text),
    /// A list whose order means something; lists whose order does not are sorted by whoever makes them.
    List(Vec<Value>),
    /// A map.
    Map(BTreeMap<String, Value>),
    /// A state, a mount, a published port and the like. Never secret.
    Typed(Typed),
    /// Present without a value: an environment variable that is named and not set, which hides the
    /// image's value for it.
    Unset,
    /// Something that only apply will learn, such as the id of an image that is not pulled yet.
    Unknown,
}

impl Value {
    /// A public text.
    pub fn text(text: impl Into<String>) -> Self {
        Value::Text(Text::plain(text))
    }

    /// A list of public texts.
    pub fn texts<S: Into<String>>(items: impl IntoIterator<Item = S>) -> Self {
        Value::List(items.into_iter().map(Value::text).collect())
    }

    /// The secrets in the clear that are in it.
    pub fn secrets(&self) -> Vec<&SecretString> {
        let leaves = self.leaves().into_iter();
        let secrets = leaves.filter_map(|text| match text {
            Text::Secret(secret) => Some(secret),
            Text::Plain(_) | Text::Sealed(_) | Text::Pending(_) => None,
        });
        secrets.collect()
    }

    /// The texts in it that anyone may see.
    pub fn public_texts(&self) -> Vec<&str> {
        self.leaves().into_iter().filter(|text| !text.is_secret()).filter_map(Text::expose).collect()
    }

    /// The texts in it, whatever they are.
    fn leaves(&self) -> Vec<&Text> {
        match self {
            Value::Text(text) => vec![text],
            Value::List(items) => items.iter().flat_map(Value::leaves).collect(),
            Value::Map(map) => map.values().flat_map(Value::leaves).collect(),
            Value::Bool(_) | Value::Int(_) | Value::Typed(_) | Value::Unset | Value::Unknown => Vec::new(),
        }
    }

    /// The state, if it is one.
    pub fn state(&self) -> Option<&State> {
        match self {
            Value::Typed(Typed::State(state)) => Some(state),
            _ => None,
        }
    }

    /// Whether it is what Docker takes for "not set": see `reference` rule "null, empty, zero and
    /// false are equal" of the engine's inspect output.
    pub fn is_neutral(&self) -> bool {
        match self {
            Value::Bool(b) => !b,
            Value::Int(i) => *i == 0,
            Value::Text(text) => text.expose() == Some(""),
            Value::List(items) => items.is_empty(),
            Value::Map(map) => map.is_empty(),
            Value::Typed(_) | Value::Unset | Value::Unknown => false,
        }
    }

    /// Whether any part of it must not be seen.
    pub fn is_secret(&self) -> bool {
        match self {
            Value::Text(text) => text.is_secret(),
            Value::List(items) => items.iter().any(Value::is_secret),
            Value::Map(map) => map.values().any(Value::is_secret),
            Value::Bool(_) | Value::Int(_) | Value::Typed(_) | Value::Unset | Value::Unknown => false,
        }
    }

    /// Whether any part of it only apply will learn.
    pub fn has_unknown(&self) -> bool {
        match self {
            Value::Unknown | Value::Text(Text::Pending(_)) => true,
            Value::List(items) => items.iter().any(Value::has_unknown),
            Value::Map(map) => map.values().any(Value::has_unknown),
            Value::Bool(_) | Value::Int(_) | Value::Typed(_) | Value::Unset => false,
            Value::Text(Text::Plain(_) | Text::Secret(_) | Text::Sealed(_)) => false,
        }
    }

    /// Whether it names a container that is not there any more.
    pub fn names_gone_container(&self) -> bool {
        match self {
            Value::Typed(Typed::Container(ContainerRef::Gone(_))) => true,
            Value::List(items) => items.iter().any(Value::names_gone_container),
            Value::Bool(_)
            | Value::Int(_)
            | Value::Text(_)
            | Value::Map(_)
            | Value::Typed(_)
            | Value::Unset
            | Value::Unknown => false,
        }
    }

    /// Whether it names a container or a network that is not there any more.
    pub fn names_what_is_gone(&self) -> bool {
        *self == Value::Typed(Typed::End(NetworkEnd::Gone)) || self.names_gone_container()
    }

    /// Whether both say the same, however secrets in them are kept.
    pub fn same(&self, other: &Value, sealer: &Sealer) -> bool {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => a.same(b, sealer),
            (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b, sealer)),
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|((ka, a), (kb, b))| ka == kb && a.same(b, sealer))
            }
            // Older records have the words of a device request, which cannot be read back.
            (Value::Typed(Typed::DeviceRequest(request)), Value::Text(Text::Plain(words)))
            | (Value::Text(Text::Plain(words)), Value::Typed(Typed::DeviceRequest(request))) => {
                request.words() == *words
            }
            // A private number or mount is a text once it is written down.
            (Value::Text(text), other) | (other, Value::Text(text)) if text.is_secret() => {
                other.notation().is_some_and(|other| text.same(&Text::plain(other), sealer))
            }
            (a, b) => a == b,
        }
    }

    /// A number or a typed value as a text; the state of a thing is none.
    fn notation(&self) -> Option<String> {
        match self {
            Value::Int(number) => Some(number.to_string()),
            Value::Typed(Typed::State(_) | Typed::End(_)) => None,
            Value::Typed(typed) => Some(notation::text(typed)),
            Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) | Value::Unset | Value::Unknown => None,
        }
    }

    /// The same as a secret, whatever it is made of. Whether something runs is none.
    #[must_use]
    pub fn as_secret(&self) -> Value {
        match self {
            Value::Text(Text::Plain(text)) => Value::Text(Text::secret(text)),
            Value::List(items) => Value::List(items.iter().map(Value::as_secret).collect()),
            Value::Map(map) => Value::Map(map.iter().map(|(key, value)| (key.clone(), value.as_secret())).collect()),
            value => value.notation().map_or_else(|| value.clone(), |text| Value::Text(Text::secret(text))),
        }
    }

    /// The same with every secret text sealed; safe to show and to write down.
    #[must_use]
    pub fn without_secrets(&self, sealer: &Sealer) -> Value {
        self.map_texts(&|text| match text.is_secret() {
            true => text.sealed(sealer),
            false => text.clone(),
        })
    }

    /// The same with every text sealed, public or not.
    #[must_use]
    pub fn sealed(&self, sealer: &Sealer) -> Value {
        self.map_texts(&|text| text.sealed(sealer))
    }

    /// The same with the digest of each public text in its place; for what is in files.
    #[must_use]
    pub fn digested(&self) -> Value {
        self.map_texts(&|text| match text {
            Text::Plain(text) if !content::is_digest(text) => Text::plain(content::content_digest(text.as_bytes())),
            text => text.clone(),
        })
    }

    fn map_texts(&self, change: &dyn Fn(&Text) -> Text) -> Value {
        match self {
            Value::Text(text) => Value::Text(change(text)),
            Value::List(items) => Value::List(items.iter().map(|v| v.map_texts(change)).collect()),
            Value::Map(map) => Value::Map(map.iter().map(|(k, v)| (k.clone(), v.map_texts(change))).collect()),
            Value::Bool(_) | Value::Int(_) | Value::Typed(_) | Value::Unset | Value::Unknown => self.clone(),
        }
    }
}

impl From<Typed> for Value {
    fn from(typed: Typed) -> Self {
        Value::Typed(typed)
    }
}

impl From<State> for Value {
    fn from(state: State) -> Self {
        Value::Typed(Typed::State(state))
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        match text {
            Text::Pending(_) => Value::Unknown,
            text => Value::Text(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_is_the_same_as_its_clear_text_and_no_other() {
        let sealer = Sealer::new([7; 32]);
        let sealed = Text::secret("pw").sealed(&sealer);
        assert!(sealed.same(&Text::plain("pw"), &sealer));
        assert!(Text::secret("pw").same(&sealed, &sealer));
        assert!(!sealed.same(&Text::plain("pw2"), &sealer));
        assert!(!format!("{:?}", Text::secret("pw")).contains("pw"));
        assert!(serde_json::to_string(&Text::secret("pw")).is_err());
    }
}
