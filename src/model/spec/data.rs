//! Where the data of a service lies.

use std::fmt;

/// A place for data on a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataPlace {
    /// A folder, by its path.
    Folder(String),
    /// A volume of the engine's own driver, by its name.
    Volume(String),
}

impl fmt::Display for DataPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataPlace::Folder(path) => f.write_str(path),
            DataPlace::Volume(name) => write!(f, "volume {name}"),
        }
    }
}
