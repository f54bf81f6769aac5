//! The table of operations. Each kind of step has one row: its name, its scheduling, its effect as data (a verb and
//! the affected names), its payload, and the container whose log explains a failure.
//!
//! A further kind is a variant with its row here, the planner's file that emits it, and its call in `apply`. Texts for
//! people are made in `render` from verb and names.

use std::collections::BTreeMap;

pub use super::role::Role;
use crate::model::homelab::{Condition, HealthScript};
pub use crate::model::spec::AnonymousVolumes;
use crate::model::spec::{
    Attachment, BuildSpec, ContainerSpec, DataPlace, DataSource, DirectorySpec, FileSpec, ImageRef, NetworkSpec,
    VolumeSpec,
};
use crate::model::{NodeName, Value};

/// The operations, each with the arguments of its call. Existing containers are named by id, containers that the plan
/// creates by name.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Makes a directory with its parents.
    EnsureDirectory(DirectorySpec),
    /// Writes a file, all or nothing.
    WriteFile(Box<FileSpec>),
    /// Pulls an image.
    PullImage {
        /// Which.
        reference: ImageRef,
        /// `os/arch[/variant]`.
        platform: Option<String>,
    },
    /// Builds an image.
    BuildImage {
        /// The name that it gets.
        reference: ImageRef,
        /// From what.
        build: Box<BuildSpec>,
    },
    /// Checks that a service can run here before any part of it is stopped elsewhere: disk space, memory, no other data
    /// in the target place, images for this machine.
    CheckMove {
        /// The node that has it.
        from: NodeName,
        /// The sources of its data, and their places here.
        data: Vec<(DataSource, DataPlace)>,
        /// Paths that it mounts and that do not come along.
        mounts: Vec<String>,
        /// The images that it is to run here.
        images: Vec<ImageRef>,
        /// Its containers that run there, by id.
        containers: Vec<String>,
    },
    /// Copies data, proves the copy equal, and puts it in its place.
    CopyData {
        /// The source of the copy.
        source: DataSource,
        /// The place of the copy here. It must hold no other data.
        target: DataPlace,
    },
    /// Takes a copy away that was made before; what has been written to it since is kept.
    DiscardData {
        /// The source of the copy.
        source: DataSource,
        /// The copy.
        target: DataPlace,
    },
    /// Removes a folder with all that is in it.
    RemoveFolder {
        /// Its path.
        path: String,
    },
    /// Removes a file.
    RemoveFile {
        /// Its path.
        path: String,
    },
    /// Removes a folder in which nothing is.
    RemoveVacantFolder {
        /// Its path.
        path: String,
    },
    /// Gives a folder another name, with the day in it.
    RetireFolder {
        /// Its path.
        path: String,
    },
    /// Makes a network.
    CreateNetwork(Box<NetworkSpec>),
    /// Removes a network.
    RemoveNetwork {
        /// Its id.
        id: String,
        /// Its name, for people.
        name: String,
    },
    /// Makes a volume.
    CreateVolume(Box<VolumeSpec>),
    /// Removes a volume with its data.
    RemoveVolume {
        /// Its name.
        name: String,
    },
    /// Makes a container, attaches all its networks and copies its files in; does not start it.
    CreateContainer {
        /// The name that it gets now; its final one is in the spec.
        name: String,
        /// The spec of the container.
        spec: Box<ContainerSpec>,
        /// The containers that `service:…` in the spec means: Compose service → name.
        peers: BTreeMap<String, String>,
        /// Anonymous volumes that it takes over from the one it replaces: target → volume.
        inherited_volumes: BTreeMap<String, String>,
    },
    /// Starts a container.
    StartContainer {
        /// Which.
        container: String,
    },
    /// Stops a container, with its own grace period.
    StopContainer {
        /// Which.
        container: String,
    },
    /// Stops and starts a container.
    RestartContainer {
        /// Which.
        container: String,
    },
    /// Thaws a frozen container.
    UnpauseContainer {
        /// Which.
        container: String,
    },
    /// Gives a container another name.
    RenameContainer {
        /// Which.
        container: String,
        /// The name.
        name: String,
    },
    /// Removes a container, by force; its anonymous volumes go only where asked for.
    RemoveContainer {
        /// The container.
        container: String,
        /// Whether its anonymous volumes are kept or removed.
        volumes: AnonymousVolumes,
    },
    /// Changes limits and the restart policy of a container while it runs.
    UpdateContainer {
        /// Which.
        container: String,
        /// The spec that it is to follow; only what the engine's update call takes is sent.
        spec: Box<ContainerSpec>,
    },
    /// Attaches a container to a network.
    ConnectNetwork {
        /// Which.
        container: String,
        /// The network's name.
        network: String,
        /// How.
        attachment: Box<Attachment>,
    },
    /// Detaches a container from a network.
    DisconnectNetwork {
        /// Which.
        container: String,
        /// The network's name, or its id if it is gone.
        network: String,
    },
    /// Waits until a container is what others need of it.
    AwaitContainer {
        /// The container.
        container: String,
        /// The required condition.
        condition: Condition,
        /// Milliseconds until that counts as failed.
        timeout_ms: u64,
    },
    /// Runs the health script of a service on its node until it succeeds.
    RunHealthScript {
        /// The script.
        script: Box<HealthScript>,
        /// The folder that it runs in.
        directory: String,
        /// The service's env file on the node, whose variables it gets.
        env_file: String,
    },
}

/// How an operation is scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduling {
    /// It takes a slot of its node and is done at once, or nearly.
    Quick,
    /// It takes a slot of its node, maybe for minutes.
    LongRunning,
    /// It takes no slot: it waits for something that may need other steps.
    Waiting,
}

/// Whether an operation can change something on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It can: its node is locked, and it is in the journal before the call.
    Changes,
    /// It only looks.
    Observes,
}

/// The effect of an operation on the resources that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Makes what is not there.
    Ensure,
    /// Writes it anew.
    Write,
    /// Fetches it from a registry.
    Pull,
    /// Builds it.
    Build,
    /// Checks that it can come.
    Check,
    /// Copies it.
    Copy,
    /// Takes the copy away.
    Discard,
    /// Removes it.
    Remove,
    /// Removes it with the data in it.
    RemoveWithData,
    /// Gives it a name out of the way.
    Retire,
    /// Makes it.
    Create,
    /// Starts it.
    Start,
    /// Stops it.
    Stop,
    /// Stops and starts it.
    Restart,
    /// Lets it go on.
    Unpause,
    /// Gives it another name.
    Rename,
    /// Changes it while it runs.
    Update,
    /// Attaches it.
    Connect,
    /// Detaches it.
    Disconnect,
    /// Waits until it runs.
    AwaitRunning,
    /// Waits until it is healthy.
    AwaitHealthy,
    /// Waits until it has ended without an error.
    AwaitCompleted,
    /// Runs it.
    Run,
}

/// The verbs and the word that the names of their kinds begin with.
const VERBS: [(Verb, &str); 23] = [
    (Verb::Ensure, "ensure"),
    (Verb::Write, "write"),
    (Verb::Pull, "pull"),
    (Verb::Build, "build"),
    (Verb::Check, "check"),
    (Verb::Copy, "copy"),
    (Verb::Discard, "discard"),
    (Verb::Remove, "remove"),
    (Verb::RemoveWithData, "remove"),
    (Verb::Retire, "set_aside"),
    (Verb::Create, "create"),
    (Verb::Start, "start"),
    (Verb::Stop, "stop"),
    (Verb::Restart, "restart"),
    (Verb::Unpause, "unpause"),
    (Verb::Rename, "rename"),
    (Verb::Update, "update"),
    (Verb::Connect, "connect"),
    (Verb::Disconnect, "disconnect"),
    (Verb::AwaitRunning, "await"),
    (Verb::AwaitHealthy, "await"),
    (Verb::AwaitCompleted, "await"),
    (Verb::Run, "run"),
];

impl Verb {
    /// The verb of a kind by the kind's name, for one that was read from a journal; `None` for the name of a kind that
    /// this version does not know.
    pub fn of_kind(kind: &str) -> Option<Self> {
        let begins = |word: &str| kind.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
        VERBS.into_iter().find(|(_, word)| begins(word)).map(|(verb, _)| verb)
    }

    fn word(self) -> &'static str {
        VERBS.into_iter().find(|(verb, _)| *verb == self).map_or("", |(_, word)| word)
    }
}

/// The part of an operation that may contain secrets.
#[derive(Clone, Copy, Debug, Default)]
enum Payload<'a> {
    #[default]
    Nothing,
    Container(&'a ContainerSpec),
    Network(&'a NetworkSpec),
    Volume(&'a VolumeSpec),
    File(&'a FileSpec),
    Build(&'a BuildSpec),
}

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Description<'a> {
    /// The name of the kind, as JSON and journals have it. It begins with the verb's word.
    pub kind: &'static str,
    /// How it is scheduled.
    pub scheduling: Scheduling,
    /// Whether it can change something.
    pub effect: Effect,
    /// The verb.
    pub verb: Verb,
    /// The affected names by role, in display order.
    pub names: Vec<(Role, &'a str)>,
    /// The container whose log tells why the call failed.
    pub logs: Option<&'a str>,
    /// The other node that it reads from.
    pub other_node: Option<&'a NodeName>,
    payload: Payload<'a>,
}

impl<'a> Description<'a> {
    fn new(kind: &'static str, verb: Verb, scheduling: Scheduling) -> Self {
        debug_assert!(
            Verb::of_kind(kind).is_some_and(|of_name| of_name.word() == verb.word()),
            "the name of {kind} begins with the word of another verb than {verb:?}"
        );
        let (effect, names, payload) = (Effect::Changes, Vec::new(), Payload::Nothing);
        Self { kind, scheduling, effect, verb, names, logs: None, other_node: None, payload }
    }

    fn quick(kind: &'static str, verb: Verb) -> Self {
        Self::new(kind, verb, Scheduling::Quick)
    }

    fn long(kind: &'static str, verb: Verb) -> Self {
        Self::new(kind, verb, Scheduling::LongRunning)
    }

    fn waiting(kind: &'static str, verb: Verb) -> Self {
        Self::new(kind, verb, Scheduling::Waiting)
    }

    fn observing(self) -> Self {
        Self { effect: Effect::Observes, ..self }
    }

    fn name(mut self, role: Role, name: &'a str) -> Self {
        self.names.push((role, name));
        self
    }

    fn place(self, place: &'a DataPlace) -> Self {
        match place {
            DataPlace::Folder(path) => self.name(Role::Path, path),
            DataPlace::Volume(name) => self.name(Role::Volume, name),
        }
    }

    fn comes_from(self, node: &'a NodeName) -> Self {
        Self { other_node: Some(node), ..self.name(Role::Node, node.as_str()) }
    }

    fn logs(self, container: &'a str) -> Self {
        Self { logs: Some(container), ..self.name(Role::Container, container) }
    }

    fn carries(self, payload: Payload<'a>) -> Self {
        Self { payload, ..self }
    }

    /// The values that the call carries, among which secrets in the clear may be.
    pub fn values(&self) -> Vec<Value> {
        let fields = match self.payload {
            Payload::Nothing => return Vec::new(),
            Payload::Build(build) => {
                let texts = build.args.values().flatten().chain(build.labels.values());
                return texts.cloned().map(Value::Text).collect();
            }
            Payload::Container(spec) => spec.fields(),
            Payload::Network(spec) => spec.fields(),
            Payload::Volume(spec) => spec.fields(),
            Payload::File(spec) => spec.fields(),
        };
        fields.iter().map(|(_, value)| value.clone()).collect()
    }
}

impl Operation {
    /// Its row of the table.
    pub fn describe(&self) -> Description<'_> {
        use Description as Row;
        match self {
            Operation::EnsureDirectory(spec) => {
                Row::quick("ensure_directory", Verb::Ensure).name(Role::Directory, &spec.path)
            }
            Operation::WriteFile(spec) => {
                Row::quick("write_file", Verb::Write).name(Role::Path, &spec.path).carries(Payload::File(spec))
            }
            Operation::PullImage { reference, .. } => {
                Row::long("pull_image", Verb::Pull).name(Role::Image, reference.as_str())
            }
            Operation::BuildImage { reference, build } => Row::long("build_image", Verb::Build)
                .name(Role::Image, reference.as_str())
                .carries(Payload::Build(build)),
            Operation::CheckMove { from, .. } => Row::long("check_move", Verb::Check).comes_from(from),
            Operation::CopyData { source, target } => {
                let (DataPlace::Folder(target) | DataPlace::Volume(target)) = target;
                let DataSource::Node { node, place } = source;
                Row::long("copy_data", Verb::Copy).place(place).comes_from(node).name(Role::Target, target)
            }
            Operation::DiscardData { source, target } => {
                let DataSource::Node { node, .. } = source;
                Row::quick("discard_data", Verb::Discard).place(target).comes_from(node)
            }
            Operation::RemoveFolder { path } => Row::quick("remove_folder", Verb::Remove).name(Role::Path, path),
            Operation::RemoveFile { path } => Row::quick("remove_file", Verb::Remove).name(Role::Path, path),
            Operation::RemoveVacantFolder { path } => {
                Row::quick("remove_vacant_folder", Verb::Remove).name(Role::Directory, path)
            }
            Operation::RetireFolder { path } => Row::quick("set_aside", Verb::Retire).name(Role::Path, path),
            Operation::CreateNetwork(spec) => Row::quick("create_network", Verb::Create)
                .name(Role::Network, &spec.name)
                .carries(Payload::Network(spec)),
            Operation::RemoveNetwork { id, name } => {
                Row::quick("remove_network", Verb::Remove).name(Role::Network, name).name(Role::Id, id)
            }
            Operation::CreateVolume(spec) => {
                Row::quick("create_volume", Verb::Create).name(Role::Volume, &spec.name).carries(Payload::Volume(spec))
            }
            Operation::RemoveVolume { name } => {
                Row::quick("remove_volume", Verb::RemoveWithData).name(Role::Volume, name)
            }
            Operation::CreateContainer { name, spec, .. } => Row::quick("create_container", Verb::Create)
                .name(Role::Container, name)
                .carries(Payload::Container(spec)),
            Operation::StartContainer { container } => Row::quick("start_container", Verb::Start).logs(container),
            Operation::StopContainer { container } => {
                Row::quick("stop_container", Verb::Stop).name(Role::Container, container)
            }
            Operation::RestartContainer { container } => Row::quick("restart_container", Verb::Restart).logs(container),
            Operation::UnpauseContainer { container } => Row::quick("unpause_container", Verb::Unpause).logs(container),
            Operation::RenameContainer { container, name } => {
                Row::quick("rename_container", Verb::Rename).name(Role::Container, container).name(Role::Name, name)
            }
            Operation::RemoveContainer { container, .. } => {
                Row::quick("remove_container", Verb::Remove).name(Role::Container, container)
            }
            Operation::UpdateContainer { container, spec } => {
                Row::quick("update_container", Verb::Update).logs(container).carries(Payload::Container(spec))
            }
            Operation::ConnectNetwork { container, network, .. } => {
                Row::quick("connect_network", Verb::Connect).logs(container).name(Role::Network, network)
            }
            Operation::DisconnectNetwork { container, network } => Row::quick("disconnect_network", Verb::Disconnect)
                .name(Role::Container, container)
                .name(Role::Network, network),
            Operation::AwaitContainer { container, condition, .. } => {
                let verb = match condition {
                    Condition::Started => Verb::AwaitRunning,
                    Condition::Healthy => Verb::AwaitHealthy,
                    Condition::Completed => Verb::AwaitCompleted,
                };
                Row::waiting("await_container", verb).logs(container).observing()
            }
            Operation::RunHealthScript { script, .. } => {
                Row::waiting("run_health_script", Verb::Run).name(Role::Path, &script.path)
            }
        }
    }
}
