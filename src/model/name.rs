//! Newtypes for the names that people give.

use std::fmt;

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("a name must not be empty")]
    Empty,
    /// It has to start with a letter or a digit.
    #[error("a name starts with a letter or a digit")]
    Start,
    /// Only letters, digits, `.`, `_` and `-` may stand in it.
    #[error("a name has only letters, digits, `.`, `_` and `-`")]
    Character,
}

/// The rule for nodes and services: what is safe in a path, an address and a label.
fn check(text: &str) -> Result<(), NameError> {
    let first = text.chars().next().ok_or(NameError::Empty)?;
    if !first.is_ascii_alphanumeric() {
        return Err(NameError::Start);
    }
    match text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')) {
        true => Ok(()),
        false => Err(NameError::Character),
    }
}

/// Declares a name type over `String`.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name, if `text` is one.
            ///
            /// # Errors
            /// [`NameError`] says which rule it breaks.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }

            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// The name of a machine in the topology.
    NodeName
}
/// The name of a service. One that runs on several machines has an instance on each, and the name of an instance knows its
/// machine: people see and type the name of the service alone, beside that of the machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName(String);

/// The character between a service and the machine of its instance, where both are one text.
const AT: char = '@';

impl ServiceName {
    /// The name, if `text` is one.
    ///
    /// # Errors
    /// [`NameError`] says which rule it breaks.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        check(&text)?;
        Ok(Self(text))
    }

    /// Its instance on a machine.
    #[must_use]
    pub fn on(&self, node: &NodeName) -> Self {
        Self(format!("{}{AT}{node}", self.as_str()))
    }

    /// The service that it is an instance of, or itself.
    #[must_use]
    pub fn whole(&self) -> Self {
        Self(self.as_str().to_owned())
    }

    /// The machine that it is an instance on, if it is one.
    pub fn instance(&self) -> Option<&str> {
        self.0.split_once(AT).map(|(_, node)| node)
    }

    /// The name as people see it, and as folders are called.
    pub fn as_str(&self) -> &str {
        self.0.split_once(AT).map_or(self.0.as_str(), |(name, _)| name)
    }

    /// The name with the machine of an instance, which tells one from another.
    pub fn key(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for ServiceName {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl TryFrom<String> for ServiceName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        match text.split_once(AT) {
            Some((name, node)) => Ok(Self::new(name)?.on(&NodeName::new(node)?)),
            None => Self::new(text),
        }
    }
}

impl From<ServiceName> for String {
    fn from(name: ServiceName) -> String {
        name.0
    }
}

impl std::borrow::Borrow<str> for ServiceName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

name! {
    /// The Compose project name of a service, as Compose would work it out.
    ProjectName
}
