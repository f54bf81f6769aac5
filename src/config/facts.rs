//! The facts of nodes with which their services are resolved.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::print::ComposeVersion;

/// The facts of a node that the declarations of its services depend on.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeFacts<'a> {
    /// The files and folders that were asked for and are there, by absolute path: their bytes, where those were asked
    /// for.
    pub files: BTreeMap<&'a str, Option<&'a [u8]>>,
    /// The paths among those asked for that hl may neither make nor replace, there or not.
    pub not_writable: &'a BTreeSet<String>,
    /// The paths among those asked for that hl may not read, each with why.
    pub unreadable: &'a BTreeMap<String, String>,
    /// The variables of env files whose values are those that hl wrote there, each with the path of the file.
    pub unchanged: BTreeSet<(String, String)>,
    /// The home folder of the user whom hl is there, if it is another machine.
    pub home: Option<&'a str>,
}

/// The state of one node.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeState<'a> {
    /// It was read.
    Known(NodeFacts<'a>),
    /// It could not be read.
    Unknown {
        /// Why, in one line.
        why: &'a str,
    },
    /// It is out of service on purpose and was not asked.
    Maintenance,
}

/// The state of one engine, once it has answered or was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineState<'a> {
    /// It answered: the newest Compose that made a container on its node is of this version.
    Answered(ComposeVersion),
    /// It did not, after its node's files had been read.
    Lost {
        /// Why, in one line.
        why: &'a str,
    },
}
