//! Why a service is not planned although its node is known.

use super::UnknownCause;
use crate::model::view::FileKind;
use crate::model::{NodeName, ProjectName, ServiceName};

/// The reason why a service is excluded from a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Its declaration could not be resolved.
    Unresolved {
        /// Why, as the configuration tells it.
        why: String,
    },
    /// Its owner changed, and the node that has its data is not known: made anew elsewhere it would begin with nothing.
    DataOnUnknownNode {
        /// The node that has it.
        node: NodeName,
    },
    /// It was begun to be moved to a node that is not its owner any more.
    MoveUnfinished {
        /// Where it was when all of it was done last.
        home: NodeName,
        /// Where the move goes.
        begun: NodeName,
    },
    /// It has moved, and the node that it is to go to has still to be cleared of what it left there.
    MoveNotCleared {
        /// Where it is at home.
        home: NodeName,
        /// Where it came from.
        from: NodeName,
    },
    /// Its files put it into another project than the one that it runs as.
    ProjectChanged {
        /// The service.
        service: ServiceName,
        /// The project that it runs as.
        was: ProjectName,
        /// The one that its files say.
        now: ProjectName,
    },
    /// It looks like a service that runs and is no longer declared.
    LooksRenamed {
        /// That service.
        old: ServiceName,
        /// The project that it runs as.
        project: ProjectName,
    },
    /// It was another service on another node, as it says of itself.
    RenamedElsewhere {
        /// That service.
        old: ServiceName,
        /// The node that it is on.
        node: NodeName,
    },
    /// It was another service, whose volumes have data that hl cannot copy.
    VolumesNotCopied {
        /// That service.
        old: ServiceName,
        /// The project that it runs as.
        project: ProjectName,
        /// The volumes by address name.
        volumes: Vec<String>,
    },
    /// It looks like a project that runs and that nothing declares.
    LooksUndeclared {
        /// That project.
        project: ProjectName,
        /// The project that it would be.
        own: ProjectName,
        /// The node that both are on.
        node: NodeName,
    },
    /// It is a service that was renamed, and its env file is where it was under the old name.
    EnvLeftBehind {
        /// The old name.
        old: ServiceName,
        /// The folder of its configuration.
        from: String,
        /// Where that is to be.
        to: String,
        /// On which node.
        node: NodeName,
    },
    /// It is to leave a node on which it has volumes whose data hl cannot take along.
    VolumesStuck {
        /// The node.
        node: NodeName,
        /// The volumes by address name.
        volumes: Vec<String>,
    },
    /// It is to go to one node, and something of it is on several others.
    OnSeveralNodes {
        /// Where it was when all of it was done last.
        home: Option<NodeName>,
        /// All that have something of it.
        nodes: Vec<NodeName>,
    },
    /// It runs from another folder than it is declared in, and its mounts would silently show other data.
    OtherDirectory {
        /// The service.
        service: ServiceName,
        /// The folder that it runs from, on its node.
        running: String,
        /// The folder that is declared.
        declared: String,
    },
    /// Something of another kind is at the path of one of its files or folders.
    PathInTheWay {
        /// The path.
        path: String,
        /// The kind that is to be there.
        wanted: FileKind,
        /// The node.
        node: NodeName,
    },
    /// hl may not look at a file or folder that it put there and that is no longer declared.
    PathUnreadable {
        /// The path.
        path: String,
        /// Why not.
        why: String,
        /// The node.
        node: NodeName,
    },
    /// It needs a service on a node that is not known.
    NeedsUnknown {
        /// The service that it needs.
        needed: ServiceName,
        /// The node of that.
        node: NodeName,
        /// Why that node is not known.
        cause: UnknownCause,
    },
    /// It needs a service that is blocked itself.
    NeedsBlocked {
        /// The service that it needs.
        needed: ServiceName,
        /// The block of the needed service.
        block: Box<Block>,
    },
}
