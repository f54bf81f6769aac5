//! The source of a copy, as it was found.

use super::error::{DataError, Refusal, Task};
use super::mark;
use super::route::{Route, directory, refused, tools};
use crate::model::NodeName;
use crate::model::spec::DataSource;
use crate::node::{Node, Outgoing};

/// Data that is to be copied.
pub(super) struct Source<'a> {
    node: &'a dyn Node,
    /// Where it is there.
    directory: String,
    /// Bytes that it takes; `None` where there is none.
    pub(super) size: Option<u64>,
}

/// The content of the place for a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occupant {
    /// Nothing.
    Nothing,
    /// This very data, copied by an apply that was cut off later. It may have been used since.
    Itself,
    /// Other data.
    Other,
}

impl<'a> Source<'a> {
    /// Finds the data that a source names.
    pub(super) async fn find(route: Route<'a>, source: &DataSource) -> Result<Self, DataError> {
        match source {
            DataSource::Node { node, place } => {
                let node = route.from(node)?;
                let directory = directory(node, place).await?;
                let size = tools(node)?.disk_usage(&directory).await?;
                Ok(Self { node, directory, size })
            }
        }
    }

    /// The content of a directory of another node. A copy counts as this data for as long as the source has not changed:
    /// writes to the copy are newer. Equal data is as good as a copy.
    pub(super) async fn occupant(&self, to: &dyn Node, directory: &str) -> Result<Occupant, DataError> {
        if tools(to)?.is_vacant(directory).await? {
            return Ok(Occupant::Nothing);
        }
        let own = self.fingerprint().await?;
        let is_own =
            mark::read(to, directory).await?.as_ref() == Some(&own) || tools(to)?.fingerprint(directory).await? == own;
        Ok(if is_own { Occupant::Itself } else { Occupant::Other })
    }

    /// The digest of all of it.
    pub(super) async fn fingerprint(&self) -> Result<String, DataError> {
        Ok(tools(self.node)?.fingerprint(&self.directory).await?)
    }

    /// All of it, as a tar archive.
    pub(super) async fn read(&self) -> Result<Outgoing, DataError> {
        Ok(tools(self.node)?.read_tree(&self.directory).await?)
    }

    /// Other data is in its place on another node.
    pub(super) fn occupied(&self, to: &dyn Node, directory: &str) -> DataError {
        let (source_directory, source_node) = self.name();
        refused(to, Task::Put(directory.to_owned()), Refusal::Occupied { source_directory, source_node })
    }

    /// A copy of it on another node differs.
    pub(super) fn unequal(&self, to: &dyn Node, directory: &str) -> DataError {
        let (source_directory, source_node) = self.name();
        refused(to, Task::Compare(directory.to_owned()), Refusal::Unequal { source_directory, source_node })
    }

    /// The stream of it to another node broke.
    pub(super) fn broken(&self, to: &dyn Node, error: std::io::Error) -> DataError {
        refused(to, Task::Copy(self.directory.clone()), Refusal::Broken(error))
    }

    fn name(&self) -> (String, NodeName) {
        (self.directory.clone(), self.node.name().clone())
    }
}
