//! Why something is done.

use crate::model::spec::PullPolicy;
use crate::model::typed::State;
use crate::model::{Addr, Key, NodeName, ServiceName};

/// Why something is done. Reasons explain; they never decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is not there yet.
    New,
    /// It was there; somebody outside removed it.
    Gone,
    /// It is there as declared, and hl has not recorded it before.
    Unrecorded,
    /// It is what was recorded under another address.
    RenamedFrom(Addr),
    /// It is declared under another address now.
    RenamedTo(Addr),
    /// The declaration of these fields changed.
    Declared(Vec<String>),
    /// Somebody outside changed these fields.
    Drift(Vec<String>),
    /// Both did.
    Conflict(Vec<String>),
    /// These fields differ and nothing was recorded.
    Differs(Vec<String>),
    /// The image of that name has another content now.
    ImageMoved,
    /// The image is not on the node.
    ImageMissing,
    /// The pull policy asks for it.
    PullPolicy(PullPolicy),
    /// A file of the repository that it mounts changed.
    FileChanged(String),
    /// A path that it mounts by itself is another kind of path now.
    MountedKindChanged(String),
    /// A file that it mounts by itself is put in place anew, and it would go on with the one before.
    MountedFileRewritten(String),
    /// A network that it is on is made anew, and it would go on with other interfaces than those that a start gives it.
    NetworkRemade(String),
    /// A volume that it mounts, by its real name, is made anew.
    VolumeRemade(String),
    /// The build source of its image changed.
    SourceChanged(String),
    /// It is not in the state that it is to be in, with the state that it is in.
    NotRunning(State),
    /// It is not to run.
    DeclaredStopped,
    /// It is to run again.
    DeclaredRunning,
    /// It is not to run, and somebody outside started it.
    StartedOutside,
    /// Both sides changed these fields to the same; only the record is updated.
    Converged(Vec<String>),
    /// These fields differ, and are not worth a change of what is there; only the record is updated.
    RecordedOnly(Vec<String>),
    /// Somebody else made it anew.
    MadeAnewOutside,
    /// The network that it hangs on was removed and made anew.
    StaleNetwork(String),
    /// The container whose namespace or volumes it shares is replaced.
    PeerReplaced(Addr),
    /// The container that it shares a resource with, by this field, was removed outside.
    PeerGone(Key),
    /// A dependency that it follows is restarted or replaced.
    DependencyRestarted(Addr),
    /// A service that it needs is changed; it is verified again.
    DependencyChanged(ServiceName),
    /// Its service changes; it is verified afterwards.
    Verify,
    /// It is to go from that node to another one.
    OwnerChanged(NodeName),
    /// It goes to that node.
    MovedTo(NodeName),
    /// It was left behind when its service moved to that node.
    LeftByMove(NodeName),
    /// An apply was to prove it, and did not come to that or did not succeed.
    Unproven,
    /// It is no longer declared.
    NoLongerDeclared,
    /// An apply has begun to change it and did not bring that to an end.
    Unfinished,
    /// It is left over from an interrupted replacement.
    Leftover,
    /// Nobody asked for it, and it was asked to be removed.
    Requested,
}

impl Reason {
    /// Whether it says that somebody outside did something.
    pub fn is_outside(&self) -> bool {
        match self {
            Reason::Gone
            | Reason::Drift(_)
            | Reason::Conflict(_)
            | Reason::NotRunning(_)
            | Reason::StartedOutside
            | Reason::MadeAnewOutside
            | Reason::PeerGone(_)
            | Reason::StaleNetwork(_) => true,
            Reason::New
            | Reason::Unrecorded
            | Reason::Declared(_)
            | Reason::Differs(_)
            | Reason::ImageMoved
            | Reason::ImageMissing
            | Reason::PullPolicy(_)
            | Reason::FileChanged(_)
            | Reason::MountedKindChanged(_)
            | Reason::MountedFileRewritten(_)
            | Reason::NetworkRemade(_)
            | Reason::VolumeRemade(_)
            | Reason::SourceChanged(_)
            | Reason::DeclaredStopped
            | Reason::DeclaredRunning
            | Reason::Converged(_)
            | Reason::RecordedOnly(_)
            | Reason::PeerReplaced(_)
            | Reason::DependencyRestarted(_)
            | Reason::DependencyChanged(_)
            | Reason::Verify
            | Reason::OwnerChanged(_)
            | Reason::LeftByMove(_)
            | Reason::RenamedFrom(_)
            | Reason::RenamedTo(_)
            | Reason::MovedTo(_)
            | Reason::Unproven
            | Reason::NoLongerDeclared
            | Reason::Unfinished
            | Reason::Leftover
            | Reason::Requested => false,
        }
    }
}
