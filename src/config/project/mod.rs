//! COMPOSE PROJECT → RESOURCES. The canonical tree of a project as containers, networks, volumes and images of the
//! model.
//!
//! [`build`] is the entry. The rules are those by which Docker Compose turns a project into calls of the engine's API
//! (its `pkg/compose/create.go`). It does not know the homelab, nodes or where variables come from; of the paths that
//! it hands on it knows only that they are those of the machine that the project is for.

mod beginnings;
mod container;
mod conversions;
mod files;
mod image;
mod labels;
mod limits;
mod names;
mod network;
mod own_names;
mod shared;
mod storage;

pub(super) use labels::complete;

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::budget::MOST_PORTS;
use crate::compose::reader::Reader;
use crate::compose::yaml::{Entry, Map, Node};
use crate::compose::{self, Project};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::model::addr::Kind;
use crate::model::homelab::{Container, Image, Network, Volume};
use crate::model::spec::Port;

/// The resources of a project.
#[derive(Clone, Debug, Default)]
pub(super) struct Resources {
    /// Images by reference.
    pub images: BTreeMap<String, Image>,
    /// Networks by key.
    pub networks: BTreeMap<String, Network>,
    /// Volumes by key.
    pub volumes: BTreeMap<String, Volume>,
    /// Containers by address name.
    pub containers: BTreeMap<String, Container>,
    /// Services that a profile disables.
    pub disabled: BTreeSet<String>,
    /// Paths of the machine that containers or builds read, each with its place.
    pub sources: Vec<SourcePath>,
    /// The claims that only one service of a machine can hold.
    pub claims: Claims,
    /// Whether a path begins with `~` and waits for the home folder of its machine.
    pub waits_for_home: bool,
}

/// The home folder, as far as it is known, of the user on the machine that a project is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// Only the machine can tell, and it has not been asked.
    NotAsked,
    /// All that can be: a path that still begins with `~` leads nowhere.
    Asked,
}

/// A path of the machine that a container mounts or an image is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourcePath {
    /// The path.
    pub path: String,
    /// Where containers see it; empty for what an image is built from.
    pub target: String,
    /// Its purpose.
    pub purpose: Purpose,
    /// The containers that see it, by address name.
    pub containers: Vec<String>,
    /// Where it is declared.
    pub span: Span,
}

/// The purpose of a path of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Mounted, and only read.
    Read,
    /// Mounted, and may be written to.
    Write,
    /// A Compose secret.
    Secret,
    /// The folder that an image is built from.
    Build,
}

/// The claims that only one service of a machine can hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims {
    /// Published ports with the Compose service that publishes each.
    pub ports: Vec<(Port, String, Span)>,
    /// Names of containers, networks and volumes.
    pub names: Vec<(Kind, String, Span)>,
    /// Where the name of the project stands.
    pub project: Option<Span>,
}

/// The state of building the resources of a project.
struct Builder<'a> {
    project: &'a Project,
    reader: &'a dyn Reader,
    home: Home,
    out: &'a mut Diagnostics,
    made: Resources,
    /// How many exposed ports and links there are so far, for each container and network.
    expanded: usize,
}

impl Builder<'_> {
    /// Counts what short forms become; none if that is too much, which is reported once.
    fn expand(&mut self, more: usize, span: Span) -> Option<()> {
        let before = self.expanded;
        self.expanded = before.saturating_add(more);
        if self.expanded <= MOST_PORTS {
            return Some(());
        }
        if before <= MOST_PORTS {
            let words = format!("the project has more than {MOST_PORTS} exposed ports and links");
            let diagnostic = Diagnostic::error(Code::TooDeep, words).at(span, "the limit is crossed here");
            self.out.push(diagnostic.hint("take `expose` and `links` out: containers of one network need neither"));
        }
        None
    }
}

/// The resources of a project. Files that go into them are read with `reader` by their path on the machine. What
/// depends on the version of Compose is left to [`complete`].
pub(super) fn build(project: &Project, reader: &dyn Reader, home: Home, out: &mut Diagnostics) -> Resources {
    let mut builder = Builder { project, reader, home, out, made: Resources::default(), expanded: 0 };
    builder.made.disabled = project.disabled.keys().cloned().collect();
    compose::schema::check_support(&project.tree, builder.out);
    builder.made.claims.project = project.tree.get("name").map(|node| node.span);
    builder.check_beginnings();
    builder.networks();
    builder.volumes();
    for (name, entry) in services(project) {
        builder.service(name, entry);
    }
    builder.own_names();
    builder.roles();
    builder.builds();
    builder.made
}

/// The services of a project.
fn services(project: &Project) -> impl Iterator<Item = (&String, &Entry)> {
    entries(&project.tree, "services").into_iter().flatten()
}

/// The mapping below a key of the project.
fn entries<'a>(tree: &'a Node, key: &str) -> Option<&'a Map> {
    tree.get(key).and_then(Node::as_map)
}

#[cfg(test)]
mod tests;
