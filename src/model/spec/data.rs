//! Where the data of a service lies, and where a copy of it comes from.

use std::fmt;

use crate::model::NodeName;

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

/// The source of a copy of data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataSource {
    /// A place on a node, which is read while the copy is made.
    Node {
        /// The node.
        node: NodeName,
        /// Where it is there.
        place: DataPlace,
    },
}

impl fmt::Display for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataSource::Node { node, place } => write!(f, "{place} from {node}"),
        }
    }
}
