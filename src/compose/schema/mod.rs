//! Every key of the Compose format: what it takes, what Compose makes of it, and whether hl honours it.
//!
//! One table, [`PROJECT`], is the source of the check of files ([`check()`]), of the typed form (`compose::decode`),
//! of the order in which a project is printed (`compose::print`), of what a plan refuses ([`check_support`]) and of the
//! documentation ([`keys`]). It does not know the meaning of values.

mod build;
mod deploy;
mod keys;
mod mount;
mod project;
mod service;
mod support;
mod ulimits;
mod violations;

pub use keys::{KeyPath, keys};
pub use project::PROJECT;
pub use service::SERVICE;
pub use support::check_support;
pub use violations::check;

/// One key of a mapping with fixed keys.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key as written.
    pub name: &'static str,
    /// The values that Compose accepts.
    pub accepts: Accepts,
    /// The type that the value has in Compose's model.
    pub value_type: ValueType,
    /// Whether hl honours it.
    pub support: Support,
    /// The release of Docker Compose that brought it; `None` for the keys that every Compose v2 knows.
    pub since: Option<Release>,
    /// When it is printed.
    pub printed: Printed,
    /// The way out where hl cannot honour it; none where it can just be removed.
    pub way_out: Option<&'static str>,
}

/// When a key is printed, and how its name is spelled in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Printed {
    /// When its value is not the empty one.
    IfSet,
    /// Always.
    Always,
    /// Always, and under this name in JSON: Compose's struct has no name of its own for it.
    AlwaysAs(&'static str),
    /// When its value is not the empty one and this other key is not set, of which it is the outcome.
    Unless(&'static str),
}

/// A release of Docker Compose, major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(pub u8, pub u8);

/// The release whose files and answers hl follows to the letter: the loader in it is compose-go 2.4.8.
pub const FOLLOWED: Release = Release(2, 33);

/// Whether hl honours a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It does.
    Supported,
    /// Compose itself does nothing with it, or nothing that an engine sees; the reason in a clause.
    NoEffect(&'static str),
    /// A plan refuses it; the reason in a clause.
    Unsupported(&'static str),
    /// A plan refuses these values of it; the reason in a clause.
    UnsupportedValues(&'static [&'static str], &'static str),
}

/// A mapping whose keys are fixed.
#[derive(Debug)]
pub struct Keys {
    /// Its keys, in the order of the newest Compose, which is the order of the config hash.
    pub keys: &'static [Key],
    /// Keys that must be there.
    pub required: &'static [&'static str],
    /// Whether `x-…` keys may stand between.
    pub extensions: Extensions,
    /// The names of the keys in the order of [`FOLLOWED`], where that is another one.
    pub followed_order: &'static [&'static str],
}

/// Whether keys of the user's own (`x-…`) may stand in a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extensions {
    /// They may.
    Allowed,
    /// They are unknown keys like any other.
    Refused,
    /// Any unknown key may.
    Anything,
}

impl Keys {
    /// The key of that name.
    pub fn get(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|k| k.name == name)
    }
}

/// The values that Compose's JSON schema accepts.
#[derive(Clone, Copy, Debug)]
pub enum Accepts {
    /// A value of one of these types.
    Of(&'static [Type]),
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of these words, or `every_` and a duration.
    WordOrEvery(&'static [&'static str]),
    /// Text, or an integer in a range.
    Range(i64, i64),
    /// A list of such items.
    List(&'static Accepts),
    /// A list of such items in which none may stand twice.
    Set(&'static Accepts),
    /// A mapping from the user's own names.
    Named(Names, &'static Accepts),
    /// A mapping with fixed keys.
    Keys(&'static Keys),
    /// The one of these whose type the value has.
    Either(&'static [Accepts]),
}

/// The types of the JSON schema; an integer is a number, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `null`.
    Null,
    /// A boolean.
    Bool,
    /// A number without a fraction.
    Integer,
    /// A number.
    Number,
    /// A string.
    Text,
    /// A mapping with anything in it.
    Map,
}

/// Which names a mapping from the user's own names may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Letters, digits, `.`, `_` and `-`; others are refused.
    Strict,
    /// The same, but what stands under another name is not looked at.
    Lax,
    /// Any name but the empty one.
    Any,
    /// Lower case letters; what stands under another name is not looked at.
    LowerCase,
}

/// The type of a value in Compose's model, which says how it is decoded, printed and hashed.
#[derive(Clone, Copy, Debug)]
pub enum ValueType {
    /// Text; left out when empty.
    Text,
    /// A boolean; left out when false.
    Bool,
    /// A boolean; printed whenever it is set.
    BoolSet,
    /// A boolean that the newest Compose takes for true; it prints false alone, [`FOLLOWED`] true alone.
    OptOut,
    /// An integer; left out when 0.
    Int,
    /// An integer; printed whenever it is set.
    IntSet,
    /// An integer that is not negative; left out when 0. Text is no number here.
    Uint,
    /// The same, printed whenever it is set.
    UintSet,
    /// The mode of a file; a number, and octal text in the newest Compose. Printed whenever it is set.
    Mode,
    /// A float of 32 bits; left out when 0.
    Float,
    /// A number of bytes, printed as text; left out when 0.
    Bytes,
    /// A duration; left out when 0 where it is not a setting of its own.
    Time,
    /// A duration; printed whenever it is set.
    TimeSet,
    /// A command: a list of words, `null` in JSON when it is not set.
    Command,
    /// The test of a health check.
    Test,
    /// A list of texts.
    Texts,
    /// A text or a list of texts.
    TextOrTexts,
    /// A list of texts and numbers.
    TextsAndNumbers,
    /// Variables: name → text, or null to take it from outside.
    Variables,
    /// Name → text; null is empty text.
    Mapping,
    /// Name → text, from a mapping only; numbers become text, nothing else does.
    TextMap,
    /// Extra hosts.
    Hosts,
    /// A number of devices; `all` is -1.
    Count,
    /// Keys of an SSH agent.
    Ssh,
    /// Env files: a list of path, required, format.
    EnvFiles,
    /// Limits by name: a number, or soft and hard.
    Ulimits,
    /// A mapping with fixed keys that is there even when it is not set: printed as `{}` in JSON.
    Always(&'static Keys),
    /// A mapping with fixed keys.
    Keys(&'static Keys),
    /// A list of mappings with fixed keys.
    List(&'static Keys),
    /// The user's names → mappings with fixed keys; null stays null.
    Named(&'static Keys),
    /// Options of a provider: name → text or list of texts.
    MultiOptions,
    /// Kept as it is; consumed before the project is printed.
    Raw,
}

const TEXT: Accepts = Accepts::Of(&[Type::Text]);
const BOOL_OR_TEXT: Accepts = Accepts::Of(&[Type::Bool, Type::Text]);
const INTEGER_OR_TEXT: Accepts = Accepts::Of(&[Type::Integer, Type::Text]);
const NUMBER_OR_TEXT: Accepts = Accepts::Of(&[Type::Number, Type::Text]);
const TEXTS: Accepts = Accepts::List(&TEXT);
const TEXT_SET: Accepts = Accepts::Set(&TEXT);
const TEXT_OR_SET: Accepts = Accepts::Either(&[TEXT, TEXT_SET]);
const TEXT_OR_TEXTS: Accepts = Accepts::Either(&[TEXT, TEXTS]);
const SCALAR: Accepts = Accepts::Of(&[Type::Text, Type::Number, Type::Bool, Type::Null]);
const LIST_OR_MAP: Accepts = Accepts::Either(&[Accepts::Named(Names::Any, &SCALAR), TEXT_SET]);
const DRIVER_OPTIONS: Accepts = Accepts::Named(Names::Any, &Accepts::Of(&[Type::Text, Type::Number]));
const COMMAND: Accepts = Accepts::Either(&[Accepts::Of(&[Type::Null]), TEXT, TEXTS]);
const HOSTS: Accepts = Accepts::Either(&[Accepts::Named(Names::Any, &TEXT_OR_TEXTS), TEXT_SET]);
const EXTERNAL: Accepts = Accepts::Either(&[BOOL_OR_TEXT, Accepts::Keys(&EXTERNAL_NAME)]);

static EXTERNAL_NAME: Keys = open(&[key("name", TEXT, ValueType::Text)]);

const EXTERNAL_OR_ANYTHING: Accepts = Accepts::Either(&[BOOL_OR_TEXT, Accepts::Keys(&EXTERNAL_ANYTHING)]);

static EXTERNAL_ANYTHING: Keys = lax(&[key("name", TEXT, ValueType::Text)]);

const fn key(name: &'static str, accepts: Accepts, value_type: ValueType) -> Key {
    let (support, printed) = (Support::Supported, Printed::IfSet);
    Key { name, accepts, value_type, support, since: None, printed, way_out: None }
}

/// A mapping without required keys that takes `x-…` keys.
const fn open(keys: &'static [Key]) -> Keys {
    Keys { keys, required: &[], extensions: Extensions::Allowed, followed_order: &[] }
}

/// A mapping without required keys that takes no other key.
const fn closed(keys: &'static [Key]) -> Keys {
    Keys { extensions: Extensions::Refused, ..open(keys) }
}

/// A mapping without required keys that takes any other key.
const fn lax(keys: &'static [Key]) -> Keys {
    Keys { extensions: Extensions::Anything, ..open(keys) }
}

impl Keys {
    const fn requiring(self, required: &'static [&'static str]) -> Self {
        Self { required, ..self }
    }

    const fn once_ordered(self, followed_order: &'static [&'static str]) -> Self {
        Self { followed_order, ..self }
    }
}

impl Key {
    const fn no_effect(self, why: &'static str) -> Self {
        Self { support: Support::NoEffect(why), ..self }
    }

    const fn unsupported(self, why: &'static str) -> Self {
        Self { support: Support::Unsupported(why), ..self }
    }

    const fn unsupported_values(self, values: &'static [&'static str], why: &'static str) -> Self {
        Self { support: Support::UnsupportedValues(values, why), ..self }
    }

    const fn way_out(self, way_out: &'static str) -> Self {
        Self { way_out: Some(way_out), ..self }
    }

    const fn since(self, major: u8, minor: u8) -> Self {
        Self { since: Some(Release(major, minor)), ..self }
    }

    const fn always(self) -> Self {
        Self { printed: Printed::Always, ..self }
    }

    const fn unless(self, other: &'static str) -> Self {
        Self { printed: Printed::Unless(other), ..self }
    }

    const fn always_as(self, json: &'static str) -> Self {
        Self { printed: Printed::AlwaysAs(json), ..self }
    }
}
