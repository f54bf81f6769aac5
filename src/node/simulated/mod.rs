//! A node in memory, or in a file, that follows the engine's documented rules and can fail on purpose.
//!
//! It serves tests (whole applies without an engine, cut at any call), rehearsals (`address: simulated`) and benchmarks of
//! many nodes. It has an engine, a tree of files, volumes with content, memory, a disk and a lock. It does not simulate
//! time, networks or programs: [`World`] says how a program behaves when it is started, and how a script ends.

mod addresses;
mod engine;
mod file_tree;
mod persistence;
mod tools;
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use self::persistence::Store;
use super::error::{ConnectionPhase, ErrorKind, NodeError};
use super::{
    ApiVersion, Capabilities, ContainerState, EngineInfo, FileWrite, LockGuard, LockHolder, NewContainer, Node,
    Progress, Script, ScriptEnd, ScriptOutcome, Tools, shell,
};
use crate::model::NodeName;
use crate::model::spec::{
    AnonymousVolumes, Attachment, BuildSpec, ContainerSpec, DirectorySpec, ImageRef, NetworkSpec, VolumeSpec,
};
use crate::model::view::{LiveContainer, LiveFile, LiveFiles, LiveNode, WantContent, Wanted};

use self::file_tree::{file_error, owner};
pub use file_tree::{Entry, Inode, Tree};
pub use world::{Behaviour, Machine, Program, Pulls, World};

/// For how long a program of which nothing is known runs while somebody waits for its end.
const JOB: Duration = Duration::from_secs(3);

/// A node in memory; clones are the same node.
#[derive(Clone, Debug)]
pub struct Simulated(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: NodeName,
    world: Mutex<World>,
    /// The file that the world is kept in.
    store: Option<Mutex<Store>>,
    /// Changing calls until the link is cut.
    left: Arc<Mutex<Option<usize>>>,
    /// The first look at each start of a container by who waits for it.
    waits: Mutex<BTreeMap<(String, String), Instant>>,
    /// The holder of the lock, as a lock file names it.
    holder: Arc<Mutex<Option<String>>>,
}

impl Simulated {
    /// A node of this name with what `world` has, until the process ends.
    pub fn new(name: NodeName, world: World) -> Self {
        Self::with(name, world, None, Arc::default())
    }

    /// Another node in memory, whose link is cut together with this one's: [`Simulated::cut_after`] counts the calls of both.
    pub fn beside(&self, name: NodeName, world: World) -> Self {
        Self::with(name, world, None, Arc::clone(&self.0.left))
    }

    /// A node of this name whose world is kept in a file below `folder`; without one it is a new machine.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn kept(name: NodeName, folder: &Path) -> Result<Self, NodeError> {
        let store = Store::new(folder, &name);
        let node = Self::with(name, World::default(), Some(store), Arc::default());
        node.look("read the simulated node", |_| Ok(()))?;
        Ok(node)
    }

    fn with(name: NodeName, world: World, store: Option<Store>, left: Arc<Mutex<Option<usize>>>) -> Self {
        let (world, store) = (Mutex::new(world), store.map(Mutex::new));
        Self(Arc::new(Shared { name, world, store, left, waits: Mutex::default(), holder: Arc::default() }))
    }

    /// Lets so many changing calls through, and fails every one after them as if the link were cut.
    /// `None` mends it.
    pub fn cut_after(&self, calls: Option<usize>) {
        *held(&self.0.left) = calls;
    }

    /// Its content, to look at or to disturb from outside; of a node that is kept in a file, as it was read last.
    pub fn world(&self) -> MutexGuard<'_, World> {
        held(&self.0.world)
    }

    fn look<T>(&self, what: &str, look: impl FnOnce(&World) -> Result<T, ErrorKind>) -> Result<T, NodeError> {
        let mut world = self.world();
        let current = self.0.store.as_ref().map_or(Ok(()), |store| held(store).refresh(&mut world));
        current.and_then(|()| look(&world)).map_err(|kind| self.error(what, kind))
    }

    fn change<T>(&self, what: &str, change: impl FnOnce(&mut World) -> Result<T, ErrorKind>) -> Result<T, NodeError> {
        match held(&self.0.left).as_mut() {
            Some(0) => {
                let kind = ErrorKind::Unreachable {
                    phase: ConnectionPhase::Connected,
                    why: "the link was cut".to_owned(),
                    hint: String::new(),
                };
                return Err(self.error(what, kind));
            }
            Some(n) => *n -= 1,
            None => {}
        }
        let mut world = self.world();
        let mut store = self.0.store.as_ref().map(held);
        let act = || {
            store.as_mut().map_or(Ok(()), |store| store.refresh(&mut world))?;
            let done = change(&mut world)?;
            store.as_mut().map_or(Ok(()), |store| store.save(&world))?;
            Ok(done)
        };
        let done = act();
        if let (Err(_), Some(store)) = (&done, &mut store) {
            store.forget();
        }
        done.map_err(|kind| self.error(what, kind))
    }

    /// Whether somebody has looked at a container, again and again, for longer than a service takes to prove that it runs.
    fn is_waited_for_long(&self, container: &LiveContainer) -> bool {
        let start = (container.id.clone(), container.started_at.clone());
        held(&self.0.waits).entry(start).or_insert_with(Instant::now).elapsed() > JOB
    }

    fn error(&self, what: &str, kind: ErrorKind) -> NodeError {
        NodeError { node: self.0.name.clone(), what: what.to_owned(), kind }
    }

    /// The file whose lock is the node's, where other processes can see the node.
    fn lock_path(&self) -> Option<Result<String, ErrorKind>> {
        self.0.store.as_ref().map(|store| held(store).lock_path())
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Node for Simulated {
    fn name(&self) -> &NodeName {
        &self.0.name
    }

    async fn ping(&self) -> Result<EngineInfo, NodeError> {
        Ok(EngineInfo { api_version: ApiVersion::new(1, 41), clock_ahead: 0 })
    }

    async fn read_engine(&self) -> Result<LiveNode, NodeError> {
        self.look("read the engine", |world| Ok(world.view()))
    }

    async fn read_files(&self, wanted: &Wanted) -> Result<LiveFiles, NodeError> {
        self.look("read files", |world| {
            let file = |(path, content): (&String, &WantContent)| {
                let file = world.files.live(path)?;
                Some((
                    path.clone(),
                    match content {
                        WantContent::Yes => file,
                        WantContent::No => LiveFile { content: None, entries: None, ..file },
                    },
                ))
            };
            let found = wanted.files.iter().filter_map(file).collect();
            let retained_dirs = wanted.retained_below.iter().flat_map(|root| world.retained(root)).collect();
            Ok(LiveFiles { found, retained_dirs, home: Some("/root".to_owned()), ..LiveFiles::default() })
        })
    }

    async fn ensure_directory(&self, spec: &DirectorySpec) -> Result<(), NodeError> {
        self.change(&format!("make directory {}", spec.path), |world| {
            let (now, owner) = (world.tick(), owner(spec.owner.as_deref())?);
            world.files.make_directory(&spec.path, now).map_err(|e| file_error(&spec.path, &e))?;
            world.files.change(&spec.path, spec.mode, owner);
            Ok(())
        })
    }

    async fn write_file(&self, file: &FileWrite) -> Result<(), NodeError> {
        self.change(&format!("write file {}", file.path), |world| {
            let (modified, owner) = (world.tick(), owner(file.owner.as_deref())?);
            let entry = Entry { node: Inode::File(file.content.clone()), mode: file.mode, uid: 0, gid: 0, modified };
            world.files.write(&file.path, entry, owner).map_err(|e| file_error(&file.path, &e))
        })
    }

    async fn read_file(&self, path: &str) -> Result<Option<LiveFile>, NodeError> {
        self.look(&format!("read {path}"), |world| Ok(world.files.live(path)))
    }

    async fn pull_image(&self, reference: &ImageRef, _: Option<&str>, _: Progress<'_>) -> Result<(), NodeError> {
        self.change(&format!("pull {reference}"), |world| world.pull(reference))
    }

    async fn build_image(&self, reference: &ImageRef, _: &BuildSpec, _: Progress<'_>) -> Result<String, NodeError> {
        self.change(&format!("build {reference}"), |world| Ok(world.build(reference)))
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<String, NodeError> {
        self.change(&format!("create network {}", spec.name), |world| world.create_network(spec))
    }

    async fn remove_network(&self, network: &str) -> Result<(), NodeError> {
        self.change(&format!("remove network {network}"), |world| world.remove_network(network))
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> Result<(), NodeError> {
        self.change(&format!("create volume {}", spec.name), |world| {
            world.create_volume(spec);
            Ok(())
        })
    }

    async fn remove_volume(&self, name: &str) -> Result<(), NodeError> {
        self.change(&format!("remove volume {name}"), |world| world.remove_volume(name))
    }

    async fn create_container(&self, container: &NewContainer<'_>) -> Result<String, NodeError> {
        self.change(&format!("create container {}", container.name), |world| world.create_container(container))
    }

    async fn start_container(&self, container: &str) -> Result<(), NodeError> {
        self.change(&format!("start container {container}"), |world| world.start(container))
    }

    async fn stop_container(&self, container: &str) -> Result<(), NodeError> {
        self.change(&format!("stop container {container}"), |world| world.stop(container))
    }

    async fn restart_container(&self, container: &str) -> Result<(), NodeError> {
        self.change(&format!("restart container {container}"), |world| {
            world.stop(container)?;
            world.start(container)
        })
    }

    async fn unpause_container(&self, container: &str) -> Result<(), NodeError> {
        self.change(&format!("unpause container {container}"), |world| world.unpause(container))
    }

    async fn rename_container(&self, container: &str, name: &str) -> Result<(), NodeError> {
        self.change(&format!("rename container {container}"), |world| world.rename(container, name))
    }

    async fn remove_container(&self, container: &str, volumes: AnonymousVolumes) -> Result<(), NodeError> {
        self.change(&format!("remove container {container}"), |world| {
            world.remove_container(container, volumes);
            Ok(())
        })
    }

    async fn update_container(&self, container: &str, spec: &ContainerSpec) -> Result<(), NodeError> {
        self.change(&format!("update container {container}"), |world| world.update(container, spec))
    }

    async fn connect_network(&self, container: &str, network: &str, end: &Attachment) -> Result<(), NodeError> {
        self.change(&format!("connect {container} to {network}"), |world| world.connect(container, network, end))
    }

    async fn disconnect_network(&self, container: &str, network: &str) -> Result<(), NodeError> {
        self.change(&format!("disconnect {container} from {network}"), |world| world.disconnect(container, network))
    }

    async fn inspect_container(&self, container: &str) -> Result<LiveContainer, NodeError> {
        self.look(&format!("inspect container {container}"), |world| world.inspect(container))
    }

    async fn container_state(&self, container: &str) -> Result<ContainerState, NodeError> {
        let what = format!("look at container {container}");
        let look = |world: &World| world.inspect(container).map(|live| (world.may_be_job(&live), live));
        let (mut may_be_job, mut live) = self.look(&what, look)?;
        may_be_job = may_be_job && self.is_waited_for_long(&live);
        if may_be_job {
            self.change(&what, |world| world.end(container))?;
            live = self.look(&what, |world| world.inspect(container))?;
        }
        let LiveContainer { name, status, health, failed_check, started_at, restarts, .. } = live;
        Ok(ContainerState { name, status, health, failed_check, started_at, restarts })
    }

    async fn container_log(&self, container: &str, _: usize) -> Result<Vec<String>, NodeError> {
        self.look(&format!("read the log of {container}"), |world| world.inspect(container).map(|_| Vec::new()))
    }

    async fn run_script(&self, script: &Script) -> Result<ScriptOutcome, NodeError> {
        self.look("run a script", |world| {
            let code = world.scripts.get(&script.directory).copied().unwrap_or(0);
            Ok(ScriptOutcome { end: ScriptEnd::Exited(code), output: Vec::new() })
        })
    }

    fn capabilities(&self) -> Option<&dyn Capabilities> {
        Some(self)
    }

    fn tools(&self) -> Option<&dyn Tools> {
        Some(self)
    }

    async fn lock(&self, path: &str, holder: &str) -> Result<LockGuard, NodeError> {
        let what = format!("lock {path}");
        let taken = match self.lock_path() {
            Some(path) => path.and_then(|path| {
                let taken = shell::take_lock(&path, holder).map_err(|error| file_error(&path, &error))?;
                taken.map_err(ErrorKind::Locked)
            }),
            None => Held::take(&self.0.holder, holder).map_err(ErrorKind::Locked),
        };
        taken.map_err(|kind| self.error(&what, kind))
    }

    async fn lock_holder(&self, path: &str) -> Result<Option<LockHolder>, NodeError> {
        match self.lock_path() {
            Some(file) => file
                .and_then(|file| shell::lock_holder(&file).map_err(|error| file_error(&file, &error)))
                .map_err(|kind| self.error(&format!("look at the lock {path}"), kind)),
            None => Ok(held(&self.0.holder).as_deref().map(LockHolder::parse)),
        }
    }

    async fn break_lock(&self, path: &str) -> Result<(), NodeError> {
        match self.lock_path() {
            Some(file) => file
                .and_then(|file| shell::break_lock(&file).map_err(|error| file_error(&file, &error)))
                .map_err(|kind| self.error(&format!("break the lock {path}"), kind)),
            None => {
                *held(&self.0.holder) = None;
                Ok(())
            }
        }
    }
}

/// The lock of a node in memory, until it is dropped.
struct Held(Arc<Mutex<Option<String>>>);

impl Held {
    fn take(place: &Arc<Mutex<Option<String>>>, words: &str) -> Result<LockGuard, LockHolder> {
        let mut holder = held(place);
        match holder.as_deref() {
            Some(other) => Err(LockHolder::parse(other)),
            None => {
                *holder = Some(format!("{} - {words}", std::process::id()));
                Ok(LockGuard::new(Self(Arc::clone(place))))
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *held(&self.0) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spec::{ContainerRef, NetworkMode, RestartPolicy};
    use crate::model::view::Status;

    /// The least spec of a container of this image.
    pub(super) fn spec(image: &str) -> ContainerSpec {
        ContainerSpec { image: ImageRef::new(image), ..ContainerSpec::default() }
    }

    /// A container to make that shares and takes over nothing.
    pub(super) fn new_container<'a>(name: &'a str, spec: &'a ContainerSpec) -> NewContainer<'a> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        NewContainer { name, spec, peers: &NONE, inherited_volumes: &NONE }
    }

    #[tokio::test]
    async fn a_node_in_a_file_is_the_same_for_all_who_open_it_and_is_locked_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Simulated::kept(NodeName::new("nas").unwrap(), folder.path()).unwrap();
        let (one, two) = (open(), open());
        let path = DirectorySpec { path: "/opt/homelab".into(), ..DirectorySpec::default() };
        one.ensure_directory(&path).await.unwrap();
        assert_eq!(two.exist(&["/opt/homelab"]).await.unwrap(), [true]);
        let lock = one.lock("/opt/homelab/.lock", "ann@desk").await.unwrap();
        let refused = two.lock("/opt/homelab/.lock", "bob@desk").await.unwrap_err();
        assert!(refused.to_string().contains("ann@desk"), "{refused}");
        assert!(two.lock_holder("/opt/homelab/.lock").await.unwrap().is_some());
        drop(lock);
        two.lock("/opt/homelab/.lock", "bob@desk").await.unwrap();
    }

    #[tokio::test]
    async fn who_uses_the_network_of_another_container_has_no_ports_and_no_name_of_its_own() {
        let node = Simulated::new(NodeName::new("nas").unwrap(), World::default());
        node.pull_image(&ImageRef::new("any:1"), None, &|_| {}).await.unwrap();
        node.create_container(&new_container("vpn", &spec("any:1"))).await.unwrap();
        let network_mode = NetworkMode::Container(ContainerRef::Name("vpn".to_owned()));
        let mut user = ContainerSpec { network_mode, hostname: Some("web".to_owned()), ..spec("any:1") };
        let refused = node.create_container(&new_container("web", &user)).await.unwrap_err();
        assert!(refused.to_string().contains("conflicting options: hostname"), "{refused}");
        user.hostname = None;
        node.create_container(&new_container("web", &user)).await.unwrap();
    }

    #[tokio::test]
    async fn a_container_shows_the_log_driver_that_the_engine_chose() {
        let node = Simulated::new(NodeName::new("nas").unwrap(), World::default());
        node.pull_image(&ImageRef::new("any:1"), None, &|_| {}).await.unwrap();
        let id = node.create_container(&new_container("web", &spec("any:1"))).await.unwrap();
        let driver = node.world().containers[&id].spec.logging.as_ref().map(|logging| logging.driver.clone());
        assert_eq!(driver.as_deref(), Some("json-file"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_is_waited_for_long_is_taken_for_a_job_unless_it_is_to_be_restarted() {
        let node = Simulated::new(NodeName::new("nas").unwrap(), World::default());
        for (name, restart, end) in [
            ("job", RestartPolicy::No, Status::Exited { code: 0 }),
            ("service", RestartPolicy::Always, Status::Running),
        ] {
            let spec = ContainerSpec { restart, ..spec("any:1") };
            node.pull_image(&spec.image, None, &|_| {}).await.unwrap();
            node.create_container(&new_container(name, &spec)).await.unwrap();
            node.start_container(name).await.unwrap();
            assert_eq!(node.container_state(name).await.unwrap().status, Status::Running);
            tokio::time::advance(JOB + Duration::from_millis(1)).await;
            assert_eq!(node.container_state(name).await.unwrap().status, end);
        }
    }

    #[tokio::test]
    async fn a_lock_in_memory_ends_with_its_guard() {
        let node = Simulated::new(NodeName::new("nas").unwrap(), World::default());
        let lock = node.lock("/lock", "ann@desk").await.unwrap();
        let refused = node.lock("/lock", "bob@desk").await.unwrap_err();
        assert!(matches!(refused.kind, ErrorKind::Locked(_)));
        assert_eq!(node.lock_holder("/lock").await.unwrap().unwrap().words, "ann@desk");
        drop(lock);
        assert_eq!(node.lock_holder("/lock").await.unwrap(), None);
        node.lock("/lock", "bob@desk").await.unwrap();
    }
}
